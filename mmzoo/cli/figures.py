"""A run's figures on the terminal, each in its own unit."""

from __future__ import annotations

from mmzoo.recipes.running.recording.record import RunRecord


def print_figures(record: RunRecord) -> None:
    """Prints the metrics of the model of all inputs, output by output."""
    from mmzoo.tasks import figure_of

    for output, unit in record.outputs.items():
        # Not those of a failing sensor, which the missing-input table shows.
        metrics = {name: value for name, value in record.metrics(output).items() if figure_of(name).name == name}
        if metrics and len(record.outputs) > 1:
            print(f"{output}:")
        for name, value in metrics.items():
            said = "-" if value is None else figure_of(name).text(value, unit)
            print(f"{name.replace('_', ' '):16} {said:>8}")
