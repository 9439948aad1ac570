"""The index in numbers: `python -m mmzoo.bench.index --out RUN [--vectors 1000000] [--pictures 30000 --bundle BUNDLE]`.

Vectors: how long a search takes by comparing with all, and by a graph of near ones (the extra mmzoo[index]); what the
graph misses, weighs, and takes to be built. Random vectors are the hardest there are, since nothing is near anything;
those in clusters are more like a model's. Pictures: how long a folder takes to be indexed, and brought up to date.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile
import time
from collections.abc import Callable

import numpy as np

from mmzoo.bench.figures import Figure, write_csv, write_markdown
from mmzoo.indexing import index
from mmzoo.indexing.nearest import Graph, exact

WIDTH, NEAREST, QUERIES = 128, 10, 200
# Of clustered vectors: how many clusters, and how far from their middles the vectors lie.
CLUSTERS, SPREAD = 1_000, 0.7
# Vectors that are added to a graph at once.
_CHUNK = 50_000
_PICTURE = (160, 120)


def made_vectors(count: int, kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors, float32 (N, 128), and queries (200, 128) of the same kind.

    Args:
        count: N.
        kind: "random" or "clustered".
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((count + QUERIES, WIDTH), dtype=np.float32)
    if kind == "clustered":
        middles = rng.standard_normal((CLUSTERS, WIDTH), dtype=np.float32)
        found *= SPREAD
        found += middles[rng.integers(0, CLUSTERS, len(found))]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found[:count], found[count:]


def vector_figures(count: int, kind: str, say: Callable[[str], None] = print) -> list[Figure]:
    """Time, memory and recall of the exact search and of the graph.

    Args:
        count: vectors.
        kind: of `made_vectors`.
        say: prints a line of progress.
    """
    vectors, queries = made_vectors(count, kind)
    section = f"{count:,} {kind} vectors of {WIDTH}"
    times, wanted = _timed(lambda query: exact(vectors, query, NEAREST), queries)
    figures = [
        Figure(section, "exact: a search", float(np.median(times)), "ms", p95=float(np.percentile(times, 95))),
        Figure(section, "exact: memory", vectors.nbytes / 1e6, "MB"),
    ]
    say(f"{section}: exact {np.median(times):.2f} ms")
    try:
        graph = Graph(WIDTH)
    except ImportError as error:
        return [*figures, Figure(section, "graph", None, "ms", note=str(error))]
    start = time.perf_counter()
    for begin in range(0, count, _CHUNK):
        graph.add(np.arange(begin, min(begin + _CHUNK, count)), vectors[begin : begin + _CHUNK])
        say(f"{section}: {min(begin + _CHUNK, count):,} in the graph, {time.perf_counter() - start:.0f} s")
    built = time.perf_counter() - start
    times, found = _timed(lambda query: graph.nearest(query, NEAREST), queries)
    recall = np.mean([len(set(f) & set(w)) / NEAREST for f, w in zip(found, wanted, strict=True)])
    say(f"{section}: graph {np.median(times):.2f} ms, recall {recall:.3f}")
    return [
        *figures,
        Figure(section, "graph: a search", float(np.median(times)), "ms", p95=float(np.percentile(times, 95))),
        Figure(section, f"graph: share of the {NEAREST} nearest found", 100 * float(recall), "%"),
        Figure(section, "graph: memory beside the vectors", graph.bytes / 1e6, "MB"),
        Figure(section, "graph: built", built, "s"),
    ]


def _timed(search, queries):
    times, found = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(search(query))
        times.append((time.perf_counter() - start) * 1e3)
    return times, found


def picture_figures(model, count: int, say: Callable[[str], None] = print) -> list[Figure]:
    """Time to index a folder of made pictures (noise, JPEG, 160 x 120), to bring it up to date, and to search in it.

    Args:
        model: what `mmzoo.index` takes.
        count: pictures.
        say: prints a line of progress.
    """
    from PIL import Image as Pillow

    section, rng = f"{count:,} pictures", np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number in range(count):
            coarse = Pillow.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
            coarse.resize(_PICTURE, Pillow.Resampling.BICUBIC).save(folder / f"{number:06}.jpg")
        start = time.perf_counter()
        made = index(model, folder, progress=lambda done, _: None if done % 4_096 else say(f"{done:,} of {count:,}"))
        built = time.perf_counter() - start
        start = time.perf_counter()
        made.update()
        unchanged = time.perf_counter() - start
        (folder / "000000.jpg").rename(folder / "moved.jpg")
        (folder / "000001.jpg").unlink()
        start = time.perf_counter()
        made.update()
        changed = time.perf_counter() - start
        times, _ = _timed(lambda _: made.search("two dogs on a beach", k=NEAREST), range(20))
    return [
        Figure(section, "indexed", built, "s", note=f"{1e3 * built / count:.2f} ms a picture"),
        Figure(section, "brought up to date, nothing new", unchanged, "s"),
        Figure(section, "brought up to date, one moved, one deleted", changed, "s"),
        Figure(
            section, "a search by a text", float(np.median(times)), "ms", note="of which the model takes nearly all"
        ),
    ]


def main() -> None:
    """Measures and writes index.csv and index.md."""
    parser = argparse.ArgumentParser(prog="python -m mmzoo.bench.index", description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", default=["random", "clustered"], choices=["random", "clustered"])
    parser.add_argument("--pictures", type=int, default=0, help="also index so many made pictures; needs --bundle")
    parser.add_argument("--bundle", help="of a model with a Pair")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for index.csv and index.md")
    arguments = parser.parse_args()
    if bool(arguments.pictures) != bool(arguments.bundle):
        parser.error("--pictures and --bundle go together")
    from mmzoo.recipes.running.recording.hardware import machine

    figures = [
        figure for count in arguments.vectors for kind in arguments.kinds for figure in vector_figures(count, kind)
    ]
    if arguments.pictures:
        figures += picture_figures(arguments.bundle, arguments.pictures)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_csv(figures, machine(), arguments.out / "index.csv")
    write_markdown(figures, machine(), arguments.out / "index.md")
    print((arguments.out / "index.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
