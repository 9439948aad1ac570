"""The points of a comparison: each is trained and measured once, however often the command is called."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Mapping

import pandas as pd

from mmzoo.files import replace_text

FILE = "points.csv"


class Points:
    """What has been measured so far, in points.csv: one row a point and figure.

    Args:
        out: the folder; made where it isn't there.
        settings: what all points of the data must have in common, such as the number of steps, by data.
        minutes: begin no other point after so long; None: all.

    Raises:
        ValueError: the folder holds points with other settings; the message names both.
    """

    def __init__(self, out: pathlib.Path, settings: Mapping[str, Mapping], minutes: float | None = None):
        out.mkdir(parents=True, exist_ok=True)
        self._path, self._settings = out / FILE, {name: dict(one) for name, one in settings.items()}
        self._minutes, self._began = minutes, time.monotonic()
        self._rows = pd.read_csv(self._path).to_dict("records") if self._path.is_file() else []
        for row in self._rows:
            wanted = self._settings.get(row["data"], {})
            there = {key: row[key] for key in wanted}
            if there != wanted:
                raise ValueError(
                    f"{self._path}: has points of {row['data']} with {there}, now {wanted}; name another folder"
                )

    @property
    def table(self) -> pd.DataFrame:
        """All of them."""
        return pd.DataFrame(self._rows)

    @property
    def over(self) -> bool:
        """Whether the minutes are."""
        return self._minutes is not None and time.monotonic() - self._began > 60 * self._minutes

    def holds(self, point: Mapping) -> bool:
        """Whether a point has been measured."""
        return any(all(row[key] == value for key, value in point.items()) for row in self._rows)

    def add(self, point: Mapping, figures: Mapping[str, float], **more) -> None:
        """Sets a point down, whole or not at all.

        Args:
            point: what it is, with "data".
            figures: metric -> value.
            more: what else there is to say of it.
        """
        common = {**point, **more, **self._settings[point["data"]]}
        self._rows += [{**common, "metric": metric, "value": value} for metric, value in figures.items()]
        replace_text(self._path, self.table.to_csv(index=False))
