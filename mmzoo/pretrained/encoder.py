"""What is known of a pretrained encoder, and where its files lie."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import pathlib
from collections.abc import Callable, Mapping
from typing import Any


class PresetError(ValueError):
    """A pretrained network can't be had; the message says where it was looked for and what to do."""


@dataclasses.dataclass(frozen=True, eq=False)
class Encoder:
    """A pretrained encoder that an installable package carries.

    Attributes:
        name: what it is asked for by: `image="efficientnet_lite0"`.
        kind: "image", "text" or "audio": what it reads.
        about: what it is and what it was trained on, in a line.
        package: the distribution to install.
        module: the importable package that holds the files; it is located, never imported.
        files: path inside of it -> sha256 of the content, for all that is read.
        licence: of the weights.
        install: the command.
        preset: the folder inside of it that keras-hub reads as it is, or None.
        build: else: (folder, load_weights) -> the backbone, in Keras.
        vectors: of word vectors: folder -> (vocabulary, float32 (words, width)), which an embedding starts from.
        converter: of an image encoder: makes the `keras_hub.layers.ImageConverter` that scales its pixels.
        size: of an image encoder, the height and width it was trained on.
        width: number of its features.
    """

    name: str
    kind: str
    about: str
    package: str
    module: str
    files: Mapping[str, str]
    licence: str
    install: str
    preset: str | None = None
    build: Callable[[pathlib.Path, bool], Any] | None = None
    vectors: Callable[[pathlib.Path], tuple[tuple[str, ...], Any]] | None = None
    converter: Callable[[], Any] | None = None
    size: tuple[int, int] | None = None
    width: int = 0

    @property
    def folder(self) -> pathlib.Path | None:
        """Where the package's files lie, or None where it is not installed."""
        # Found without being imported: the packages' own code would pull in torch, or what else it likes.
        spec = importlib.util.find_spec(self.module)
        return None if spec is None or spec.origin is None else pathlib.Path(spec.origin).parent

    @property
    def is_here(self) -> bool:
        """Whether all of its files are there; `check` also looks at their content."""
        folder = self.folder
        return folder is not None and all((folder / name).is_file() for name in self.files)

    @property
    def bytes(self) -> int | None:
        """Size of its files on disk, or None where they are not here."""
        return sum((self.folder / name).stat().st_size for name in self.files) if self.is_here else None

    @property
    def identity(self) -> str:
        """What features of this encoder depend on: its name and the content of its files."""
        return f"{self.name}-{hashlib.sha256(repr(sorted(self.files.items())).encode()).hexdigest()[:12]}"

    def check(self) -> pathlib.Path:
        """The folder of its files, which are exactly those that mmzoo was tested with.

        Raises:
            PresetError: the package is not installed, or a file has another content.
        """
        if not self.is_here:
            raise PresetError(f"{self.name!r}: the package {self.package} is not installed: {self.install}")
        folder = self.folder
        for name, wanted in self.files.items():
            found = _sha256(folder / name, (folder / name).stat().st_mtime_ns)
            if found != wanted:
                raise PresetError(
                    f"{folder / name}: its sha256 is {found[:16]}..., expected {wanted[:16]}...: another release of "
                    f"{self.package}, or a damaged file; install it anew: {self.install}"
                )
        return folder

    def backbone(self, *, load_weights: bool = True):
        """The network that `build` makes.

        Args:
            load_weights: False: its layout with fresh weights, for which no package is needed.

        Raises:
            PresetError: see `check`.
        """
        return self.build(self.check() if load_weights else self.folder, load_weights)


@functools.lru_cache(maxsize=64)
def _sha256(path, _modified):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_identity(folder: pathlib.Path) -> str:
    """What features of a preset's folder depend on: the content of all of its files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {_sha256(path, path.stat().st_mtime_ns)}\n".encode())
    return f"folder-{digest.hexdigest()[:12]}"
