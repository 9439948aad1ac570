"""The bundles that come with mmzoo, and the checksums of any bundle; standard library only, the device reads it too.

python -m mmzoo.bundles BUNDLE            # compares every file with the bundle's SHA256SUMS
python -m mmzoo.bundles --write BUNDLE    # writes SHA256SUMS anew, for files that you trust

`mmzoo.export` writes SHA256SUMS, and whatever loads a bundle compares the files that it reads with it, so that a copy
that was cut short or a file of another export is found before it runs. It covers every file but itself and CARD.md,
which is for people and whose tables change with every new result. Checksums tell of damage, not of forgery: whoever can
change a file can change its checksum too.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import pathlib
import re
import sys
from collections.abc import Iterable

from mmzoo.files import read_json, read_text

CHECKSUMS = "SHA256SUMS"
_NOT_COVERED = (CHECKSUMS, "CARD.md")
# Bundles are also passed on without it: anybody can make it from model.keras.
_OPTIONAL = "saved_model/"


def saved_models_dir() -> pathlib.Path:
    """The folder of the shipped bundles: inside an installed package, beside the package in a checkout."""
    package = pathlib.Path(__file__).resolve().parent
    inside = package / "saved_models"
    return inside if inside.is_dir() else package.parent / "saved_models"


@dataclasses.dataclass(frozen=True, order=True)
class ShippedBundle:
    """A bundle that comes with mmzoo, in a folder called <model>_<size>_<weights>.

    Attributes:
        path: its folder.
        model: the model's name, as its schema has it ("road_sign").
        size: the model's size ("small").
        weights: the name of the weights ("gtsrb"); may hold a "_", which the size may not.
    """

    path: pathlib.Path
    model: str
    size: str
    weights: str


def shipped_bundles(model: str | None = None) -> list[ShippedBundle]:
    """All shipped bundles, or those of the model of exactly this name, by name.

    Raises:
        ValueError: a folder is not called as its schema wants it to be.
    """
    folders = (path.parent for path in saved_models_dir().glob("*/schema.json"))
    bundles = sorted(map(_shipped, folders))
    return [bundle for bundle in bundles if model in (None, bundle.model)]


def _shipped(folder):
    # Where one model's name begins with another's, only the schema tells where the name ends.
    model = read_json(folder / "schema.json")["name"]
    size, _, weights = folder.name.removeprefix(f"{model}_").partition("_")
    if folder.name != f"{model}_{size}_{weights}" or not (size and weights):
        raise ValueError(
            f"{folder}: expected a folder called {model}_<size>_<weights>, as the schema in it has {model!r}"
        )
    return ShippedBundle(folder, model, size, weights)


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


# Checksums -----------------------------------------------------------------------------------------------------------


def write_checksums(bundle: str | os.PathLike) -> pathlib.Path:
    """Writes SHA256SUMS, as `sha256sum` does, so that `sha256sum -c SHA256SUMS` in the bundle checks it too.

    Args:
        bundle: the folder.

    Returns:
        The file.

    Raises:
        FileNotFoundError: there is no such folder, or no schema.json in it.
    """
    folder = pathlib.Path(bundle)
    if not (folder / "schema.json").is_file():
        raise FileNotFoundError(f"{folder}: no schema.json in it; expected a folder that mmzoo.export wrote")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names if name not in _NOT_COVERED]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder / CHECKSUMS


def verify(bundle: str | os.PathLike, files: Iterable[str] | None = None) -> int:
    """Compares files of a bundle with its SHA256SUMS.

    Args:
        bundle: the folder.
        files: names of files in it; None: all that are listed, where saved_model/ may be left out as a whole.

    Returns:
        The number of files compared.

    Raises:
        FileNotFoundError: there is no SHA256SUMS, or a listed file is missing; the message names it.
        ValueError: a file is altered or not listed, or SHA256SUMS is damaged; the message names it.
    """
    folder = pathlib.Path(bundle)
    listed = _read_checksums(folder)
    if files is None:
        # Only as a whole: a SavedModel that lacks some of its files is broken.
        left_out = not (folder / _OPTIONAL).exists()
        files = [name for name in listed if not (left_out and name.startswith(_OPTIONAL))]
    files = list(files)
    for name in files:
        if name not in listed:
            raise ValueError(f"{folder / name}: not listed in {CHECKSUMS}; {_advice(folder)}")
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: no such file, but {CHECKSUMS} lists it; copy the bundle again")
        if _sha256(folder / name) != listed[name]:
            raise ValueError(f"{folder / name}: altered since the export, by {CHECKSUMS}; {_advice(folder)}")
    return len(files)


def _read_checksums(folder):
    file = folder / CHECKSUMS
    try:
        text = read_text(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}, so the bundle can't be checked; {_advice(folder)}") from None
    except ValueError as error:
        raise ValueError(f"{file}: not a list of checksums ({error}); {_advice(folder)}") from error
    listed = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match is None:
            raise ValueError(
                f"{file}, line {number}: expected '<SHA-256>  <file>', got {line!r:.80}; {_advice(folder)}"
            )
        listed[match[2]] = match[1]
    return listed


def _advice(folder):
    return f"copy the bundle again or, if you trust its files, run: python -m mmzoo.bundles --write {folder}"


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 1 where a bundle is not whole."""
    parser = argparse.ArgumentParser(
        prog="python -m mmzoo.bundles", description="Compares the files of bundles with their SHA256SUMS."
    )
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE", help="folder, or the name of a shipped bundle")
    parser.add_argument("--write", action="store_true", help="write SHA256SUMS anew instead, for files that you trust")
    options = parser.parse_args(arguments)
    status = 0
    for bundle in map(find_bundle, options.bundles):
        try:
            if options.write:
                print(write_checksums(bundle))
            else:
                print(f"{bundle}: {verify(bundle)} files are as they were exported")
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
