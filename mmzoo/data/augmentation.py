"""Random image changes that look like the failures of a real camera, as tf.data ops over whole batches.

Everything is drawn per sample from stateless random numbers, so a seed repeats a run whatever the number of threads,
and works on whole batches, so that it costs a few per cent of a training step instead of a step's worth.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ImageAugmentation:
    """How far each random change may go; 0 switches one off. Nothing is mirrored: a mirrored sign is another sign.

    Attributes:
        rotation: largest rotation, degrees.
        shear: largest shear, as a fraction of the width.
        scale: largest change of size, as a fraction (0.2: from 1/1.2 to 1.2 times).
        aspect: largest change of width against height, as a fraction.
        shift: largest shift, as a fraction of width and height.
        perspective: largest perspective term, over the width of the image.
        gain: largest factor of brightness, either way (2.5: from 1/2.5 to 2.5 times).
        darken: share of samples that are also darkened strongly (down to 8 % of their brightness).
        contrast: smallest factor of contrast; from there up to 1.4.
        colour: largest change of one colour channel, as a fraction.
        blur: share of samples blurred (Gaussian-like, horizontal or vertical motion).
        low_resolution: share of samples scaled down to half their size and back.
        noise: largest standard deviation of the added noise, grey levels of 0..255.
        occlusion: share of samples with a rectangle covered.
    """

    rotation: float = 10.0
    shear: float = 0.08
    scale: float = 0.15
    aspect: float = 0.10
    shift: float = 0.10
    perspective: float = 0.15
    gain: float = 1.5
    darken: float = 0.05
    contrast: float = 0.5
    colour: float = 0.08
    blur: float = 0.25
    low_resolution: float = 0.08
    noise: float = 5.0
    occlusion: float = 0.10


def augment_images(images, seed, policy: ImageAugmentation = ImageAugmentation()):
    """Changes a batch of images at random.

    Args:
        images: uint8 or float (N, H, W, C), 0..255. An image that is missing (all zeros) stays so.
        seed: int32 or int64 (2,), the stateless seed of this batch.
        policy: how far each change may go.

    Returns:
        uint8 (N, H, W, C).
    """
    draw = _Draw(seed, tf.shape(images)[0])
    given = tf.reduce_any(images != 0, axis=(1, 2, 3), keepdims=True)
    x = tf.cast(images, tf.float32)
    x = _warp(x, draw, policy)
    x = _occlude(x, draw, policy)
    x = _low_resolution(x, draw, policy)
    x = _blur(x, draw, policy)
    x = _light(x, draw, policy)
    x = tf.clip_by_value(tf.round(x), 0.0, 255.0) * tf.cast(given, tf.float32)
    return tf.cast(x, tf.uint8)


class _Draw:
    """Random numbers per sample, each call with a new stateless seed."""

    def __init__(self, seed, count):
        self._seed = tf.cast(seed, tf.int32)
        self._calls = 0
        self.count = count

    def next_seed(self):
        self._calls += 1
        return self._seed + tf.constant([0, 7919 * self._calls], tf.int32)

    def uniform(self, low=0.0, high=1.0, shape=()):
        return tf.random.stateless_uniform((self.count, *shape), self.next_seed(), low, high)

    def chance(self, share):
        """1.0 for about `share` of the samples, else 0.0; shape (N, 1, 1, 1)."""
        return tf.cast(self.uniform(shape=(1, 1, 1)) < share, tf.float32)


def _warp(x, draw, policy):
    height, width = float(x.shape[1]), float(x.shape[2])
    angle = draw.uniform(-1, 1) * policy.rotation * 0.017453292
    size = tf.exp(draw.uniform(-1, 1) * tf.math.log1p(policy.scale))
    aspect = tf.exp(draw.uniform(-0.5, 0.5) * tf.math.log1p(policy.aspect))
    shear = draw.uniform(-1, 1) * policy.shear
    cos, sin = tf.cos(angle) / size, tf.sin(angle) / size
    a, b = cos * aspect, (sin + shear * cos)
    c, d = -sin * aspect, cos / aspect
    p = draw.uniform(-1, 1) * policy.perspective / width
    q = draw.uniform(-1, 1) * policy.perspective / height
    shift_x = draw.uniform(-1, 1) * policy.shift * width
    shift_y = draw.uniform(-1, 1) * policy.shift * height
    # Output point (x, y) about the centre m comes from m + A (x - m) + shift, over 1 + p (x - m) + q (y - m).
    mx, my = (width - 1) / 2, (height - 1) / 2
    k = 1 - p * mx - q * my
    tx = mx + shift_x - a * mx - b * my
    ty = my + shift_y - c * mx - d * my
    # The matrix maps to m * denominator + ..., so that the centre stays in place under perspective.
    tx, ty = tx + mx * (k - 1), ty + my * (k - 1)
    transforms = tf.stack([a + mx * p, b + mx * q, tx, c + my * p, d + my * q, ty, p, q], axis=1) / k[:, None]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=transforms,
        output_shape=x.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _occlude(x, draw, policy):
    if not policy.occlusion:
        return x
    inside = 1.0
    for axis, size in ((1, x.shape[1]), (2, x.shape[2])):
        extent = draw.uniform(0.15, 0.45, (1, 1, 1)) * size
        centre = draw.uniform(0.0, 1.0, (1, 1, 1)) * size
        line = tf.reshape(tf.range(size, dtype=tf.float32), [-1 if i == axis else 1 for i in range(4)])
        inside *= tf.cast(tf.abs(line - centre) < extent / 2, tf.float32)
    inside *= draw.chance(policy.occlusion)
    return x + inside * (draw.uniform(0, 255, (1, 1, x.shape[3])) - x)


def _low_resolution(x, draw, policy):
    """Halves the resolution of the last samples: in a shuffled batch they are as random as any."""
    count = tf.cast(policy.low_resolution * tf.cast(draw.count, tf.float32), tf.int32)
    kept, x = x[: draw.count - count], x[draw.count - count :]
    height, width, channels = x.shape[1:]
    small = tf.image.resize(x, (height // 2, width // 2), antialias=True)
    return tf.concat([kept, tf.image.resize(small, (height, width))], axis=0)


def _blur(x, draw, policy):
    """Blurs the first samples along each axis by its own width: defocus where both are wide, motion where one is."""
    count = tf.cast(policy.blur * tf.cast(draw.count, tf.float32), tf.int32)
    kept, x = x[count:], x[:count]
    for axis in (1, 2):
        # Five taps of a Gaussian with sigma up to 1.8 pixels.
        sigma = draw.uniform(0.1, 1.8, (1, 1, 1))[:count]
        taps = [tf.exp(-0.5 * (distance / sigma) ** 2) for distance in (1.0, 2.0)]
        total = 1.0 + 2 * taps[0] + 2 * taps[1]
        paddings = [[2, 2] if i == axis else [0, 0] for i in range(4)]
        padded, size = tf.pad(x, paddings, "SYMMETRIC"), x.shape[axis]

        def moved(by, padded=padded, axis=axis, size=size):
            return padded[:, 2 + by : 2 + by + size] if axis == 1 else padded[:, :, 2 + by : 2 + by + size]

        x = (x + taps[0] * (moved(-1) + moved(1)) + taps[1] * (moved(-2) + moved(2))) / total
    return tf.concat([x, kept], axis=0)


def _light(x, draw, policy):
    channels = x.shape[3]
    log_gain = draw.uniform(-1, 1, (1, 1, 1)) * tf.math.log(policy.gain)
    dark = draw.chance(policy.darken) * draw.uniform(-2.0, -0.7, (1, 1, 1))
    gain = tf.exp(log_gain + dark) * (1 + draw.uniform(-1, 1, (1, 1, channels)) * policy.colour)
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    # A picture that is dark already is not made black: the mean stays above 14 grey levels, or where it was.
    gain = tf.maximum(gain, tf.minimum(1.0, 14.0 / tf.maximum(mean, 1.0)))
    contrast = draw.uniform(policy.contrast, 1.4, (1, 1, 1))
    noise = draw.uniform(0, policy.noise, (1, 1, 1)) * tf.random.stateless_uniform(
        tf.shape(x), draw.next_seed(), -1.7, 1.7
    )
    x = (mean + (x - mean) * contrast) * gain + noise
    # One bright enough to clip is rare in a camera with exposure control: hold the mean below 200.
    return x * tf.minimum(1.0, 200.0 / tf.maximum(tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True), 1.0))
