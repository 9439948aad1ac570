"""The table of tasks: one for each kind of output; and the figures that they measure, by name."""

from __future__ import annotations

from mmzoo.schema import Output
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.task import Task

_TASKS: dict[type, Task] = {}


def register_task(kind: type[Output], task: Task) -> None:
    """Makes `task` the task of all outputs of `kind`.

    Raises:
        ValueError: one of its figures goes by the name of another task's figure but is not the same.
    """
    for figure in task.figures:
        for other, known in _figures():
            if figure.name == known.name and figure != known and other is not kind:
                raise ValueError(
                    f"{type(task).__name__}: the figure {figure.name!r} is one of {other.__name__} already, and not "
                    "the same; call yours something else"
                )
    _TASKS[kind] = task


def task_for(output: Output) -> Task:
    """The task of an output.

    Raises:
        TypeError: its kind has none; the message names it and those that have one.
    """
    for kind in type(output).__mro__:
        if kind in _TASKS:
            return _TASKS[kind]
    known = sorted(kind.__name__ for kind in _TASKS)
    raise TypeError(f"no task for outputs of the kind {type(output).__name__}; there are tasks for {known}")


def figure_of(column: str) -> Figure:
    """The figure in a column of a table, which is named <metric>, <output>_<metric> or <output>_<metric>_<condition>.

    Raises:
        ValueError: no task has such a figure; the message lists those there are.
    """
    padded, found = f"_{column}_", {}
    for _, figure in _figures():
        place = padded.rfind(f"_{figure.name}_")
        if place >= 0:
            # The last one, since an output may be called as a metric; of those that end there the longest.
            found[place + len(figure.name), len(figure.name)] = figure
    if not found:
        known = sorted({figure.name for _, figure in _figures()})
        raise ValueError(f"column {column!r}: no figure of any kind of output; there are {known}")
    return found[max(found)]


def _figures():
    return [(kind, figure) for kind, task in _TASKS.items() for figure in task.figures]
