"""A drive in the Udacity simulator: one recording of camera, steering, throttle, brake, speed; 14 steps a second.

A folder holds metadata.csv (index, timestamp, center, steering, throttle, brake, speed_mph) and the pictures. Rows keep
their order. They are cut into blocks of 100, of which fold k holds out the blocks k, k + 5, k + 10, ...; a stretch of
steps also ends where the index jumps or more than a second passes, as where parts of the recording were kept apart.

What a frame is given of its past are the steps before it, never the frame's own and never of another stretch:

- `history`: speed, steering and throttle, as recorded;
- `location`: x (ahead) and y (to the left) in metres and heading in degrees (to the left), seen from the frame. **It is
  computed, not recorded**: integrated from speed and steering by the bicycle model (Rajamani, "Vehicle dynamics and
  control", 2012, 2.2) of a car with a wheelbase of 2.7 m whose front wheels turn by 25 degrees at full steering.

**Simulated**, from the seed and the place in the recording alone, never from what is to be predicted:

- `road_condition`: one draw for each block (it is decoration: the simulator has one weather), with 10 % of the fields
  and 5 % of the rows missing;
- gaps, in training: in 10 % of the rows one to five steps of the past are lost, in 2 % all of it;
- missing labels, in training: 4 % of the rows lack their steering, 4 % their throttle, 4 % their brake.

The brake was used in two stretches of 89 rows together: its figures rest on little.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmzoo import encoding
from mmzoo.data.samples.metadata import FILE, numbers_of, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.models.schemas.driving import LIGHTS, SURFACES, WEATHERS
from mmzoo.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

NOTE = "recorded in a simulator; location computed, road condition, gaps and missing labels simulated"
COLUMNS = ("index", "timestamp", "center", "steering", "throttle", "brake", "speed_mph")
FOLDS = 5
BLOCK = 100

_LONGEST_GAP = 1.0  # s
_METRES_A_SECOND = 0.44704  # in one mile an hour
_WHEELBASE = 2.7  # m
_FULL_STEERING = math.radians(25.0)

_GAP, _LONGEST_LOSS, _ALL_LOST = 0.10, 5, 0.02
_NO_FIELD, _NO_ROAD_CONDITION = 0.10, 0.05
_NO_LABEL = 0.04


@data_set(
    about="a drive in the Udacity simulator, camera 160 x 80",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the pictures",
    licence="none stated; from a public course repository",
    weights_may_ship=True,
    folds=FOLDS,
)
def load_driving_sim(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Frames with their past, and what the driver did at each.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: of the driving model, see `mmzoo.models.schemas.driving`; the inputs that it has are made.
        fold: 0..4, the blocks that "validation" has and "train" lacks.
        seed: of what is simulated.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of time; their groups are the numbers of the blocks. Targets: `steering` and `throttle`
        float32 (N,), NaN where missing, `brake` int32 (N,), 1 where the brake was used, -1 where missing.

    Raises:
        FileNotFoundError: the table or a picture is missing.
        ValueError: a cell that is no number or no time, or times out of order; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    columns = {name: numbers_of(table, name, data_dir) for name in ("index", *COLUMNS[3:])}
    seconds = _seconds(table, data_dir)
    block = np.arange(len(table)) // BLOCK
    begins = stretches(block, columns["index"], seconds)
    chosen = np.flatnonzero({TRAIN: block % FOLDS != fold, ALL: block >= 0}.get(split, block % FOLDS == fold))
    if limit is not None and limit < len(chosen):
        chosen = chosen[np.arange(limit) * len(chosen) // limit]

    recorded = _Recording(data_dir, table, columns, seconds, block, begins)
    makers = {"image": recorded.pictures, "history": recorded.history, "location": recorded.location}
    makers["road_condition"] = lambda rows, _: recorded.road_condition(rows, seed)
    inputs = {name: makers[name](chosen, modality) for name, modality in schema.inputs.items()}
    targets = {
        "steering": columns["steering"][chosen].astype(np.float32),
        "throttle": columns["throttle"][chosen].astype(np.float32),
        "brake": (columns["brake"][chosen] > 0).astype(np.int32),
    }
    if split == TRAIN:
        _lose(inputs, targets, _rows_drawn(columns["index"][chosen], seed, 4))
    ids = [table["center"].iloc[i] for i in chosen]
    return Samples(inputs, {name: targets[name] for name in schema.outputs}, NOTE, ids=ids, groups=block[chosen])


@dataclasses.dataclass(frozen=True)
class _Recording:
    """The whole folder, from which the inputs of some rows are made."""

    folder: pathlib.Path
    table: pd.DataFrame
    columns: Mapping[str, np.ndarray]
    seconds: np.ndarray
    block: np.ndarray
    begins: np.ndarray

    def pictures(self, rows, image):
        files = [(self.folder / self.table["center"].iloc[i], f"row {self.table.index[i]}") for i in rows]
        return np.stack([encoding.encode_image(image, file, f"{self.folder / FILE}: {row}") for file, row in files])

    def history(self, rows, series):
        values = np.stack([self.columns[name] for name in ("speed_mph", "steering", "throttle")], axis=1)
        past = past_steps(self.begins, series.shape[0])[rows]
        return np.where(past[..., None] >= 0, values[past], np.nan).astype(np.float32)

    def location(self, rows, series):
        poses = track(self.columns["speed_mph"], self.columns["steering"], self.seconds)
        past = past_steps(self.begins, series.shape[0])[rows]
        return np.where(past[..., None] >= 0, _seen_from(poses[rows], poses[past]), np.nan).astype(np.float32)

    def road_condition(self, rows, seed):
        first = self.columns["index"][self.block * BLOCK]
        return road_conditions(first[rows], self.columns["index"][rows], seed)


def stretches(block: np.ndarray, index: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The row that each row's stretch begins with: int (N,).

    Args:
        block: int (N,), another number is another stretch.
        index: (N,), whose jumps end a stretch.
        seconds: (N,), where more than one passes a stretch ends.
    """
    ends = (np.diff(block) != 0) | (np.diff(index) != 1) | (np.diff(seconds) > _LONGEST_GAP)
    starts = np.where(np.concatenate([[True], ends]), np.arange(len(block)), 0)
    return np.maximum.accumulate(starts)


