"""From arrays in memory to batches: shuffled, augmented, prefetched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from mmzoo.schema import Schema

# Batches made ahead of the training step.
PREFETCHED = 4


def from_arrays(
    inputs: Mapping,
    targets: Mapping | None = None,
    *,
    schema: Schema | None = None,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
    augmentation: Callable | Sequence[Callable] | None = None,
    drop_remainder: bool = False,
    one_hot: Mapping[str, int] | None = None,
    repeat: bool = False,
    deterministic: bool = True,
) -> tf.data.Dataset:
    """Batches of arrays that fit in memory.

    Args:
        inputs: input name -> array (N, ...).
        targets: output name -> array (N, ...); None: the batches hold inputs only.
        schema: checks the inputs' names and shapes, and adds those that are left out as missing.
        batch_size: samples a batch.
        shuffle: another order each epoch.
        seed: of the order and the augmentation; with a seed both repeat from run to run.
        augmentation: changes the batches at random: an `ImageAugmentation`, `Mirroring`, `Mixing`, any hashable
            function `(inputs, targets, seed) -> (inputs, targets)` of TensorFlow, or several in turn; None: nothing.
        drop_remainder: leave out a last batch that isn't full.
        one_hot: output name -> number of classes, for targets to be turned into float32 rows.
        repeat: go on for ever; then `fit` needs `steps_per_epoch`.
        deterministic: keep the order of the batches even where that costs time.

    Returns:
        `tf.data.Dataset` of ({input: tensor}, {output: tensor}), or of {input: tensor} without targets.

    Raises:
        ValueError: no samples, arrays of different length, or inputs that don't fit the schema.
    """
    arrays = {name: np.asarray(array) for name, array in inputs.items()}
    labels = {name: np.asarray(array) for name, array in (targets or {}).items()}
    lengths = {name: len(array) for name, array in (*arrays.items(), *labels.items())}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"arrays of different length: {lengths}")
    count = next(iter(lengths.values()))
    if count == 0:
        raise ValueError("no samples: the arrays are empty")
    if schema is not None:
        arrays = fit_schema(arrays, schema, count, seed)
    # On the CPU, or a GPU would hold all the data.
    with tf.device("CPU:0"):
        parts = tf.nest.map_structure(tf.constant, arrays if targets is None else (arrays, labels))
    # Numbers are shuffled, not samples, so that the buffer of a large data set costs nothing.
    dataset = tf.data.Dataset.range(count)
    if shuffle:
        dataset = dataset.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    if repeat:
        dataset = dataset.repeat()
    dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    dataset = dataset.map(
        lambda rows: tf.nest.map_structure(lambda part: tf.gather(part, rows), parts),
        tf.data.AUTOTUNE,
        deterministic=deterministic,
    )
    return finish(dataset, seed=seed, augmentation=augmentation, one_hot=one_hot, deterministic=deterministic)


def fit_schema(
    arrays: Mapping[str, np.ndarray], schema: Schema, count: int, seed: int | None = None
) -> dict[str, np.ndarray]:
    """The inputs in the schema's order and dtypes; those that are left out are missing in all samples, or noise.

    Args:
        arrays: input name -> array (N, ...).
        schema: names and shapes.
        count: N.
        seed: of the noise.

    Raises:
        ValueError: a name that is no input, another shape, a dtype that can't be cast safely, or a value that the
            schema rules out.
    """
    unknown = [name for name in arrays if name not in schema.inputs]
    if unknown:
        raise ValueError(f"unknown input {unknown[0]!r}; the inputs are {list(schema.inputs)}")
    fitted = {}
    for name, array in schema.completed(arrays, count, np.random.default_rng(seed)).items():
        modality = schema.inputs[name]
        if array.shape[1:] != modality.shape or not np.can_cast(array.dtype, modality.dtype, "same_kind"):
            raise ValueError(
                f"input {name!r}: expected {modality.dtype} of shape (N, {', '.join(map(str, modality.shape))}), "
                f"got {array.dtype} of shape {array.shape}"
            )
        modality.check(array, f"input {name!r}")
        fitted[name] = array.astype(modality.dtype, copy=False)
    return fitted


def finish(
    dataset: tf.data.Dataset,
    *,
    seed: int | None = None,
    augmentation: Callable | Sequence[Callable] | None = None,
    one_hot: Mapping[str, int] | None = None,
    deterministic: bool = True,
) -> tf.data.Dataset:
    """The last steps of every pipeline, over batches: one-hot targets, augmentation, prefetching.

    Args:
        dataset: batches of ({input: tensor}, {output: tensor}) or {input: tensor}.
        seed: see `from_arrays`.
        augmentation: see `from_arrays`.
        one_hot: see `from_arrays`.
        deterministic: see `from_arrays`.
    """
    if one_hot:

        def spread(inputs, targets, *rest):
            rows = {name: tf.one_hot(tf.cast(targets[name], tf.int32), count) for name, count in one_hot.items()}
            return inputs, {**targets, **rows}, *rest

        dataset = dataset.map(spread, tf.data.AUTOTUNE, deterministic=deterministic)
    if augmentation is not None:
        changes = [augmentation] if callable(augmentation) else list(augmentation)
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)

        def augment(batch, drawn):
            inputs, targets, *weights = batch if isinstance(batch, tuple) else (batch, {})
            # stateless_* want int32 or int64 seeds, and the dataset's numbers reach over int32.
            drawn = tf.cast(drawn % 2_147_483_647, tf.int32)
            for number, change in enumerate(changes):
                inputs, targets = _traced(change)(inputs, targets, drawn + tf.constant([number, 0]))
            return (inputs, targets, *weights) if isinstance(batch, tuple) else inputs

        zipped = tf.data.Dataset.zip(dataset, seeds)
        dataset = zipped.map(augment, tf.data.AUTOTUNE, deterministic=deterministic)
    options = tf.data.Options()
    options.deterministic = deterministic
    # The thread that tunes buffers sleeps for twice as long each time, and the end of an epoch waits for it: on busy
    # cores up to half of the training time. Maps with AUTOTUNE then use every core from the start.
    options.autotune.enabled = False
    return dataset.prefetch(PREFETCHED).with_options(options)


@functools.cache
def _traced(change: Callable) -> Callable:
    """An augmentation as one function for all pipelines: each epoch has one of its own, and tracing takes longer than
    an epoch of a small data set.
    """
    return tf.function(lambda inputs, targets, seed: change(inputs, targets, seed), autograph=False)
