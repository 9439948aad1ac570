"""From what the user trains on to batches of arrays, checked against the schema, epoch by epoch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from mmzoo.arrays import check_values
from mmzoo.schema import Label, MultiLabel, Schema, Value

_OR_STEPS = {"train": ", or give steps_per_epoch", "validation": ", or take(n) of it"}


class Batches:
    """Batches `(inputs, targets)` or `(inputs, targets, weights)`, each a dict of arrays by name.

    Args:
        data: one of
            - a pair or triple of dicts of arrays `(inputs, targets[, weights])`, batched here;
            - a `tf.data.Dataset`, or any iterable, of such batches;
            - a function `data(epoch) -> ` one of these, epochs counted from 0. Only this makes the order of a resumed
              run the order of an uninterrupted one, since what it gives is a function of the epoch.
        schema: the model's.
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
        ValueError: no batches, endless data without `steps`, or a batch that doesn't fit the schema; the message names
            the input or output.
    """

    def __init__(
        self, data, schema: Schema, what: str, *, batch_size=128, steps=None, shuffle_seed=None, label_smoothing=0.0
    ):
        self._data, self._schema, self.what = data, schema, what
        self._batch_size, self._shuffle_seed = batch_size, shuffle_seed
        self._label_smoothing = label_smoothing
        self._running = None
        self.class_weights: dict[str, np.ndarray] = {}
        self.continues = steps is not None and not callable(data) and not _is_arrays(data)
        self.arrays = data if _is_arrays(data) else None
        first = data(0) if callable(data) else data
        self.element_spec = first.element_spec if _is_tf_data(first) else None
        self.steps = steps or self._count_steps(first)

    def peek(self, count: int, epoch: int = 0) -> Iterator[tuple]:
        """The first `count` batches of an epoch, or all there are if fewer, without disturbing `epoch`."""
        for batch in itertools.islice(self._open(epoch), count):
            yield self.encode(batch)

    def dataset(self, epoch: int):
        """The epoch's `tf.data.Dataset`, as the user gave it; its elements are for `encode`."""
        dataset = self._data(epoch) if callable(self._data) else self._data
        if not _is_tf_data(dataset):
            raise ValueError(f"{self.what}: epoch {epoch + 1}: expected a tf.data.Dataset as before, got {dataset!r}")
        return dataset

    def class_counts(self) -> dict[str, np.ndarray]:
        """Samples of each class for every `Label` output, counted in a pass over the first epoch."""
        names = [name for name, kind in self._schema.outputs.items() if isinstance(kind, Label)]
        counts = {name: np.zeros(self._schema.outputs[name].units) for name in names}
        for batch in itertools.islice(self._open(0), self.steps):
            _, targets, _ = self._split(batch)
            for name in names:
                counts[name] += _one_hot(targets, name, self._schema.outputs[name], self.what).sum(axis=0)
        return counts

    def epoch(self, epoch: int) -> Iterator[tuple]:
        """Exactly `steps` batches; of data with fewer, some again."""
        given = 0
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

    def no_batches(self, epoch: int) -> ValueError:
        """The error to raise for an epoch without batches."""
        return ValueError(f"{self.what}: epoch {epoch + 1} has no batches")

    def _open(self, epoch):
        data = self._data(epoch) if callable(self._data) else self._data
        if _is_arrays(data):
            return self._array_batches(data, epoch)
        if _is_tf_data(data):
            return data.as_numpy_iterator()
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
        outputs = list(self._schema.outputs)
        if not isinstance(targets, Mapping) and len(outputs) == 1:
            targets = {outputs[0]: targets}
        for part, names, kind in ((inputs, self._schema.inputs, "input"), (targets, outputs, "output")):
            missing = [n for n in names if n not in part] if isinstance(part, Mapping) else list(names)
            if missing:
                have = list(part) if isinstance(part, Mapping) else type(part).__name__
                raise ValueError(f"{self.what}: {kind} {missing[0]!r} is not in the batch; it holds {have}")
            _refuse_unknown(part, names, kind, self.what)
        if isinstance(weights, Mapping):
            _refuse_unknown(weights, outputs, "output with weights", self.what)
        return inputs, targets, weights

    def encode(self, batch) -> tuple:
        """A batch as the user gave it, checked against the schema, with targets and weights as the losses take them."""
        inputs, targets, weights = self._split(batch)
        inputs = {name: _input(inputs[name], name, kind, self.what) for name, kind in self._schema.inputs.items()}
        encoded, class_weights = {}, {}
        for name, kind in self._schema.outputs.items():
            if isinstance(kind, Label):
                encoded[name] = _one_hot(targets, name, kind, self.what)
                if name in self.class_weights:
                    class_weights[name] = encoded[name] @ self.class_weights[name]
                encoded[name] = encoded[name] * (1 - self._label_smoothing) + self._label_smoothing / kind.units
            else:
                encoded[name] = _numbers(targets, name, kind, self.what)
            encoded[name] = encoded[name].astype(np.float32)
        rows = _check_lengths((inputs, encoded), self.what)
        if weights is None and not class_weights:
            return inputs, encoded
        weighted = {}
        for name in self._schema.outputs:
            given = weights.get(name) if isinstance(weights, Mapping) else weights
            own = np.ones(rows) if given is None else _weights(given, rows, name, self.what)
            weighted[name] = (own * class_weights.get(name, 1.0)).astype(np.float32)
        return inputs, encoded, weighted


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
    check_values(modality, array, f"{what}: input {name!r}")
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


