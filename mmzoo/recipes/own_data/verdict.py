"""Whether the fusion is worth it: the model of all inputs beside the best one of a single input."""

from __future__ import annotations

import dataclasses
import math

from mmzoo.recipes.running.arms import ALL, ALONE
from mmzoo.tasks import figure_of, task_for


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of the comparison for an output.

    Attributes:
        output: its name.
        figure: name of the figure compared.
        best: the best single input.
        gain: by how much all inputs are better than it; negative where they are worse.
        spread: what a difference may be by chance: over the seeds, or over such test rows.
        others: the inputs that could be left out.
    """

    output: str
    figure: str
    best: str
    gain: float
    spread: float
    others: tuple[str, ...]

    @property
    def is_worth_it(self) -> bool:
        """Whether all inputs are better by more than the spread."""
        return self.gain > self.spread

    @property
    def line(self) -> str:
        """The line of the summary and the report."""
        figure = figure_of(self.figure)
        gain, spread = figure.difference_text(abs(self.gain)), figure.difference_text(self.spread)
        if self.is_worth_it:
            return f"{self.output}: the fusion is worth it: {gain} over {self.best!r} alone (chance: ± {spread})."
        how = "better" if self.gain > 0 else "worse" if self.gain < 0 else "apart"
        without = f"without {', '.join(self.others)} (their columns as --kind COLUMN=ignore)"
        chance = "which chance explains" if abs(self.gain) <= self.spread else "more than chance explains"
        return (
            f"{self.output}: the fusion is not worth it here: all inputs are {gain} {how} than {self.best!r} alone, "
            f"{chance} (± {spread}). For the smaller bundle train {without}."
        )


def verdicts(figures, schema, leading, samples: int) -> list[Verdict]:
    """A verdict for every output, where there is more than one input and its arms were trained.

    Args:
        figures: the `ArmsTable`.
        schema: of the model.
        leading: output -> name of the figure that stands first.
        samples: number of test rows.
    """
    found = []
    for name in schema.predicted:
        figure, table = figure_of(leading[name]), figures.summary(name, leading[name])
        alone = table[table.index.str.endswith(ALONE)]
        if ALL not in table.index or len(alone) < 2:
            continue
        best = alone["mean"].idxmin() if figure.lower_is_better else alone["mean"].idxmax()
        all_inputs, single = table.loc[ALL], table.loc[best]
        best = best.removesuffix(ALONE)
        found.append(
            Verdict(
                name,
                leading[name],
                best,
                -figure.loss(all_inputs["mean"], single["mean"]),
                _spread(schema.predicted[name], figure, all_inputs, single, samples),
                tuple(other for other in schema.given if other != best),
            )
        )
    return found


def _spread(output, figure, one, other, samples):
    """Two standard errors of the difference: over the seeds, or of a share over the test rows; the larger."""
    over_seeds = 0.0
    if min(one.seeds, other.seeds) > 1:
        over_seeds = 2 * math.sqrt(one.deviation**2 / one.seeds + other.deviation**2 / other.seeds)
    if not figure.is_share or task_for(output).interval(output, 0.5, samples) is None:
        return over_seeds
    share = min(max((one["mean"] + other["mean"]) / 2, 0.0), 1.0)
    # Both are measured on the same rows and err on much the same ones, so less than two independent shares differ by.
    over_rows = 2 * math.sqrt(max(share * (1 - share), 1e-9) / samples)
    return max(over_seeds, over_rows / math.sqrt(max(one.seeds, 1)))
