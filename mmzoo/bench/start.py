"""From the start of a process to its first prediction on the edge runtime."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

from mmzoo.bench.figures import Figure

SECTION = "start on the edge, from nothing to the first prediction"
STAGES = ("Python starts", "import", "load", "encode", "invoke")

# Runs in a process of its own, as a user's program would; the wall clock is the one that two processes share.
_CHILD = r"""
import time
times = [time.time()]
import json, pathlib, re, sys
import ai_edge_litert.interpreter, PIL.Image, mmzoo.edge
times.append(time.time())
model = mmzoo.edge.load(sys.argv[1], variant=sys.argv[2])
times.append(time.time())
arrays = model.schema.encode(json.loads(sys.argv[3]))
times.append(time.time())
model.run(arrays)
times.append(time.time())
# Not getrusage: its peak begins with that of the process that started this one.
status = pathlib.Path("/proc/self/status")
peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
heavy = sorted({"tensorflow", "keras", "jax", "torch"} & set(sys.modules))
print(json.dumps({"times": times, "peak": peak and float(peak[1]), "heavy": heavy}))
"""


def start_figures(bundle: pathlib.Path, raw: dict, *, variant: str, repetitions: int) -> list[Figure]:
    """Starts the edge runtime in processes of its own.

    Args:
        bundle: the bundle.
        raw: a sample, as `Schema.encode` takes it; pictures by their paths.
        variant: which of the bundle's files.
        repetitions: number of processes, one after another.

    Returns:
        Medians of each stage and of the whole (ms), and the process's peak memory (MB).

    Raises:
        RuntimeError: the process failed, or imported TensorFlow or Keras.
    """
    import mmzoo

    root = str(pathlib.Path(mmzoo.__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    stages, peaks = [], []
    for _ in range(repetitions):
        start = time.time()
        child = subprocess.run(
            [sys.executable, "-c", _CHILD, str(bundle), variant, json.dumps(raw, default=str)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if child.returncode != 0:
            raise RuntimeError(f"the edge runtime's process ended {child.returncode}: {child.stderr[-500:].strip()}")
        result = json.loads(child.stdout.splitlines()[-1])
        if result["heavy"]:
            raise RuntimeError(f"the edge runtime imported {result['heavy']}; it is to do without")
        stages.append(np.diff([start, *result["times"]]) * 1e3)
        peaks.append(result["peak"])
    medians = np.median(stages, axis=0)
    total = float(np.median(np.sum(stages, axis=1)))
    figures = [Figure(SECTION, name, float(ms), "ms") for name, ms in zip(STAGES, medians, strict=True)]
    note = f"{variant} file, median of {repetitions} processes, files in the disk cache"
    figures.append(Figure(SECTION, "the whole", total, "ms", note=note))
    if peaks[0]:
        figures.append(
            Figure("peak memory", "edge process, one prediction", float(np.median(peaks)) * 1024 / 1e6, "MB")
        )
    return figures
