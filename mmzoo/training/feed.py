"""Batches in the shape that Keras reads them in on every backend."""

from __future__ import annotations

import keras

# Batches made ready ahead of the training step.
PREFETCHED = 2


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

    def for_keras(self):
        """What to give to Keras: this, or on the TensorFlow backend a `tf.data.Dataset` of it.

        Keras wraps this into one by itself, but with autotuning, whose thread sleeps for up to a minute at a time; on
        busy cores the end of an epoch waits for it, which doubled the time of many.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        specs = tf.nest.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), next(self._batches.peek(1))
        )
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        dataset = tf.data.Dataset.from_generator(
            lambda: (self[index] for index in range(len(self))), output_signature=specs
        )
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(self)))
        return dataset.prefetch(PREFETCHED).with_options(options)
