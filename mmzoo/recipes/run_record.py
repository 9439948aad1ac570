"""What is written down of a run, so that every figure can be traced to a command."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import platform
from typing import Any


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One evaluated model.

    Attributes:
        model: builder and size ("road_sign_small").
        data: the data set.
        split: the split the figures are of.
        note: what is real and what is simulated.
        seed: of the run.
        samples: number of samples evaluated.
        parameters: of the model.
        metrics: metric -> value with all inputs as the data has them.
        arms: inputs given, joined by "+" -> headline metric.
        machine: what it ran on.
        held_out: False if some of the samples were trained on, or none were evaluated.
        failures: camera failure -> the same as `arms` under it.
        command: what was typed.
        recipe: hyper-parameters, if it was a training.
        training: images, epochs, minutes, if it was a training.
        parity: of the exported files, if there are any.
    """

    model: str
    data: str
    split: str
    note: str
    seed: int
    samples: int
    parameters: int
    metrics: dict[str, float]
    arms: dict[str, float]
    machine: str
    held_out: bool = True
    failures: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    command: str = ""
    recipe: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    parity: dict[str, Any] | None = None

    def save(self, path: str | os.PathLike) -> None:
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, default=str)
        pathlib.Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> RunRecord:
        return cls(**json.loads(pathlib.Path(path).read_text(encoding="utf-8")))


def origin(weights: str | os.PathLike | None) -> str | None:
    """What weights are called, without folders, and the command that made them where their run lies around them.

    Args:
        weights: a name, or the path of a file or bundle; None for none.
    """
    if weights is None:
        return None
    path = pathlib.Path(weights)
    run = path.parent / "run.json"
    command = RunRecord.load(run).command if path.exists() and run.is_file() else ""
    return f"{path.name}, made by `{command}`" if command else path.name


# What a processor multiplies with, best first: flag in /proc/cpuinfo -> name. How much faster 8 bits are hangs on it.
VECTOR_UNITS = {
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "i8mm": "ARM int8 matrices",
    "asimddp": "ARM dot product",
    "asimd": "ARM NEON",
}


def machine() -> str:
    """The machine and the versions a figure was measured with, without names or paths."""
    import keras

    try:
        cpu = processor(pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        cpu = platform.processor() or platform.machine()
    backend = keras.backend.backend()
    versions = f"Python {platform.python_version()}, Keras {keras.__version__} on {backend}"
    return f"{os.cpu_count()} x {cpu}, {versions}"


def processor(cpuinfo: str) -> str:
    """Name and vector unit of the processor that Linux describes in /proc/cpuinfo.

    >>> processor("model name : AMD EPYC\\nflags : fpu avx2 avx512f avx512_vnni")
    'AMD EPYC (AVX-512 VNNI)'
    """
    pairs = (line.partition(":") for line in cpuinfo.splitlines())
    said = {name.strip(): value.strip() for name, _, value in pairs}
    flags = (said.get("flags") or said.get("Features") or "").split()
    unit = next((name for flag, name in VECTOR_UNITS.items() if flag in flags), None)
    name = said.get("model name") or platform.machine()
    return f"{name} ({unit})" if unit else name
