"""Batches in the shape that Keras reads them in on every backend, made ready ahead of the training step."""

from __future__ import annotations

import queue
import threading

import keras

# Batches made ready ahead of the training step.
PREFETCHED = 2


class Feed(keras.utils.PyDataset):
    """Gives an epoch of `Batches` to Keras in order, from the start whenever it starts over.

    On the TensorFlow backend Keras gets a `tf.data.Dataset`: where the user's data is one, its own elements, of which
    NumPy sees each on its way, for the checks and the targets; else what a Python iterator gives. On other backends
    Keras gets this object, whose batches a thread makes ready.

    A context manager; after it nothing of the data is kept. TensorFlow never lets go of a Python function that a data
    set calls, so these must not hold the data.

    Args:
        batches: the `Batches`.

    Attributes:
        samples: samples given out since the epoch's start.
        error: what went wrong in the data; tf.data would hide it behind an error of its own.
    """

    def __init__(self, batches):
        super().__init__(workers=1, use_multiprocessing=False)
        self._batches = batches
        self._epoch, self._next = 0, 0
        self._ahead: _Ahead | None = None
        self._opened = None
        self.samples = 0
        self.error: Exception | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()
        self._batches = self._opened = None

    def __len__(self):
        return self._batches.steps

    @property
    def steps_per_epoch(self) -> int | None:
        """What to tell Keras: the number of steps where one pass over the data lasts for several epochs, else None."""
        return len(self) if self._batches.continues and self._batches.element_spec is not None else None

    def begin(self, epoch: int) -> None:
        """Says which epoch comes next, counted from 0."""
        self._epoch, self.samples = epoch, 0

    def check_targets(self) -> None:
        """Raises ValueError where an epoch that is over brought no target of some output."""
        if not self._batches.continues:
            self._batches.refuse_without_targets()

    def for_keras(self):
        """What to give to Keras: this, or on the TensorFlow backend a `tf.data.Dataset`.

        Keras wraps this into one by itself, but with autotuning, whose thread sleeps for up to a minute at a time; on
        busy cores the end of an epoch waits for it, which doubled the time of many.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        dataset = self._generated() if self._batches.element_spec is None else self._elements()
        if self.steps_per_epoch is None:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(self)))
        return dataset.prefetch(PREFETCHED).with_options(options)

    # The user's tf.data ----------------------------------------------------------------------------------------------

    def _elements(self):
        """The elements of the user's data sets, checked, with the targets encoded; inputs of the right dtype untouched.

        Not `Dataset.from_generator`: an element need not become NumPy, be handed to a thread in Python, and become a
        tensor again.
        """
        import tensorflow as tf

        spec = tf.nest.map_structure(_any_rows, self._batches.element_spec)
        encoded = tf.nest.map_structure(lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), self._first())
        given = self._batches.schema.to_tensors(spec[0])
        kept = [name for name, of in encoded[0].items() if name in given and given[name].dtype == of.dtype]
        made = ({name: of for name, of in encoded[0].items() if name not in kept}, *encoded[1:])

        def check(*arrays):
            inputs, *rest = self._encoded(tf.nest.pack_sequence_as(spec, arrays))
            return tf.nest.flatten(({name: inputs[name] for name in made[0]}, *rest))

        def finish(*element):
            leaves = tf.nest.flatten(made)
            found = tf.numpy_function(check, tf.nest.flatten(element), [leaf.dtype for leaf in leaves])
            for tensor, leaf in zip(found, leaves, strict=True):
                tensor.set_shape(leaf.shape)
            inputs, *rest = tf.nest.pack_sequence_as(made, found)
            with tf.control_dependencies(found):
                untouched = self._batches.schema.to_tensors(element[0])
                inputs |= {name: tf.ensure_shape(untouched[name], encoded[0][name].shape) for name in kept}
            return inputs, *rest

        def opened(function):
            """What a Python function opens, anew whenever Keras starts over: it may be a function of the epoch."""
            return tf.data.Dataset.from_tensors(0).flat_map(
                lambda _: tf.data.experimental.from_variant(tf.py_function(function, [], tf.variant), spec)
            )

        # Nothing comes after repeat() unless there is nothing to repeat.
        endless = opened(self._open).repeat().concatenate(opened(self._refuse_empty))
        return (endless if self.steps_per_epoch else endless.take(len(self))).map(finish)

    def _open(self):
        import tensorflow as tf

        try:
            # Kept, or the functions that it maps would be gone.
            self._opened = self._batches.dataset(self._epoch)
            return tf.data.experimental.to_variant(self._opened)
        except Exception as error:
            self._keep(error)
            raise

    def _refuse_empty(self):
        error = self._batches.no_batches(self._epoch)
        self._keep(error)
        raise error

    def _encoded(self, element):
        try:
            batch = self._batches.encode(element)
        except Exception as error:
            self._keep(error)
            raise
        self._count(batch)
        return batch

    # Anything else, batch by batch -----------------------------------------------------------------------------------

    def _generated(self):
        import tensorflow as tf

        specs = tf.nest.map_structure(lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), self._first())
        return tf.data.Dataset.from_generator(self._counted, output_signature=specs)

    def _counted(self):
        try:
            for batch in self._batches.epoch(self._epoch):
                self._count(batch)
                yield batch
        except Exception as error:
            self._keep(error)
            raise

    def __getitem__(self, index):
        if self._ahead is None or index < self._next:
            self._stop()
            self._ahead, self._next = _Ahead(self._counted(), PREFETCHED), 0
        while self._next <= index:
            batch = next(self._ahead)
            self._next += 1
        return batch

    def _stop(self):
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _first(self):
        return next(self._batches.peek(1))

    def _keep(self, error):
        # The first: tf.data reads ahead past an error.
        self.error = self.error or error

    def _count(self, batch):
        self.samples += len(next(iter(batch[0].values())))


class _Ahead:
    """Runs an iterator in a thread, up to `size` items ahead of who asks for them."""

    def __init__(self, iterator, size: int):
        self._items: queue.Queue = queue.Queue(size)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(iterator,), daemon=True)
        self._thread.start()

    def __next__(self):
        item, error = self._items.get()
        if error is not None:
            raise error
        return item

    def close(self) -> None:
        """Ends the thread, once the item in the making is made."""
        self._closed.set()
        self._thread.join()

    def _run(self, iterator):
        try:
            for item in iterator:
                self._put((item, None))
                if self._closed.is_set():
                    return
            self._put((None, StopIteration()))
        except Exception as error:
            self._put((None, error))

    def _put(self, entry):
        while not self._closed.is_set():
            try:
                self._items.put(entry, timeout=0.1)
                return
            except queue.Full:
                continue


def _any_rows(spec):
    """The same with any number of rows: the last batch may be smaller, and another epoch's may be another."""
    import tensorflow as tf

    return tf.TensorSpec(None if spec.shape.rank is None else (None, *spec.shape[1:]), spec.dtype)
