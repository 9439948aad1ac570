"""Pictures mixed with others of their batch, and their classes with them, as a tf.data operation over whole batches."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Mixing:
    """Mixes pictures: a rectangle of another one pasted in (CutMix), or another one shining through (mixup).

    The other makes up at most half of the picture, and the class is mixed by the same share; what else is known of a
    sample (its description) stays that of the larger part. A picture that is missing is left alone, and so is one
    whose partner is missing.

    Sources: Yun et al., "CutMix" (ICCV 2019); Zhang et al., "mixup: beyond empirical risk minimization" (ICLR 2018).

    Attributes:
        output: the `Label` to mix.
        classes: number of its classes; class numbers become rows of that many.
        image: the input to mix.
        cutmix: share of the samples with a rectangle pasted in.
        mixup: share of the samples mixed as a whole; both shares together are at most 1.
    """

    output: str
    classes: int
    image: str = "image"
    cutmix: float = 0.25
    mixup: float = 0.25

    def __post_init__(self):
        if not (self.cutmix >= 0 and self.mixup >= 0 and self.cutmix + self.mixup <= 1):
            raise ValueError(f"cutmix and mixup: expected shares of 1 in all, got {self.cutmix!r} and {self.mixup!r}")

    def __call__(self, inputs, targets, seed):
        images, rows = inputs[self.image], targets[self.output]
        if len(rows.shape) == 1:
            rows = tf.one_hot(tf.cast(rows, tf.int32), self.classes)
        rows = tf.cast(rows, tf.float32)
        count, (height, width) = tf.shape(images)[0], images.shape[1:3]
        # Batches are shuffled, so the one at the other end is any.
        other = tf.reverse(images, [0])
        given = tf.reduce_any(images != 0, axis=(1, 2, 3))
        how, share, across, down = tf.unstack(tf.random.stateless_uniform((4, count), seed))
        share = 0.5 * share * tf.cast(given & tf.reverse(given, [0]), tf.float32)
        pasted, shining = how < self.cutmix, (how >= self.cutmix) & (how < self.cutmix + self.mixup)

        side = tf.sqrt(share)
        inside = _between(height, down, side)[:, :, None] & _between(width, across, side)[:, None, :]
        inside &= pasted[:, None, None]
        area = tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2))
        through = tf.where(shining, share, 0.0)

        mine, others = tf.cast(images, tf.float32), tf.cast(other, tf.float32)
        mixed = mine + through[:, None, None, None] * (others - mine)
        mixed = tf.where(inside[..., None], others, mixed)
        moved = (area + through)[:, None]
        rows += moved * (tf.reverse(rows, [0]) - rows)
        return {**inputs, self.image: tf.cast(tf.round(mixed), images.dtype)}, {**targets, self.output: rows}


def _between(size, place, side):
    """bool (N, size): inside a stretch of `side` times the size whose start is at `place` of where it can start."""
    places = (tf.range(size, dtype=tf.float32) + 0.5) / size
    start = (place * (1 - side))[:, None]
    return (places >= start) & (places < start + side[:, None])
