"""`mmzoo.index`: pictures and texts that are found by what is said or shown."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from mmzoo.indexing.comparing import compared
from mmzoo.indexing.embedding import BATCH, Embedder
from mmzoo.indexing.items import Changes, files_in, texts_of
from mmzoo.indexing.keeping import Contents, read_contents, write_contents
from mmzoo.indexing.nearest import Graph, exact
from mmzoo.schema import Audio, Image, Text

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
    graph = Graph(embedder.pair.width) if approximate else None
    made = Index(embedder, Contents(names[0], np.empty((0, embedder.pair.width), np.float32), graph=graph))
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
    return Index(*read_contents(path, model))


class Index:
    """Vectors of pictures or texts, and what finds them; made by `mmzoo.index`, loaded by `mmzoo.load_index`.

    Args:
        embedder: of the model.
        contents: what it holds.
    """

    def __init__(self, embedder: Embedder, contents: Contents):
        self._embedder, self._contents = embedder, contents

    def __len__(self) -> int:
        return len(self._contents.items)

    def __repr__(self) -> str:
        return f"Index({len(self):,} of {self._contents.input!r} from {self.source!r})"

    @property
    def items(self) -> list[str]:
        """The names of what is in it."""
        return [item.name for item in self._contents.items]

    @property
    def vectors(self) -> np.ndarray:
        """float32 (N, width), in the order of `items`."""
        return self._contents.vectors

    @property
    def source(self) -> str | None:
        """The folder or text file that it is over; None for a list."""
        return self._contents.source

    @property
    def skipped(self) -> dict[str, str]:
        """Name -> why it is not in the index."""
        return {name: item.why for name, item in self._contents.unread.items()}

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
        held = self._contents
        if held.graph is None:
            places = exact(held.vectors, vector, k)
        else:
            places = np.searchsorted(held.keys, held.graph.nearest(vector, k))
        scores = held.vectors[places] @ vector
        order = np.argsort(-scores, kind="stable")
        return [Hit(held.items[places[i]].name, float(scores[i])) for i in order]

    def _query(self, query, raw):
        given = dict(raw)
        texts = [name for name in self._embedder.pair.of if isinstance(self._embedder.schema.inputs[name], Text)]
        if query is not None:
            if not texts:
                raise ValueError(f"search: the model reads no text; give one of {list(self._embedder.pair.of)} by name")
            given[texts[0]] = query
        if len(given) != 1 or (query is not None and texts[0] in raw):
            got = " and ".join([*(["a text"] if query is not None else []), *map(repr, raw)]) or "nothing"
            raise ValueError(f"search: give one thing to search by, a text or one input by name; got {got}")
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
        read_as = self._embedder.schema.inputs[self._contents.input]
        kind = next((word for kind, word in _FILE_KINDS.items() if isinstance(read_as, kind)), None)
        folder = None if kind is None else pathlib.Path(source)
        there = texts_of(source) if kind is None else files_in(folder, kind)
        plan = compared(self._contents.items, self._contents.unread, there, folder)
        read, unread = self._encoded(plan.wanted, folder, progress)
        kept = [place for place, item in enumerate(plan.kept) if item is not None]
        if not kept and not read:
            why = next(iter(unread.values()))
            raise ValueError(f"{source}: none of {len(there):,} can be read; {why.why}")
        self._replace(plan, kept, read, {**plan.unread, **unread})
        if isinstance(source, str | os.PathLike):
            self._contents.source = str(pathlib.Path(source).resolve())
        return Changes(
            new=tuple(item.name for item, _ in read if item.name not in plan.changed),
            changed=tuple(item.name for item, _ in read if item.name in plan.changed),
            moved=tuple(plan.moved),
            deleted=tuple(plan.deleted),
            skipped=self.skipped,
        )

    def _encoded(self, wanted, folder, progress):
        """([(item, vector)], name -> item that can't be read), in steps, so that pictures don't fill the memory."""
        read, unread, name = [], {}, self._contents.input
        for start in range(0, len(wanted), BATCH):
            items, arrays = [], []
            for item in wanted[start : start + BATCH]:
                value = item.name if folder is None else folder / item.name
                try:
                    arrays.append(self._embedder.encode(name, value, item.name))
                    items.append(item)
                except (OSError, ValueError, TypeError) as error:
                    unread[item.name] = dataclasses.replace(item, why=str(error))
            read += zip(items, self._embedder.vectors(name, arrays), strict=True)
            if progress is not None:
                progress(min(start + BATCH, len(wanted)), len(wanted))
        return read, unread

    def _replace(self, plan, kept, read, unread):
        held, width = self._contents, self._embedder.pair.width
        gone = held.keys[[place for place, item in enumerate(plan.kept) if item is None]]
        keys = held.next_key + np.arange(len(read))
        new = np.array([vector for _, vector in read], np.float32).reshape(-1, width)
        if held.graph is not None:
            held.graph.remove(gone)
            held.graph.add(keys, new)
        self._contents = dataclasses.replace(
            held,
            vectors=np.concatenate([held.vectors[kept], new]),
            items=[*(plan.kept[place] for place in kept), *(item for item, _ in read)],
            keys=np.concatenate([held.keys[kept], keys]),
            next_key=held.next_key + len(read),
            unread=unread,
        )

    # Keeping ---------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Writes a folder, whole or not at all, over the index that may lie there.

        Args:
            path: the folder: index.json, vectors.npz and, with a graph, graph.usearch.

        Raises:
            FileExistsError: something else lies there, or another process writes there; the message names it.
        """
        path = pathlib.Path(path)
        write_contents(path, self._contents, self._embedder)
        return path
