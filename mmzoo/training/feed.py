"""Batches in the shape that Keras reads them in on every backend."""

from __future__ import annotations

import keras


class Feed(keras.utils.PyDataset):
    """Gives an epoch of `Batches` to Keras in order, from the start whenever it starts over.

    A generator won't do: Keras looks at the first batches of one to learn their shapes, gives those out again, and
    forgets what it read ahead, so that validation would not see each sample once.

    Args:
        batches: the `Batches`.

    Attributes:
        epoch: the epoch to give, counted from 0; set it before the epoch starts.
        samples: samples given out since the epoch's start.
        error: what went wrong in the data; tf.data would hide it behind an error of its own.
    """

    def __init__(self, batches):
        super().__init__(workers=1, use_multiprocessing=False)
        self._batches = batches
        self._iterator, self._next = None, 0
        self.epoch, self.samples = 0, 0
        self.error: Exception | None = None

    def __len__(self):
        return self._batches.steps

    def __getitem__(self, index):
        try:
            if self._iterator is None or index < self._next:
                self._iterator, self._next, self.samples = self._batches.epoch(self.epoch), 0, 0
            while self._next <= index:
                batch = next(self._iterator)
                self._next += 1
                self.samples += len(next(iter(batch[0].values())))
            return batch
        except Exception as error:
            self.error = error
            raise
