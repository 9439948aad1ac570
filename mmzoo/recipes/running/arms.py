"""Arms: the models of a recipe that stand beside the one that ships, each trained on its own inputs.

What stands in the column "arm" of arms.csv, run.json and results.csv:

    all inputs                    the model that ships
    all inputs, concatenated      the same with plain concatenation for its fusion
    image alone                   a model trained on that input alone
    all inputs, history shuffled  a control: trained and measured with that input shuffled between samples
    image+text given              the model that ships, its other inputs hidden: a row of the missing-input table
    any other word                a sceptic's baseline
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mmzoo.schema.names import ascii_name

if TYPE_CHECKING:
    import pandas as pd

ALL = "all inputs"
CONCAT = "all inputs, concatenated"
ALONE, GIVEN = " alone", " given"
# Names of which no two become the same folder: an input on its own, or what recipes call theirs.
_PLAIN_ARM = re.compile(rf"[a-z0-9_]+{ALONE}|(?!.*{ALONE}$)[A-Za-z0-9_ ,+().-]+")
COLUMNS = ("split", "seed", "arm", "output", "metric", "value", "samples", "parameters")


@dataclasses.dataclass(frozen=True)
class Arm:
    """A model to be trained.

    Attributes:
        name: see above.
        inputs: those it has.
        builder: keywords of the builder that make it what it is.
        shuffled: inputs that are shuffled between samples.
    """

    name: str
    inputs: tuple[str, ...]
    builder: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shuffled: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """What its folder is called: another for each name, on disks that don't tell `Temp` from `temp` too."""
        if _PLAIN_ARM.fullmatch(self.name):
            return "".join(c if c.isalnum() else "_" for c in self.name.replace(",", ""))
        return f"{ascii_name(self.name)[:60]}_{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


def arms_of(
    names: Iterable[str],
    *,
    beside: bool,
    alone: Mapping[str, Iterable[str]] | None = None,
    concat: bool = True,
    shuffled: Iterable[str | tuple[str, ...]] = (),
) -> tuple[Arm, ...]:
    """The arms of a run; the first is the model that ships.

    Args:
        names: all inputs.
        beside: also those beside it.
        alone: their names -> inputs; None: each input alone.
        concat: whether plain concatenation is another model than the first.
        shuffled: inputs, or several to be shuffled together, to have a control for, whether `beside` or not.

    Raises:
        ValueError: an input that there isn't.
    """
    names = tuple(names)
    arms = [Arm(ALL, names)]
    if beside and len(names) > 1:
        if concat:
            arms.append(Arm(CONCAT, names, {"fusion": "concat"}))
        alone = {f"{name}{ALONE}": (name,) for name in names} if alone is None else alone
        arms += [Arm(name, tuple(inputs)) for name, inputs in alone.items()]
    for control in shuffled:
        together = (control,) if isinstance(control, str) else tuple(control)
        arms.append(Arm(f"{ALL}, {'+'.join(together)} shuffled", names, shuffled=together))
    unknown = [name for arm in arms for name in (*arm.inputs, *arm.shuffled) if name not in names]
    if unknown:
        raise ValueError(f"no input {unknown[0]!r}; the inputs are {list(names)}")
    return tuple(arms)


def given_rows(table: pd.DataFrame | None, inputs: Iterable[str], outputs: Iterable[str]) -> list[tuple]:
    """The missing-input table as (arm, output, metric, value), all inputs given left out but for failing sensors.

    Args:
        table: of `mmzoo.evaluate`.
        inputs, outputs: names.
    """
    if table is None:
        return []
    inputs, rows = list(inputs), []
    # An output's name may begin with another's.
    longest = sorted(outputs, key=len, reverse=True)
    columns = [column for column in table.columns if column not in inputs]
    owners = {column: next(name for name in longest if column.startswith(f"{name}_")) for column in columns}
    for row in table.to_dict("records"):
        given = [name for name in inputs if row[name]]
        whole = len(given) == len(inputs)
        for column, owner in owners.items():
            arm = ALL if whole else "+".join(given) + GIVEN
            rows.append((arm, owner, column.removeprefix(f"{owner}_"), float(row[column])))
    return rows
