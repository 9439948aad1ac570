"""Training data with some of its inputs left out, in whatever form `mmzoo.fit` takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def changed(data, change: Callable[[tuple], tuple]):
    """The same data with every batch, or the whole arrays, changed.

    Args:
        data: as `mmzoo.fit` takes it.
        change: from a batch `(inputs, targets[, weights])` to another; of NumPy arrays, or of tensors in a
            `tf.data.Dataset`.
    """
    if isinstance(data, tuple):
        return change(data)
    if hasattr(data, "as_numpy_iterator"):
        return data.map(lambda *batch: change(batch))
    if callable(data):
        return lambda epoch: changed(data(epoch), change)
    return _Changed(data, change)


def with_inputs(data, names: Iterable[str]):
    """The same data with some inputs only.

    Args:
        data: as `mmzoo.fit` takes it; None stays None.
        names: of the inputs.
    """
    names = tuple(names)
    if data is None:
        return None

    def chosen(batch):
        inputs, *rest = batch
        return ({name: inputs[name] for name in names if name in inputs}, *rest)

    return changed(data, chosen)


class _Changed:
    """An iterable of batches, changed on the way; as often as it can be read itself."""

    def __init__(self, data, change):
        self._data, self._change = data, change

    def __iter__(self):
        iterator = iter(self._data)
        if iterator is self._data:
            raise ValueError("a generator can be read only once; give a function that makes one")
        for batch in iterator:
            if not isinstance(batch, tuple | list) or not isinstance(batch[0], Mapping):
                raise ValueError(f"expected batches (inputs, targets) with dicts of arrays, got {type(batch).__name__}")
            yield self._change(tuple(batch))
