"""From what the user trains on to batches of arrays, checked against the schema, epoch by epoch.

What the user gives goes by the schema's names, what comes out by the model's (`Schema.tensor_names`).
A sample may lack the target of an output (`Output.missing_target`): its weight for that output is 0.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

import numpy as np

from mmzoo.schema import Schema
from mmzoo.tasks import task_for

# As tf.numpy_function and tf.py_function have it.
_RAISED_INSIDE = re.compile(r"\b\w+(?:Error|Exception): (.*?)\nTraceback \(most recent call last\)", re.DOTALL)

_OR_STEPS = {"train": ", or give steps_per_epoch", "validation": ", or take(n) of it"}


class Batches:
    """Batches `(inputs, targets, weights)`, each a dict of arrays by the model's names.

    Args:
        data: one of
            - a pair or triple of dicts of arrays `(inputs, targets[, weights])`, batched here;
            - a `tf.data.Dataset`, or any iterable, of such batches;
            - a function `data(epoch) -> ` one of these, epochs counted from 0. Only this makes the order of a resumed
              run the order of an uninterrupted one, since what it gives is a function of the epoch.
        schema: the model's; also an attribute.
        what: "train" or "validation", for messages.
        batch_size: for arrays only.
        steps: batches an epoch; None: as many as there are (counted in a pass over the data where it can't tell).
        shuffle_seed: for arrays only; None: in their order, with the incomplete last batch.
        label_smoothing: 0 <= smoothing < 1, moved from the right class of a `Label` to all of them.

    Attributes:
        what: "train" or "validation".
        steps: batches an epoch.
        continues: whether an epoch goes on in the data where the one before stopped.
        arrays: the whole arrays, where the data is such; else None.
        element_spec: of the first epoch's `tf.data.Dataset`; None where the data is anything else.
        class_weights: output name -> weight of each class, which becomes a weight of the samples; empty at first.

    Raises:
        ValueError: no batches, endless data without `steps`, a batch that doesn't fit the schema, or an output without
            any target; the message names the input or output. Of arrays the last comes to light here, of other data
            at the end of an epoch.
    """

    def __init__(
        self, data, schema: Schema, what: str, *, batch_size=128, steps=None, shuffle_seed=None, label_smoothing=0.0
    ):
        self._data, self.schema, self.what = data, schema, what
        self._batch_size, self._shuffle_seed = batch_size, shuffle_seed
        self._label_smoothing = label_smoothing
        self._running = None
        self._seed = 0 if shuffle_seed is None else shuffle_seed
        self._begin(0)
        self.class_weights: dict[str, np.ndarray] = {}
        self._seen: set[str] = set()
        self.continues = steps is not None and not callable(data) and not _is_arrays(data)
        self.arrays = data if _is_arrays(data) else None
        first = data(0) if callable(data) else data
        self.element_spec = first.element_spec if _is_tf_data(first) else None
        self.steps = steps or self._count_steps(first)
        if _is_arrays(data):
            self._look_for_targets(self._split(data)[1])
            self.refuse_without_targets()

    def _begin(self, epoch):
        """Noise is a function of the epoch, so that a resumed run draws what an uninterrupted one does."""
        self._rng = np.random.default_rng((self._seed, epoch))

    def peek(self, count: int, epoch: int = 0) -> Iterator[tuple]:
        """The first `count` batches of an epoch, or all there are if fewer, without disturbing `epoch`."""
        self._begin(epoch)
        for batch in itertools.islice(self._open(epoch), count):
            yield self.encode(batch)

    def dataset(self, epoch: int):
        """The epoch's `tf.data.Dataset`, as the user gave it; its elements are for `encode`."""
        self._begin(epoch)
        dataset = self._data(epoch) if callable(self._data) else self._data
        if not _is_tf_data(dataset):
            raise ValueError(f"{self.what}: epoch {epoch + 1}: expected a tf.data.Dataset as before, got {dataset!r}")
        return dataset

    def class_counts(self) -> dict[str, np.ndarray]:
        """Samples of each class of every output whose classes may have weights, counted in a pass over an epoch."""
        outputs = {name: kind for name, kind in self.schema.predicted.items() if task_for(kind).weighs_classes}
        counts = {name: np.zeros(kind.shape) for name, kind in outputs.items()}
        for batch in itertools.islice(self._open(0), self.steps):
            _, targets, _ = self._split(batch)
            for name, kind in outputs.items():
                counts[name] += task_for(kind).encode_targets(kind, targets[name], self._place(name)).sum(axis=0)
        return counts

    def epoch(self, epoch: int) -> Iterator[tuple]:
        """Exactly `steps` batches; of data with fewer, some again."""
        given = 0
        self._begin(epoch)
        # Part of a data set at a time: go on where the last epoch stopped. What is a function of the epoch starts anew.
        source = self._running if self.continues else None
        while given < self.steps:
            opened = source is None
            source = self._running = self._open(epoch) if opened else source
            before = given
            for batch in itertools.islice(source, self.steps - given):
                yield self.encode(batch)
                given += 1
            if opened and given == before:
                raise self.no_batches(epoch)
            source = None
        if not self.continues:
            self.refuse_without_targets()

    def no_batches(self, epoch: int) -> ValueError:
        """The error to raise for an epoch without batches."""
        return ValueError(f"{self.what}: epoch {epoch + 1} has no batches")

    def _open(self, epoch):
        data = self._data(epoch) if callable(self._data) else self._data
        if _is_arrays(data):
            return self._array_batches(data, epoch)
        if _is_tf_data(data):
            return _plainly(data)
        iterator = iter(data)
        if iterator is data and not callable(self._data):
            raise ValueError(f"{self.what}: a generator can be read only once; give a function that makes one")
        return iterator

    def _array_batches(self, data, epoch):
        count = _check_lengths(data, self.what)
        order = np.arange(count)
        stop = count
        if self._shuffle_seed is not None:
            order = np.random.default_rng((self._shuffle_seed, epoch)).permutation(count)
            # A last batch of a few samples would give BatchNorm statistics of noise; they come another epoch.
            stop = max(count - count % self._batch_size, min(count, self._batch_size))
        for start in range(0, stop, self._batch_size):
            rows = order[start : start + self._batch_size]
            yield tuple(
                {name: np.asarray(array)[rows] for name, array in part.items()}
                if isinstance(part, Mapping)
                else (None if part is None else np.asarray(part)[rows])
                for part in data
            )

    def _count_steps(self, data):
        if not _is_arrays(data):
            if hasattr(data, "cardinality"):
                count = int(data.cardinality())
                if count == -1:
                    raise ValueError(f"{self.what}: the data set is endless; leave out repeat(){_OR_STEPS[self.what]}")
                if count > 0:
                    return count
            elif hasattr(data, "__len__"):
                if len(data):
                    return len(data)
        count = sum(1 for _ in self._open(0))
        if not count:
            raise ValueError(f"{self.what}: no batches in it")
        return count

    def _split(self, batch):
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise ValueError(
                f"{self.what}: expected batches (inputs, targets) or (inputs, targets, weights), got a "
                f"{type(batch).__name__}" + (f" of {len(batch)}" if isinstance(batch, tuple | list) else "")
            )
        inputs, targets, weights = (*batch, None)[:3]
        outputs = list(self.schema.predicted)
        if not isinstance(targets, Mapping) and len(outputs) == 1:
            targets = {outputs[0]: targets}
        inputs_known, given = self.schema.inputs, self.schema.given
        for part, names, known, kind in ((inputs, given, inputs_known, "input"), (targets, outputs, outputs, "output")):
            missing = [n for n in names if n not in part] if isinstance(part, Mapping) else list(names)
            if missing:
                have = list(part) if isinstance(part, Mapping) else type(part).__name__
                raise ValueError(f"{self.what}: {kind} {missing[0]!r} is not in the batch; it holds {have}")
            _refuse_unknown(part, known, kind, self.what)
        if isinstance(weights, Mapping):
            _refuse_unknown(weights, outputs, "output with weights", self.what)
        return inputs, targets, weights

    def encode(self, batch) -> tuple:
        """A batch as the user gave it, checked against the schema, with targets and weights as the losses take them."""
        inputs, targets, weights = self._split(batch)
        kinds = self.schema.inputs
        inputs = {name: _input(array, name, kinds[name], self.what) for name, array in inputs.items()}
        encoded, weighted = {}, {}
        for name, kind in self.schema.predicted.items():
            encode, place = task_for(kind).encode_targets, self._place(name)
            encoded[name] = encode(kind, targets[name], place, label_smoothing=self._label_smoothing)
            weighted[name] = kind.has_target(targets[name]).astype(np.float64)
            if name in self.class_weights:
                weighted[name] *= encode(kind, targets[name], place) @ self.class_weights[name]
        rows = _check_lengths((inputs, encoded), self.what)
        taught = {name: kind.teacher for name, kind in kinds.items() if kind.teacher in encoded and name not in inputs}
        inputs |= {name: encoded[output].astype(kinds[name].dtype) for name, output in taught.items()}
        # States are at their start, noise is drawn.
        inputs = self.schema.completed(inputs, rows, self._rng)
        self._look_for_targets(targets)
        # Keras asks for something for each output, also for those without a loss.
        for name, kind in self.schema.outputs.items():
            if not kind.is_predicted:
                encoded[name] = np.broadcast_to(kind.missing_target(), (rows, *kind.shape))
                weighted[name] = np.zeros(rows)
        for name in weighted:
            given = weights.get(name) if isinstance(weights, Mapping) else weights
            own = 1.0 if given is None else _weights(given, rows, name, self.what)
            weighted[name] = (own * weighted[name]).astype(np.float32)
        return tuple(self.schema.to_tensors(part) for part in (inputs, encoded, weighted))

    def _place(self, name):
        return f"{self.what}: output {name!r}"

    def _look_for_targets(self, targets):
        self._seen |= {name for name, kind in self.schema.predicted.items() if kind.has_target(targets[name]).any()}

    def refuse_without_targets(self) -> None:
        """Raises ValueError where none of the samples seen so far has a target of some output."""
        without = [name for name in self.schema.predicted if name not in self._seen]
        if without:
            raise ValueError(
                f"{self._place(without[0])}: no sample has a target; give some, or leave the output out of the schema"
            )


def _plainly(data) -> Iterator:
    try:
        yield from data.as_numpy_iterator()
    except Exception as error:
        raise plain_error(error) from None


def plain_error(error: Exception) -> Exception:
    """What a Python function in a tf.data pipeline raised, which TensorFlow wraps in an error with a traceback in its
    text; any other error is left as it is.
    """
    match = _RAISED_INSIDE.search(str(error)) if type(error).__module__.startswith("tensorflow") else None
    return ValueError(match[1].strip()) if match else error


def _is_tf_data(data) -> bool:
    return hasattr(data, "as_numpy_iterator")


def _is_arrays(data) -> bool:
    return isinstance(data, tuple) and len(data) in (2, 3) and isinstance(data[0], Mapping)


def _check_lengths(parts, what) -> int:
    """The number of samples in the arrays of inputs, targets and weights, which must be the same."""
    arrays = {}
    for kind, part in zip(("input", "output", "weights"), parts, strict=False):
        named = part if isinstance(part, Mapping) else {"": part}
        arrays |= {f"{kind} {name!r}".removesuffix(" ''"): a for name, a in named.items() if a is not None}
    counts = {place: len(np.atleast_1d(array)) for place, array in arrays.items()}
    first, count = next(iter(counts.items()))
    for place, other in counts.items():
        if other != count:
            raise ValueError(f"{what}: {place} holds {other} samples, {first} {count}; expected as many")
    return count


def _input(array, name, modality, what):
    array = np.asarray(array)
    if array.ndim != len(modality.shape) + 1 or array.shape[1:] != tuple(modality.shape):
        shape = ", ".join(str(size) for size in modality.shape)
        raise ValueError(
            f"{what}: input {name!r}: expected a batch of shape (N, {shape}), got {array.shape}; is the data batched?"
        )
    if array.dtype.kind not in ("fiu" if modality.dtype == "float32" else "iu"):
        raise ValueError(f"{what}: input {name!r}: expected {modality.dtype}, got {array.dtype}")
    # Before the cast, in which 256 would become the uint8 0.
    modality.check(array, f"{what}: input {name!r}")
    return array.astype(modality.dtype, copy=False)


def _weights(given, rows, name, what):
    weights = np.asarray(given)
    if weights.dtype.kind not in "fiub" or weights.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"{what}: weights of output {name!r}: expected numbers ({rows},), got {weights.dtype} {weights.shape}"
        )
    weights = weights.astype(np.float32).reshape(-1)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"{what}: weights of output {name!r}: expected finite numbers of at least 0")
    return weights


def _refuse_unknown(part, names, kind, what):
    unknown = [name for name in part if name not in names]
    if unknown:
        raise ValueError(
            f"{what}: {unknown[0]!r} in the batch is no {kind} of the model; leave it out, there are {list(names)}"
        )
