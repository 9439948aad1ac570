"""The card of a pretrained road-sign model, made from the record of its run."""

from __future__ import annotations

from mmzoo.exporting.card import contract
from mmzoo.recipes.results import BEGIN, END, card_tables, with_table
from mmzoo.recipes.run_record import RunRecord
from mmzoo.schema import Schema
from mmzoo.tasks import figure_of

_LICENCE = {
    "gtsrb": (
        "Weights: Apache-2.0. Trained on the German Traffic Sign Recognition Benchmark (J. Stallkamp, M. Schlipsing, "
        'J. Salmen, C. Igel: "Man vs. computer: Benchmarking machine learning algorithms for traffic sign '
        'recognition", Neural Networks 32, 2012; free download from the official site, cite the paper).'
    ),
    "rendered": "Weights: Apache-2.0. Trained on images drawn by mmzoo itself.",
}


def road_sign_card(record: RunRecord, schema: Schema, context_only_accuracy: float) -> str:
    """The text of CARD.md.

    Args:
        record: of the training and, unless all tracks were trained on, its evaluation.
        schema: the model's.
        context_only_accuracy: of a classifier trained on the simulated context alone, 0..1.

    Returns:
        Markdown; its first line says what is real and what is simulated. The tables between the marks are those of
        results.csv, which `python -m mmzoo.recipes.results tables` writes again.
    """
    training, recipe = record.training or {}, dict(record.recipe or {})
    begun, teacher = training.get("weights"), training.get("teacher")
    if not teacher:
        recipe.pop("teaching", None)
    lines = [
        f"**{record.note}**",
        "",
        f"# {record.model}, trained on {record.data}",
        "",
        f"Names one of 43 German road signs from a camera crop, the text on or under the sign, the car's place and the "
        f"road condition; any of them may be missing. {record.parameters:,} parameters.",
        "",
        "## Figures",
        "",
        *(_own_figures(record) if record.held_out else (_ALL_TRACKS, *([_GONE_ON] if begun else []), "")),
        "The recipe on data that was not trained on, whole tracks held out where they are real (`--fold K`; one "
        "physical sign gives some thirty pictures, so a fold's figure hangs on few signs). The official GTSRB test was "
        "not used.",
        *("", with_table(f"{BEGIN}{END}", card_tables(f"{record.model}_{record.data}")), ""),
        "The context is simulated (see `mmzoo/data/sets/road_context.py`): its probabilities are judgements, not "
        "measurements. It must not give the sign away: the bound is 60 % for any model on the context alone. The "
        "better of two classifiers trained on nothing but the context (`python -m mmzoo.recipes.context_only`) reaches "
        f"{100 * context_only_accuracy:.1f} %. The camera's row is the one to compare with other work.",
        "",
        "## Training",
        "",
        f"- command: `{record.command}`",
        f"- data: {training.get('images', 0):,} images of {record.data}, "
        + ("training part of the same split" if record.held_out else "all of the official training part"),
        *([f"- started from: {begun}"] if begun else []),
        *([f"- taught by: {teacher}"] if teacher else []),
        f"- time: {training.get('minutes', 0)} minutes for the epochs, loading not counted, on {record.machine}",
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in recipe.items() if name != "size"),
        "",
        "## Limits",
        "",
        "German signs, cropped so that the sign fills most of the picture. It always names one of its 43 classes, also "
        "for a picture without a sign. Not a safety component: the figures above say how often it errs.",
        "",
        contract(schema),
        "",
        "## Licence",
        "",
        _LICENCE[record.data],
        "",
    ]
    return "\n".join(lines)


_ALL_TRACKS = (
    "These weights were trained on all tracks, so no picture is left to measure them on: what they are worth is what "
    "the same recipe reaches when it is trained without the tracks it is measured on."
)
_GONE_ON = "They started from other weights (see Training); the commands behind the figures stand in results.csv."


def _own_figures(record):
    columns = [record.arms, *record.failures.values()]
    headings = ["inputs given", "top-1 accuracy", *(f"image {failure}" for failure in record.failures)]
    return [
        f"These weights, on {record.samples:,} images of {record.data} {record.split}, which were not trained on; one "
        f"seed ({record.seed}), the weights of the last epoch:",
        "",
        "| " + " | ".join(headings) + " |",
        "|---" * len(headings) + "|",
        *(
            "| " + " | ".join([arm.replace("+", ", "), *(f"{100 * values[arm]:.2f} %" for values in columns)]) + " |"
            for arm in record.arms
        ),
        "",
        "With all inputs as the data has them: "
        + ", ".join(f"{figure_of(name).label} {figure_of(name).text(value)}" for name, value in record.metrics.items())
        + ".",
        "",
    ]