def past_steps(begins: np.ndarray, steps: int) -> np.ndarray:
    """The rows of the steps before each row, the newest last, -1 where its stretch has none: int (N, steps)."""
    rows = np.arange(len(begins))[:, None] - np.arange(steps, 0, -1)
    return np.where(rows >= begins[:, None], rows, -1)


def track(speed_mph: np.ndarray, steering: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Where the car is at each row by the bicycle model: float (N, 3), x and y in metres, heading in radians.

    Each row's speed and steering hold until the next; heading grows to the left, steering to the right.
    """
    elapsed = np.diff(seconds, append=seconds[-1:])
    distance = speed_mph * _METRES_A_SECOND * elapsed
    turn = -distance / _WHEELBASE * np.tan(steering * _FULL_STEERING)
    heading = np.concatenate([[0.0], np.cumsum(turn)[:-1]])
    moves = distance * np.stack([np.cos(heading + turn / 2), np.sin(heading + turn / 2)])
    x, y = np.concatenate([np.zeros((2, 1)), np.cumsum(moves, axis=1)[:, :-1]], axis=1)
    return np.stack([x, y, heading], axis=1)


def road_conditions(block: np.ndarray, index: np.ndarray, seed: int) -> np.ndarray:
    """Surface, weather and light (indices) and visibility in metres of each row, all simulated: float32 (N, 4).

    Args:
        block: (N,), the index of the first row of each row's block, by which its condition is drawn.
        index: (N,), by which is drawn what is missing.
        seed: of the draws.
    """
    conditions = {}
    for number in np.unique(block).astype(int):
        rng = np.random.default_rng((seed, 1, number))
        weather = rng.choice(len(WEATHERS), p=(0.4, 0.3, 0.2, 0.05, 0.05))
        surface = rng.choice(len(SURFACES), p=_SURFACE_GIVEN_WEATHER[weather])
        light = rng.choice(len(LIGHTS), p=(0.75, 0.1, 0.15))
        visibility = min(_VISIBILITY[weather] * math.exp(0.3 * rng.standard_normal()), 10_000.0)
        conditions[number] = (surface, weather, light, visibility)
    rows = np.array([conditions[int(number)] for number in block], np.float32).reshape(-1, 4)
    draw = _rows_drawn(index, seed, 5, kind=2)
    rows[draw[:, :4] < _NO_FIELD] = np.nan
    rows[draw[:, 4] < _NO_ROAD_CONDITION] = np.nan
    return rows


def always_straight(samples: Samples) -> dict[str, np.ndarray]:
    """The first sceptic's baseline: no steering, full throttle; float32 (N, 1) by output."""
    count = len(samples)
    return {"steering": np.zeros((count, 1), np.float32), "throttle": np.ones((count, 1), np.float32)}


def last_value(samples: Samples) -> dict[str, np.ndarray]:
    """The second: what the driver did at the last step that is known; as `always_straight` where none is."""
    history, found = samples.inputs["history"], always_straight(samples)
    for output, place in (("steering", 1), ("throttle", 2)):
        known = ~np.isnan(history[..., place])
        newest = history.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
        some = known.any(axis=1)
        found[output][some, 0] = history[some, newest[some], place]
    return found


# Rows: weather; columns: SURFACES (dry, wet, snow, ice, gravel).
_SURFACE_GIVEN_WEATHER = (
    (0.90, 0.05, 0.0, 0.0, 0.05),
    (0.80, 0.15, 0.0, 0.0, 0.05),
    (0.05, 0.90, 0.0, 0.0, 0.05),
    (0.0, 0.30, 0.50, 0.20, 0.0),
    (0.50, 0.45, 0.0, 0.0, 0.05),
)
_VISIBILITY = (8000.0, 6000.0, 3000.0, 900.0, 200.0)  # [m] by weather


def _seconds(table, folder):
    """The time of each row in seconds, float64 (N,)."""
    times = []
    for row, text in table["timestamp"].items():
        try:
            times.append(datetime.datetime.fromisoformat(text).timestamp())
        except ValueError as error:
            raise ValueError(f"{folder / FILE}: row {row}: expected an ISO 8601 time, got {text!r}") from error
        if len(times) > 1 and times[-1] < times[-2]:
            raise ValueError(f"{folder / FILE}: row {row}: expected times in order, got {text!r} after a later one")
    return np.array(times)


def _seen_from(here, poses):
    """Poses (N, T, 3) as seen from others (N, 3): x ahead, y to the left, heading in degrees, -180 to 180."""
    moved = poses - here[:, None]
    cos, sin = np.cos(here[:, None, 2]), np.sin(here[:, None, 2])
    x, y = moved[..., 0] * cos + moved[..., 1] * sin, moved[..., 1] * cos - moved[..., 0] * sin
    return np.stack([x, y, (np.degrees(moved[..., 2]) + 180.0) % 360.0 - 180.0], axis=-1)


def _rows_drawn(index, seed, count, kind=0):
    """Uniform numbers (N, count) that depend on the seed and each row's own index."""
    return np.array([np.random.default_rng((seed, kind, int(i) + 1)).random(count) for i in index]).reshape(-1, count)


def _lose(inputs, targets, draw):
    """Makes steps of some rows missing, in both series alike, and labels of others, in place."""
    for name in ("history", "location"):
        for row, (lot, place, length, _) in zip(inputs.get(name, ()), draw, strict=False):
            start, end = 0, len(row)
            if lot >= _ALL_LOST:
                start = int(place * len(row))
                end = start + 1 + int(length * _LONGEST_LOSS)
            if lot < _ALL_LOST + _GAP:
                row[start:end] = np.nan
    for number, (name, missing) in enumerate((("steering", np.nan), ("throttle", np.nan), ("brake", -1))):
        lot = draw[:, 3] / _NO_LABEL
        targets[name][(lot >= number) & (lot < number + 1)] = missing
