"""The machine a figure was measured on, without names or paths."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform

# What a processor multiplies with, best first: flag in /proc/cpuinfo -> name. How much faster 8 bits are depends on it.
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


def versions() -> dict[str, str]:
    """Major and minor versions of what a half-finished training goes on with."""
    found = {}
    for package in ("mmzoo", "keras", "tensorflow"):
        try:
            found[package] = ".".join(importlib.metadata.version(package).split(".")[:2])
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
