"""What an index holds, and how it lies on disk: whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import tempfile
import zipfile
from typing import Any

import numpy as np

from mmzoo.files import held, part_of, read_json, replace_folder, written
from mmzoo.indexing.embedding import Embedder
from mmzoo.indexing.items import Item, digest_of
from mmzoo.indexing.nearest import Graph

ABOUT, VECTORS, GRAPH = "index.json", "vectors.npz", "graph.usearch"
FORMAT = 1


@dataclasses.dataclass
class Contents:
    """What an index holds.

    Attributes:
        input: name of the input that the items are of.
        vectors: float32 (N, width), one an item.
        items: N items.
        keys: int64 (N,), of each vector a number of its own, in rising order, that stays when others go: the graph's
            name for it.
        next_key: the first that was never given.
        unread: name -> item that could not be read.
        source: the folder or text file; None for a list.
        graph: of near vectors; None: there is none.
    """

    input: str
    vectors: np.ndarray
    items: list[Item] = dataclasses.field(default_factory=list)
    keys: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))
    next_key: int = 0
    unread: dict[str, Item] = dataclasses.field(default_factory=dict)
    source: str | None = None
    graph: Graph | None = None


def write_contents(path: pathlib.Path, contents: Contents, embedder: Embedder) -> None:
    """Writes an index' folder, over the index that may lie there.

    Raises:
        FileExistsError: something else lies there, or another process writes there; the message names it.
    """
    if path.exists() and not (path / ABOUT).is_file() and (path.is_file() or any(path.iterdir())):
        raise FileExistsError(f"{path}: is no index, so it is not overwritten; name another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path, path.with_name(f".{path.name}.lock")), written(path):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=part_of(path), dir=path.parent))
        try:
            _write(folder, contents, embedder)
            folder.chmod(0o755)
            replace_folder(folder, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _write(folder, contents, embedder):
    np.savez(folder / VECTORS, vectors=contents.vectors, keys=contents.keys)
    if contents.graph is not None:
        contents.graph.save(folder / GRAPH)
    about = {
        "format": FORMAT,
        "model": embedder.schema.name,
        "model_sha256": embedder.identity,
        "bundle": embedder.bundle,
        "input": contents.input,
        "source": contents.source,
        "approximate": contents.graph is not None,
        "next_key": contents.next_key,
        "sha256": {file.name: digest_of(file) for file in sorted(folder.iterdir())},
        "items": [dataclasses.asdict(item) for item in contents.items],
        "skipped": [dataclasses.asdict(item) for item in contents.unread.values()],
    }
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")


def read_contents(path: str | os.PathLike, model: Any = None) -> tuple[Embedder, Contents]:
    """The model and the contents of an index; see `mmzoo.load_index`."""
    path = pathlib.Path(path)
    if not (path / ABOUT).is_file():
        raise FileNotFoundError(f"{path}: no index in it (no {ABOUT}); build one with mmzoo.index")
    about = read_json(path / ABOUT)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"{path / ABOUT}: not an index of this version of mmzoo; build it anew")
    try:
        name, bundle, identity, digests = (about[key] for key in ("input", "bundle", "model_sha256", "sha256"))
        items, unread = ([Item(**one) for one in about[key]] for key in ("items", "skipped"))
        source, next_key, approximate = about["source"], int(about["next_key"]), bool(about["approximate"])
        digests = dict(digests)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path / ABOUT}: damaged ({error}); build the index anew") from error
    embedder = _same_model(path, bundle, identity, model)
    for file in (VECTORS, *([GRAPH] if approximate else [])):
        if digest_of(path / file) != digests.get(file):
            raise ValueError(f"{path / file}: missing, damaged, or of another index than {ABOUT}; build the index anew")
    try:
        with np.load(path / VECTORS) as file:
            vectors, keys = file["vectors"], file["keys"]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path / VECTORS}: damaged ({error}); build the index anew") from error
    width = embedder.pair.width
    if vectors.shape != (len(items), width) or keys.shape != (len(items),):
        raise ValueError(f"{path / ABOUT}: damaged ({len(items)} items, {len(vectors)} vectors); build the index anew")
    graph = Graph(width, path / GRAPH) if approximate else None
    return embedder, Contents(name, vectors, items, keys, next_key, {one.name: one for one in unread}, source, graph)


def _same_model(path, bundle, identity, model):
    if model is None and bundle is None:
        raise ValueError(f"{path}: was built with a model in memory; give the model")
    embedder = Embedder(bundle if model is None else model)
    if embedder.identity != identity:
        raise ValueError(
            f"{path}: was built with another model (sha256 {identity[:12]}..., this one {embedder.identity[:12]}...), "
            "whose vectors mean something else; give that model, or build the index anew with this one"
        )
    return embedder
