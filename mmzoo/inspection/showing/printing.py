"""An inspection on the terminal."""

from __future__ import annotations

from mmzoo.encoding.terminal import shown
from mmzoo.inspection.inspection import LEVELS, Inspection, counted, percent

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_inspection(inspection: Inspection, console=None) -> None:
    """Prints the columns, what was decided and why, and the findings.

    Args:
        inspection: from `inspect_table`.
        console: a `rich.console.Console`; None: a new one on standard output.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    table = Table(
        title=Text(shown(f"{inspection.source}: {inspection.rows:,} rows, {len(inspection.columns)} columns")),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column("column", overflow="fold", min_width=8)
    table.add_column("is", no_wrap=True)
    table.add_column("feeds", overflow="fold")
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("distinct", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for column in inspection.columns:
        style = {"target": "bold", "left out": "dim", "split": "dim"}.get(column.role, "")
        cells = (
            column.name,
            column.kind,
            column.feeds or column.role,
            percent(column.missing) if column.missing else "",
            f"{column.distinct:,}",
            column.why,
        )
        # As Text, since cells of a table may hold what rich takes for markup.
        table.add_row(*(Text(shown(cell)) for cell in cells), style=style)
    console.print(table)
    for level in LEVELS:
        for finding in inspection.of_level(level):
            line = Text(f"{level}: ", style=_COLOURS[level])
            line.append(shown(f"{finding.column}: ") if finding.column else "", style="bold")
            line.append(shown(finding.message), style="" if level != "note" else "dim")
            console.print(line)
    counts = [counted(len(inspection.of_level(level)), level) for level in LEVELS]
    console.print(Text(f"{', '.join(counts)}." if inspection.findings else "Nothing wrong was found."))
