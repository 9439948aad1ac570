"""arms.csv: the figures of all arms of a run."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mmzoo.files import replace_text
from mmzoo.recipes.running.arms import COLUMNS


class ArmsTable:
    """The figures of a run, kept in a CSV file, so that an interrupted run goes on.

    Args:
        path: arms.csv.
    """

    def __init__(self, path: pathlib.Path):
        self._path = path
        self.table = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=list(COLUMNS))

    def holds(self, split: str, seed: int, arm: str) -> bool:
        """Whether an arm was measured."""
        table = self.table
        return bool(((table.split == split) & (table.seed == seed) & (table.arm == arm)).any())

    def add(
        self,
        split: str,
        seed: int,
        arm: str,
        figures: Mapping[str, Mapping[str, float]],
        samples: int,
        parameters: int | None,
    ) -> None:
        """Puts an arm's figures in: output -> metric -> value. What stands there already stays."""
        rows = [
            (split, seed, arm, output, metric, value, samples, parameters)
            for output, metrics in figures.items()
            for metric, value in metrics.items()
        ]
        new = pd.DataFrame(rows, columns=list(COLUMNS))
        table = new if self.table.empty else pd.concat([self.table, new], ignore_index=True)
        self.table = table.drop_duplicates(["split", "seed", "arm", "output", "metric"], ignore_index=True)
        replace_text(self._path, self.table.to_csv(index=False))

    def summary(self, output: str, metric: str, split: str | None = None) -> pd.DataFrame:
        """One row an arm, in order: "mean", "deviation" (over the seeds, NaN for one), "seeds".

        Args:
            output, metric: of which figure.
            split: of which split; None: of all, which must be one.
        """
        rows = self.table[(self.table.output == output) & (self.table.metric == metric)]
        if split is not None:
            rows = rows[rows.split == split]
        return rows.groupby("arm", sort=False).value.agg(mean="mean", deviation="std", seeds="count")

    def records(self) -> list[dict[str, Any]]:
        """The figures as run.json has them."""
        rows = self.table.astype(object).where(self.table.notna(), None)
        return rows.to_dict("records")
