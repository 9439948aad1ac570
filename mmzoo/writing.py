"""`mmzoo.write`: a sentence by beam search, where `mmzoo.predict` takes the likeliest word at each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmzoo.schema import Schema, Sentence

Arrays = Mapping[str, np.ndarray]
# A probability of 0 has no logarithm.
_LEAST = 1e-30


def write(model, sample: Mapping[str, Any] | None = None, /, *, beams: int = 4, output: str = "", **raw: Any) -> str:
    """Writes a sentence, and keeps the likeliest beginnings in view rather than one.

    The model runs once a step on all beginnings, so that it takes as many times as long as a prediction as there are
    steps (on the edge runtime also times `beams`). Of finished sentences the one whose words are likeliest on average
    wins, or short ones always would.

    Args:
        model: a Keras model with a schema, or an `EdgeModel`, that gives probabilities.
        sample: input name -> raw value, see `mmzoo.predict`; the beginning may be given, as "caption_so_far".
        beams: how many beginnings to keep; 1 is what `mmzoo.predict` says.
        output: name of the `Sentence`; "": the only one.
        **raw: the same by keyword, instead of `sample`.

    Returns:
        The sentence; " …" behind one that was cut.

    Raises:
        ValueError: no such output, or one without an input for its beginning; or beams below 1.
    """
    if sample is not None and raw:
        raise TypeError(f"give the sample either as a dict or by keyword, not both; got both, with {sorted(raw)}")
    raw = dict(raw if sample is None else sample)
    schema: Schema = model.schema
    name = output or next((n for n, one in schema.predicted.items() if isinstance(one, Sentence)), "")
    kind = schema.predicted.get(name)
    if not isinstance(kind, Sentence) or kind.so_far not in schema.inputs:
        raise ValueError(f"output {name!r}: expected a Sentence with an input for its beginning; there are "
                         f"{list(schema.predicted)}")  # fmt: skip
    if isinstance(beams, bool) or not isinstance(beams, int) or beams < 1:
        raise ValueError(f"beams: expected a whole number of at least 1, got {beams!r}")
    ids = best_sentence(_runner(model, name), kind, schema.encode(raw), beams)
    return kind.decode_ids(ids)


def best_sentence(run: Callable[[Arrays], np.ndarray], kind: Sentence, arrays: Arrays, beams: int) -> np.ndarray:
    """Beam search.

    Args:
        run: what the model gives for a batch of inputs, float (N, T, V), probabilities.
        kind: the output.
        arrays: the sample, input -> array without a batch; what stands in `kind.so_far` is kept.
        beams: how many beginnings to keep.

    Returns:
        int (T,), places in the vocabulary.
    """
    begun = np.asarray(arrays[kind.so_far])
    first = int((begun != 0).sum())
    going, scores, done = begun[None].copy(), np.zeros(1), []
    for step in range(first, kind.length):
        inputs = {name: np.repeat(np.asarray(array)[None], len(going), axis=0) for name, array in arrays.items()}
        said = np.log(np.maximum(run({**inputs, kind.so_far: going})[:, step].astype(np.float64), _LEAST))
        # Neither padding nor the unknown word.
        said[:, : kind.end] = -np.inf
        total = (scores[:, None] + said).ravel()
        best = np.argsort(-total, kind="stable")[: 2 * beams]
        rows, words = np.divmod(best, said.shape[1])
        longer = going[rows]
        longer[:, step] = words
        ends = words == kind.end
        done += [(total[best[i]] / (step - first + 1), longer[i]) for i in np.flatnonzero(ends[:beams])]
        kept = np.flatnonzero(~ends)[:beams]
        going, scores = longer[kept], total[best[kept]]
        if len(done) >= beams:
            break
    if not done:
        done = [(scores[0], going[0])]
    return max(done, key=lambda one: one[0])[1]


def _runner(model, name):
    from mmzoo.edge.runtime import EdgeModel

    schema = model.schema

    def on_the_edge(arrays):
        count = len(next(iter(arrays.values())))
        return np.stack([model.run({key: array[i] for key, array in arrays.items()})[name] for i in range(count)])

    def in_keras(arrays):
        return np.asarray(schema.from_tensors(model.predict_on_batch(schema.to_tensors(arrays)))[name])

    return on_the_edge if isinstance(model, EdgeModel) else in_keras
