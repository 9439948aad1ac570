"""`mmzoo.index`: pictures and texts that are found by what is said or shown."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from mmzoo.files import held, part_of, read_json, replace_folder, written
from mmzoo.indexing.embedding import BATCH, Embedder
from mmzoo.indexing.items import Changes, Item, digest_of, files_in, texts_of
from mmzoo.indexing.nearest import Graph, exact
from mmzoo.schema import Audio, Image, Text

ABOUT, VECTORS, GRAPH = "index.json", "vectors.npz", "graph.usearch"
FORMAT = 1
_FILE_KINDS = {Image: "image", Audio: "audio"}


class Hit(NamedTuple):
    """One answer of a search.

    Attributes:
        item: the text, or the path of the file from the index' folder.
        similarity: the dot product of its vector and the query's, -1..1.
    """

    item: str
    similarity: float


def index(
    model: Any,
    source: str | os.PathLike | Iterable[str],
    *,
    approximate: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Index:
    """Builds an index.

    Args:
        model: a bundle's folder or name, which runs on the edge runtime without TensorFlow; an `EdgeModel`; or a Keras
            model with a schema. Its output is a `Pair`.
        source: a folder, whose pictures (or sounds, as the model has it) and those of the folders below are taken; a
            text file, of which every line is; or a list of texts. An empty line is none, and one that is there twice is
            one.
        approximate: also build a graph of near vectors (the package usearch), for millions of them.
        progress: called with (done, total) now and then.

    Returns:
        The `Index`; `skipped` names what could not be read, and why.

    Raises:
        NotADirectoryError, FileNotFoundError: there is no such source.
        ValueError: nothing in it, or nothing that can be read; or the model compares nothing.
        ImportError: `approximate` without usearch.
    """
    embedder = Embedder(model)
    is_folder = isinstance(source, str | os.PathLike) and pathlib.Path(source).is_dir()
    if isinstance(source, str | os.PathLike) and not is_folder and not pathlib.Path(source).is_file():
        raise NotADirectoryError(f"{source}: no such folder or file")
    kinds = tuple(_FILE_KINDS) if is_folder else (Text,)
    names = [name for name in embedder.pair.of if isinstance(embedder.schema.inputs[name], kinds)]
    if not names:
        wanted = "files" if is_folder else "texts"
        raise ValueError(f"model {embedder.schema.name!r}: reads no {wanted}; it compares {list(embedder.pair.of)}")
    made = Index(embedder, names[0], approximate=approximate)
    made.update(source, progress=progress)
    return made


def load_index(path: str | os.PathLike, model: Any = None) -> Index:
    """Loads an index that `Index.save` wrote.

    Args:
        path: its folder.
        model: the very model that it was built with; None: the bundle that its index.json names.

    Raises:
        FileNotFoundError: there is no index, or no bundle where its index.json says.
        ValueError: it was built with another model, or is damaged; the message says what is wrong.
        ImportError: it has a graph, and usearch is not installed.
    """
    path = pathlib.Path(path)
    if not (path / ABOUT).is_file():
        raise FileNotFoundError(f"{path}: no index in it (no {ABOUT}); build one with mmzoo.index")
    about = read_json(path / ABOUT)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"{path / ABOUT}: not an index of this version of mmzoo; build it anew")
    try:
        name, bundle, identity, digest = (about[key] for key in ("input", "bundle", "model_sha256", "vectors_sha256"))
        items, skipped = ([Item(**one) for one in about[key]] for key in ("items", "skipped"))
        source, next_key, approximate = about["source"], int(about["next_key"]), bool(about["approximate"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path / ABOUT}: damaged ({error}); build the index anew") from error
    if model is None and bundle is None:
        raise ValueError(f"{path}: was built with a model in memory; give the model")
    embedder = Embedder(bundle if model is None else model)
    if embedder.identity != identity:
        raise ValueError(
            f"{path}: was built with another model (sha256 {identity[:12]}..., this one {embedder.identity[:12]}...), "
            "whose vectors mean something else; give that model, or build the index anew with this one"
        )
    if digest_of(path / VECTORS) != digest:
        raise ValueError(f"{path / VECTORS}: missing, damaged, or of another index than {ABOUT}; build the index anew")
    loaded = Index(embedder, name)
    try:
        with np.load(path / VECTORS) as file:
            loaded._vectors, loaded._keys = file["vectors"], file["keys"]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path / VECTORS}: damaged ({error}); build the index anew") from error
    loaded._items, loaded.skipped = items, {one.name: one.why for one in skipped}
    loaded._unread, loaded.source, loaded._next = {one.name: one for one in skipped}, source, next_key
    loaded._graph = Graph(embedder.pair.width, path / GRAPH) if approximate else None
    return loaded


class Index:
    """Vectors of pictures or texts, and what finds them; made by `mmzoo.index`, loaded by `mmzoo.load_index`.

    Args:
        embedder: of the model.
        name: of the input that the items are of.
        approximate: whether to have a graph beside the vectors.

    Attributes:
        source: the folder or text file that it is over; None for a list.
        skipped: name -> why it is not in the index.
    """

    def __init__(self, embedder: Embedder, name: str, *, approximate: bool = False):
        self._embedder, self._name = embedder, name
        self._items: list[Item] = []
        self._vectors = np.empty((0, embedder.pair.width), np.float32)
        # Of each vector a number of its own, in rising order, that stays when others go: the graph's name for it.
        self._keys, self._next = np.empty(0, np.int64), 0
        self._graph = Graph(embedder.pair.width) if approximate else None
        self._unread: dict[str, Item] = {}
        self.source: str | None = None
        self.skipped: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Index({len(self):,} of {self._name!r} from {self.source!r})"

    @property
    def items(self) -> list[str]:
        """The names of what is in it."""
        return [item.name for item in self._items]

    @property
    def vectors(self) -> np.ndarray:
        """float32 (N, width), in the order of `items`."""
        return self._vectors

    # Searching -------------------------------------------------------------------------------------------------------

    def search(self, query: str | None = None, /, *, k: int = 5, **raw: Any) -> list[Hit]:
        """What is most like a text, a picture or a vector.

        Args:
            query: a text; of a model that reads none, give its input by name.
            k: how many; all where there are fewer.
            **raw: instead of the text, one raw value by its input's name (`image="x.jpg"`), or `vector=`, an array
                (width,) from elsewhere.

        Returns:
            The hits, the most like first. Without a graph these are exactly the nearest ones.

        Raises:
            ValueError: nothing, or several things, to search by; an empty one; or k less than 1.
            TypeError, FileNotFoundError: a value that can't be encoded; the message begins with the input's name.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k: expected a whole number of at least 1, got {k!r}")
        vector = self._query(query, raw)
        if self._graph is None:
            places = exact(self._vectors, vector, k)
        else:
            places = np.searchsorted(self._keys, self._graph.nearest(vector, k))
        scores = self._vectors[places] @ vector
        order = np.argsort(-scores, kind="stable")
        return [Hit(self._items[places[i]].name, float(scores[i])) for i in order]

    def _query(self, query, raw):
        given = dict(raw)
        texts = [name for name in self._embedder.pair.of if isinstance(self._embedder.schema.inputs[name], Text)]
        if query is not None:
            if not texts:
                raise ValueError(f"search: the model reads no text; give one of {list(self._embedder.pair.of)} by name")
            given[texts[0]] = query
        if len(given) != 1 or (query is not None and texts[0] in raw):
            raise ValueError(
                f"search: give one thing to search by, got {sorted(raw) + ['a text'] * (query is not None)}"
            )
        ((name, value),) = given.items()
        if name == "vector":
            vector = np.asarray(value, np.float32)
            width = self._embedder.pair.width
            if vector.shape != (width,) or not np.isfinite(vector).all():
                raise ValueError(f"search: expected a finite vector ({width},), got {vector.dtype} {vector.shape}")
            return vector
        self._embedder.pair.side(name)
        return self._embedder.vectors(name, [self._embedder.encode(name, value, name)])[0]

    # Bringing up to date ---------------------------------------------------------------------------------------------

    def update(
        self,
        source: str | os.PathLike | Iterable[str] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Changes:
        """Takes in what is new or has changed, and out what is gone; all else keeps its vector.

        A file is unchanged where its size and time are the same, and only moved where its content is; what can't be
        read is skipped, and named.

        Args:
            source: where the items are now; None: where they were. A list must be given again.
            progress: called with (done, total) now and then.

        Returns:
            The `Changes`.

        Raises:
            NotADirectoryError, FileNotFoundError, ValueError: see `mmzoo.index`; the index is then as it was.
        """
        source = self.source if source is None else source
        if source is None:
            raise ValueError("update: the index is over a list of texts; give the list")
        kind = next((word for k, word in _FILE_KINDS.items() if isinstance(self._schema_kind, k)), None)
        folder = None if kind is None else pathlib.Path(source)
        there = texts_of(source) if kind is None else files_in(folder, kind)
        plan = _compared(self._items, self._unread, there, folder)
        read, unread = self._encoded(plan.wanted, folder, progress)
        kept = [place for place, item in enumerate(plan.kept) if item is not None]
        if not kept and not read:
            name, why = next(iter(unread.items()))
            raise ValueError(f"{source}: none of {len(there):,} can be read; of {name!r}: {why.why}")
        self._replace(plan, kept, read, {**plan.unread, **unread})
        if isinstance(source, str | os.PathLike):
            self.source = str(pathlib.Path(source).resolve())
        return Changes(
            new=tuple(item.name for item, _ in read if item.name not in plan.changed),
            changed=tuple(item.name for item, _ in read if item.name in plan.changed),
            moved=tuple(plan.moved),
            deleted=tuple(plan.deleted),
            skipped=dict(self.skipped),
        )

    @property
    def _schema_kind(self):
        return self._embedder.schema.inputs[self._name]

    def _encoded(self, wanted, folder, progress):
        """([(item, vector)], name -> item that can't be read), in steps, so that pictures don't fill the memory."""
        read, unread = [], {}
        for start in range(0, len(wanted), BATCH):
            items, arrays = [], []
            for item in wanted[start : start + BATCH]:
                value = item.name if folder is None else folder / item.name
                try:
                    arrays.append(self._embedder.encode(self._name, value, item.name))
                    items.append(item)
                except (OSError, ValueError, TypeError) as error:
                    unread[item.name] = dataclasses.replace(item, why=str(error))
            read += zip(items, self._embedder.vectors(self._name, arrays), strict=True)
            if progress is not None:
                progress(min(start + BATCH, len(wanted)), len(wanted))
        return read, unread

    def _replace(self, plan, kept, read, unread):
        gone = self._keys[[place for place, item in enumerate(plan.kept) if item is None]]
        keys = self._next + np.arange(len(read))
        new = np.array([vector for _, vector in read], np.float32).reshape(-1, self._embedder.pair.width)
        if self._graph is not None:
            self._graph.remove(gone)
            self._graph.add(keys, new)
        self._items = [*(plan.kept[place] for place in kept), *(item for item, _ in read)]
        self._vectors = np.concatenate([self._vectors[kept], new])
        self._keys, self._next = np.concatenate([self._keys[kept], keys]), self._next + len(read)
        self._unread, self.skipped = unread, {name: item.why for name, item in unread.items()}

    # Keeping ---------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Writes a folder, whole or not at all, over the index that may lie there.

        Args:
            path: the folder: index.json, vectors.npz and, with a graph, graph.usearch.

        Raises:
            FileExistsError: something else lies there, or another process writes there; the message names it.
        """
        path = pathlib.Path(path)
        if path.exists() and not (path / ABOUT).is_file() and (path.is_file() or any(path.iterdir())):
            raise FileExistsError(f"{path}: is no index, so it is not overwritten; name another folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path, path.with_name(f".{path.name}.lock")), written(path):
            folder = pathlib.Path(tempfile.mkdtemp(prefix=part_of(path), dir=path.parent))
            try:
                self._write(folder)
                folder.chmod(0o755)
                replace_folder(folder, path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(folder)
        return path

    def _write(self, folder):
        np.savez(folder / VECTORS, vectors=self._vectors, keys=self._keys)
        if self._graph is not None:
            self._graph.save(folder / GRAPH)
        about = {
            "format": FORMAT,
            "model": self._embedder.schema.name,
            "model_sha256": self._embedder.identity,
            "bundle": self._embedder.bundle,
            "input": self._name,
            "source": self.source,
            "approximate": self._graph is not None,
            "next_key": self._next,
            "vectors_sha256": hashlib.sha256((folder / VECTORS).read_bytes()).hexdigest(),
            "items": [dataclasses.asdict(item) for item in self._items],
            "skipped": [dataclasses.asdict(item) for item in self._unread.values()],
        }
        (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class _Plan:
    """`kept`: for each item of the index what it is now, None where it goes; the others as in `Changes`."""

    kept: list[Item | None]
    wanted: list[Item]
    changed: set[str]
    moved: list[tuple[str, str]]
    deleted: list[str]
    unread: dict[str, Item]


def _compared(items, unread, there, folder) -> _Plan:
    """What has become of the items, and what is to be read."""
    names = {item.name for item in items}
    kept: list[Item | None] = [None] * len(items)
    changed, fresh = set(), dict(there)
    for place, item in enumerate(items):
        now = there.get(item.name)
        if now is None:
            continue
        if now.stamp != item.stamp:
            now = dataclasses.replace(now, sha256=digest_of(folder / item.name))
            fresh[item.name] = now
            if now.sha256 != item.sha256:
                changed.add(item.name)
                continue
        kept[place] = dataclasses.replace(item, size=now.size, modified=now.modified)
        del fresh[item.name]
    still = {name: item for name, item in unread.items() if name in there and there[name].stamp == item.stamp}
    fresh = {name: item for name, item in fresh.items() if name not in still}
    if folder is not None:
        fresh = {
            n: one if one.sha256 else dataclasses.replace(one, sha256=digest_of(folder / n)) for n, one in fresh.items()
        }
    gone = {item.sha256: place for place, item in enumerate(items) if item.sha256 and item.name not in there}
    moved = []
    for name, item in list(fresh.items()):
        if name not in names and item.sha256 in gone:
            place = gone.pop(item.sha256)
            moved.append((items[place].name, name))
            kept[place] = item
            del fresh[name]
    left = {old for old, _ in moved}
    deleted = [item.name for item in items if item.name not in there and item.name not in left]
    return _Plan(kept, list(fresh.values()), changed, moved, deleted, still)