def _one_hot(targets, name, label, what):
    target = np.asarray(targets[name])
    if target.dtype.kind not in "iufb":
        raise ValueError(f"{what}: output {name!r}: expected class numbers or one-hot rows, got {target.dtype}")
    if target.ndim == 2 and target.shape[1] == label.units and label.units > 1:
        rows = target.astype(np.float32)
        if not (np.isfinite(rows) & (rows >= 0)).all():
            raise ValueError(f"{what}: output {name!r}: one-hot rows: expected finite numbers of at least 0")
        return rows
    if target.ndim not in (1, 2) or (target.ndim == 2 and target.shape[1] != 1):
        raise ValueError(
            f"{what}: output {name!r}: expected class numbers (N,) or one-hot rows (N, {label.units}), "
            f"got shape {target.shape}"
        )
    target = target.reshape(-1)
    wrong = target[~((target >= 0) & (target < label.units) & (target == np.floor(target)))]
    if wrong.size:
        raise ValueError(f"{what}: output {name!r}: class {wrong[0]} is not in 0..{label.units - 1}")
    return np.eye(label.units, dtype=np.float32)[target.astype(np.int64)]


def _numbers(targets, name, kind, what):
    target = np.asarray(targets[name])
    if target.dtype.kind not in "iufb":
        raise ValueError(f"{what}: output {name!r}: expected numbers, got {target.dtype}")
    target = target.astype(np.float32)
    target = target.reshape(-1, 1) if target.ndim == 1 and not isinstance(kind, MultiLabel) else target
    if target.ndim != 2 or target.shape[1] != kind.units:
        raise ValueError(f"{what}: output {name!r}: expected shape (N, {kind.units}), got {target.shape}")
    if not np.isfinite(target).all():
        raise ValueError(f"{what}: output {name!r}: a target is NaN or infinite; leave such samples out")
    if isinstance(kind, Value) and kind.scale == "log" and not (target > 0).all():
        raise ValueError(
            f"{what}: output {name!r}: is on a log scale, expected targets above 0, got {target.min():g}; leave such "
            "samples out, or describe the output as Value(scale='linear')"
        )
    if isinstance(kind, MultiLabel) and not ((target >= 0) & (target <= 1)).all():
        raise ValueError(f"{what}: output {name!r}: expected 0 or 1 (or between) for each class")
    return target
