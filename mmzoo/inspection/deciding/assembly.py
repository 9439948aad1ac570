"""From the decisions to a schema: names of inputs and outputs, and which column feeds which."""

from __future__ import annotations

from typing import Any

from mmzoo.data.tables.table import choose_columns
from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.inspection import Finding
from mmzoo.schema import Field, Schema, Sensors

SENSORS = "sensors"


class Assembly:
    """The schema, and who feeds what.

    Args:
        name: what the model is for.
        targets: the columns to predict.
        decisions: column -> what it is taken for, in the table's order.
        grouped: column -> the sensors input it goes into, for those that don't go into "sensors".
        available: all columns.
        source: the table's name, for messages.
        schema: instead of the one that follows from the decisions.

    Attributes:
        schema: None where it can't be made.
        feeds: column -> "<input>", "<input>.<field>" or "<output>".
        mapping: input, field or output -> column, where the reader of tables would not find it by its name.
        findings: why there is no schema; names that clash.

    Raises:
        ValueError: a group holds a column that is no number, angle, category or date.
    """

    def __init__(
        self,
        name: str,
        targets: list[str],
        decisions: dict[str, Decision],
        grouped: dict[str, str],
        available: list[str],
        source: str,
        schema: Schema | None = None,
    ):
        self.findings: list[Finding] = []
        self.feeds: dict[str, str] = {}
        self.mapping: dict[str, str] = {}
        self.schema = schema
        self._taken = {*grouped.values()}
        fields: dict[str, list[Any]] = {}
        inputs: dict[str, Any] = {}
        outputs = {}
        nameless = decisions.get("")
        if nameless is not None and nameless.part is not None:
            message = "the column without a name is left out; give it one in the header"
            self.findings.append(Finding("warning", "", message))
            decisions = {column: decision for column, decision in decisions.items() if column}
        for column in targets:
            if decisions[column].part is not None:
                self.feeds[column] = self._free(column)
                outputs[self.feeds[column]] = decisions[column].part
        whole = {
            column: self._free(column)
            for column, decision in decisions.items()
            if column not in targets and decision.part is not None and not isinstance(decision.part, Field)
        }
        sensors = self._free(SENSORS)
        for column, decision in decisions.items():
            part, group = decision.part, grouped.get(column)
            if group and not isinstance(part, Field):
                raise ValueError(
                    f"groups: {group!r}: column {column!r} is taken for {decision.kind} ({decision.why}); expected a "
                    f"number, angle, category or date: name its kind with kinds={{{column!r}: ...}}"
                )
            if column in targets or part is None:
                continue
            if column in whole:
                self.feeds[column] = whole[column]
                inputs[whole[column]] = part
            else:
                inputs.setdefault(group or sensors, None)
                fields.setdefault(group or sensors, []).append(part)
                self.feeds[column] = f"{group or sensors}.{part.name}"
        inputs = {key: Sensors(fields[key]) if part is None else part for key, part in inputs.items()}
        if not inputs:
            message = "no column can be an input; see why each was left out, and name kinds for those that can"
            self.findings.append(Finding("error", "", message))
        if schema is not None:
            chosen = choose_columns(schema, available, None, source, targets=True)
            self.feeds = {column: _place(schema, key) for key, column in chosen.items()}
        elif inputs and len(outputs) == len(targets):
            self.schema = Schema(name, inputs, outputs)
            self._map(available, source)

    def _free(self, name):
        """The name, with a number behind it if it is taken."""
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def _map(self, available, source):
        """Notes which columns the reader of tables would not find by itself."""
        wanted = {feed: column for column, feed in self.feeds.items()}
        try:
            chosen = choose_columns(self.schema, available, None, source, targets=True)
            found = {_place(self.schema, key): column for key, column in chosen.items()}
        except ValueError:
            found = {}
        self.mapping = {feed: column for feed, column in wanted.items() if found.get(feed) != column}
        if not self.mapping:
            return
        shown = dict(list(self.mapping.items())[:4])
        message = (
            "some columns can't be told apart by the names of their inputs, as one is called like another with its "
            "input's name before it; rename them, or read the table with "
            f"columns={shown}{' ...' * (len(self.mapping) > 4)}"
        )
        self.findings.append(Finding("warning", "", message))


def parts_of(schema: Schema, available: list[str], source: str) -> tuple[dict[str, Any], list[str]]:
    """What an edited schema says of each column of a table.

    Returns:
        (column -> its field, modality, output, or "ignore"; the columns to predict).

    Raises:
        ValueError: the table lacks a column.
    """
    chosen = choose_columns(schema, available, None, source, targets=True)
    kinds: dict[str, Any] = dict.fromkeys(available, "ignore")
    for (name, index), column in chosen.items():
        part = schema[name]
        kinds[column] = part if index is None else part.fields[index]
    return kinds, [chosen[name, None] for name in schema.predicted]


def _place(schema, key):
    name, index = key
    return name if index is None else f"{name}.{schema.inputs[name].fields[index].name}"
