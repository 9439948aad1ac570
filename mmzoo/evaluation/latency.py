"""How long one sample takes in each LiteRT file of a bundle."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from mmzoo.edge.runtime import VARIANTS, load

WARM_UP = 10


def milliseconds(call: Callable, count: int) -> tuple[float, float]:
    """Median and 95th percentile of `count` calls, in ms, after a few that don't count."""
    times = []
    for _ in range(WARM_UP + count):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times[WARM_UP:])), float(np.percentile(times[WARM_UP:], 95))


def litert_latencies(
    bundle: str | os.PathLike, sample: dict[str, np.ndarray], *, threads: Sequence[int] = (1, 2), count: int = 200
) -> pd.DataFrame:
    """Runs the files that a bundle holds on this machine, through the edge runtime.

    Args:
        bundle: folder of the bundle.
        sample: input name -> array as `Schema.encode` makes it, without a batch dimension.
        threads: numbers of threads to try.
        count: predictions each.

    Returns:
        One row a file and number of threads: "file", "threads", "median_ms", "p95_ms".
    """
    rows = []
    for variant in VARIANTS:
        file = pathlib.Path(bundle) / f"model_{variant}.tflite"
        if file.is_file():
            for number in threads:
                model = load(bundle, variant=variant, threads=number)
                median, p95 = milliseconds(lambda model=model: model.run(sample), count)
                rows.append({"file": file.name, "threads": number, "median_ms": median, "p95_ms": p95})
    return pd.DataFrame(rows, columns=["file", "threads", "median_ms", "p95_ms"])


def interleaved(
    calls: Mapping[str, Callable], *, rounds: int, round_seconds: float = 0.05, most: int = 50
) -> dict[str, list[np.ndarray]]:
    """Times several calls in turn, so that what else the machine does falls on all of them alike.

    Args:
        calls: name -> function without arguments.
        rounds: how often each has its turn.
        round_seconds: a turn ends after this time, but not before three calls.
        most: a turn ends after so many calls. The first of each turn, which finds cold caches, doesn't count.

    Returns:
        Name -> for each turn the ms of the calls that count.
    """
    times = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(3):
            call()
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            began, turn = time.perf_counter(), []
            while len(turn) < 3 or (len(turn) < most and time.perf_counter() - began < round_seconds):
                start = time.perf_counter()
                call()
                turn.append(1e3 * (time.perf_counter() - start))
            times[name].append(np.array(turn))
    return times
