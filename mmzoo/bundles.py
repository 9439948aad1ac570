"""The bundles that come with mmzoo; standard library only, the device reads it too."""

from __future__ import annotations

import os
import pathlib


def saved_models_dir() -> pathlib.Path:
    """The folder of the shipped bundles: inside an installed package, beside the package in a checkout."""
    package = pathlib.Path(__file__).resolve().parent
    inside = package / "saved_models"
    return inside if inside.is_dir() else package.parent / "saved_models"


def shipped_bundles(model: str = "") -> list[pathlib.Path]:
    """The folders of all shipped bundles, or of those of one model, by name."""
    folders = saved_models_dir().glob(f"{model}*/schema.json")
    return sorted(path.parent for path in folders)


def find_bundle(bundle: str | os.PathLike) -> pathlib.Path:
    """The folder of a bundle.

    Args:
        bundle: a path, or the name of a shipped bundle ("road_sign_small_gtsrb").

    Returns:
        The path; it need not exist.
    """
    path = pathlib.Path(bundle)
    shipped = saved_models_dir() / path
    return shipped if not path.exists() and len(path.parts) == 1 and shipped.is_dir() else path
