"""CARD.md of a bundle, made from the record of its run: the same for every recipe."""

from __future__ import annotations

from mmzoo.exporting.card import contract
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.result_tables import RESULTS, card_tables, figure_text, marks, with_table
from mmzoo.recipes.running.arms import ALL, GIVEN
from mmzoo.recipes.running.recording.record import RunRecord
from mmzoo.recipes.running.step_time import in_words
from mmzoo.schema import Schema

_ALL_ROWS = (
    "These weights were trained on all rows, so none is left to measure them on: what they are worth is what the same "
    "recipe reaches when it is trained without the rows it is measured on."
)
_GONE_ON = "They started from other weights (see Training); the commands behind the figures stand in results.csv."
_OTHERS = (
    'On data that was not trained on. "given" is the model itself, its other inputs hidden; "alone" is a model that '
    "was trained on that input only."
)


def recipe_card(recipe: Recipe, record: RunRecord, schema: Schema) -> str:
    """The text of CARD.md.

    Args:
        recipe: whose model it is.
        record: of the training and, unless all rows were trained on, its evaluation.
        schema: the model's.

    Returns:
        Markdown; its first line says what is real and what is simulated. The tables between the marks are those of
        results.csv, which `python -m mmzoo.recipes.results tables` writes again.
    """
    training, settings = record.training or {}, dict(record.settings or {})
    begun = training.get("weights")
    data_set = recipe.data[record.data]
    sections = recipe.card_sections(record) if recipe.card_sections else []
    lines = [
        f"**{record.note}**",
        "",
        f"# {record.model}, trained on {record.data}",
        "",
        f"{recipe.about} {record.parameters:,} parameters.",
        "",
        "## Figures",
        "",
        *(_own_figures(record) if record.held_out else (_ALL_ROWS, *([_GONE_ON] if begun else []), "")),
        _OTHERS,
        *("", with_table("".join(marks(RESULTS)), card_tables(f"{record.model}_{record.data}")), ""),
        *(line for paragraph in sections for line in (paragraph, "")),
        "## Training",
        "",
        f"- command: `{record.command}`",
        f"- data: {training.get('samples', 0):,} samples of {record.data}: {data_set.about}; "
        + ("the training part of the same split" if record.held_out else "all rows"),
        *([f"- started from: {begun}"] if begun else []),
        f"- time: {training.get('minutes', 0)} minutes for the epochs, loading not counted, on {record.machine}",
        *([f"- a training step: {in_words(record.step_time)}"] if record.step_time else []),
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in settings.items() if value not in (None, {}, "")),
        "",
        "## Limits",
        "",
        recipe.limits,
        "",
        contract(schema),
        "",
        "## Licence",
        "",
        (
            f"Weights: {data_set.weights_licence}. "
            if data_set.weights_may_ship
            else "These weights may not be given away. "
        )
        + f"Data: {data_set.licence}",
        "",
    ]
    return "\n".join(lines)


def _own_figures(record):
    """The exported model's own: every metric of every output, then its headline with inputs missing."""
    lines = [
        f"These weights, on {record.samples:,} samples of {record.data} {record.split}, which were not trained on; one "
        f"seed ({record.seed}):",
        "",
    ]
    rows = record.table
    rows = rows[(rows.split == record.split) & (rows.seed == record.seed)]
    rows = rows[(rows.arm == ALL) | rows.arm.str.endswith(GIVEN)]
    for output in record.outputs:
        own = rows[rows.output == output]
        whole = own[own.arm == ALL].set_index("metric").value
        # What is measured for every subset of the inputs: the headline, as it is and under each failure.
        subsets = own[own.arm != ALL]
        metrics = list(dict.fromkeys(subsets.metric))
        # Under failures they stand in the table.
        plain = [name for name in whole.index if name not in metrics[1:]]
        said = ", ".join(f"{name.replace('_', ' ')} {figure_text(output, name, whole[name])}" for name in plain)
        lines += [f"{output}, all inputs as the data has them: {said}.", ""]
        if metrics:
            lines += ["| inputs given | " + " | ".join(metric.replace("_", " ") for metric in metrics) + " |"]
            lines += ["|---" * (1 + len(metrics)) + "|"]
            for arm in dict.fromkeys([ALL, *subsets.arm]):
                values = own[own.arm == arm].set_index("metric").value
                cells = [figure_text(output, n, values[n]) if n in values else "-" for n in metrics]
                lines.append(f"| {arm.removesuffix(GIVEN).replace('+', ', ')} | " + " | ".join(cells) + " |")
            lines.append("")
    return lines
