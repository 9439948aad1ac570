"""run.json: what is written down of a run, so that every figure can be traced to a command. One format for all."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

from mmzoo.files import read_json, replace_text
from mmzoo.recipes.running.arms import ALL, COLUMNS
from mmzoo.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

RECORD = "run.json"
FORMAT = 2


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One run: a training with its arms, or an evaluation.

    Attributes:
        recipe: its name, or "own_data".
        model: recipe and size ("road_sign_small").
        data: the data set.
        split: the split that the exported model is measured on.
        note: what is real and what is simulated.
        seed: the first of the run.
        samples: number of samples that the exported model is measured on.
        parameters: of the exported model.
        outputs: name -> unit of its values, "" where it has none.
        figures: one dict a figure: "split", "seed", "arm", "output", "metric", "value", "samples", "parameters". For
            what the arms are called see `mmzoo.recipes.running.arms`; a value is None where the figure isn't defined.
        machine: what it ran on.
        held_out: False if some of the samples were trained on, or none were measured.
        command: what was typed.
        settings: hyper-parameters and options, if it was a training.
        training: samples, epochs, minutes, where the weights came from, if it was a training.
        rests_on: all that the weights depend on, see `mmzoo.recipes.running.recording.identity`.
        parity: of the exported files, if there are any.
        step_time: milliseconds of a training step with and without XLA, where it was measured.
    """

    recipe: str
    model: str
    data: str
    split: str
    note: str
    seed: int
    samples: int
    parameters: int
    outputs: dict[str, str]
    figures: list[dict[str, Any]]
    machine: str
    held_out: bool = True
    command: str = ""
    settings: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    rests_on: dict[str, Any] | None = None
    parity: dict[str, Any] | None = None
    step_time: dict[str, Any] | None = None

    @property
    def table(self) -> pd.DataFrame:
        """The figures, one a row."""
        import pandas as pd

        return pd.DataFrame(self.figures, columns=list(COLUMNS))

    def metrics(self, output: str, arm: str = ALL) -> dict[str, float]:
        """Metric -> value of an arm on `split`, with the first seed."""
        return {
            row["metric"]: row["value"]
            for row in self.figures
            if (row["output"], row["arm"], row["split"], row["seed"]) == (output, arm, self.split, self.seed)
        }

    def save(self, path: str | os.PathLike) -> None:
        """Writes run.json."""
        text = json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1, ensure_ascii=False, default=str)
        replace_text(path, text + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> RunRecord:
        """Reads run.json.

        Raises:
            ValueError: another format.
        """
        found = read_json(path)
        if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
            raise ValueError(f"{path}: not in the format of this mmzoo; run the command again")
        try:
            return cls(**found)
        except TypeError as error:
            raise ValueError(f"{path}: not in the format of this mmzoo ({error}); run the command again") from error


def units(schema: Schema) -> dict[str, str]:
    """Output -> its unit, as a record has it; what is no prediction is left out."""
    return {name: kind.unit for name, kind in schema.predicted.items()}


def origin(weights: str | os.PathLike | None) -> str | None:
    """What weights are called, without folders, and the command that made them where their run lies around them.

    Args:
        weights: a name, or the path of a file or bundle; None for none.
    """
    if weights is None:
        return None
    path = pathlib.Path(weights)
    run = path.parent / RECORD
    command = RunRecord.load(run).command if path.exists() and run.is_file() else ""
    return f"{path.name}, made by `{command}`" if command else path.name
