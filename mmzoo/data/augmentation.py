"""Random image changes that look like the failures of a real camera, as tf.data ops over whole batches.

Everything is drawn per sample from stateless random numbers, so a seed repeats a run whatever the number of threads,
and works on whole batches, so that it costs a few per cent of a training step instead of a step's worth.
"""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ImageAugmentation:
    """How far each random change may go; 0 switches one off. The defaults are for road signs; see also `PHOTOS`.

    Attributes:
        rotation: largest rotation, degrees.
        shear: largest shear, as a fraction of the width.
        scale: largest change of size, as a fraction (0.2: from 1/1.2 to 1.2 times).
        aspect: largest change of width against height, as a fraction.
        shift: largest shift, as a fraction of width and height.
        perspective: largest perspective term, over the width of the image.
        gain: largest change of brightness, as a fraction (0.5: from 1/1.5 to 1.5 times).
        darken: share of samples that are also darkened strongly (down to 13 % of their brightness).
        overexpose: share of samples that are also brightened until much of them is white.
        contrast: largest loss of contrast, as a fraction; the gain is up to 0.8 times that.
        colour: largest change of one colour channel, as a fraction.
        fading: share of samples that lose much or all of their colour, as old signs do.
        bleach: share of samples whose red has turned pale while the other colours stayed, as on signs that have been in
            the sun for years; of pictures with three channels only.
        shadow: share of samples with a shadow over one side, its edge sharp or soft.
        blur: share of samples blurred (Gaussian-like, horizontal or vertical motion).
        low_resolution: share of samples scaled down to half their size and back.
        noise: largest standard deviation of the added noise, grey levels of 0..255.
        occlusion: share of samples with one to three rectangles covered, as by stickers, snow or leaves.
        cover: share of samples of which one large rectangle (40 to 75 % of each side) is covered, as by a lorry.
        mirror: share of samples mirrored left to right; not for signs and writing, which then say something else.
        crop: largest share of the area that is cut away around a random part of the picture, which is then scaled up
            ("random resized crop", Szegedy et al. 2015); for photos of things that may be seen from nearer.

    Called with `(inputs, targets, seed)` it changes all pictures among the inputs; see `mmzoo.data.pipeline.finish`.
    """

    rotation: float = 10.0
    shear: float = 0.08
    scale: float = 0.15
    aspect: float = 0.10
    shift: float = 0.10
    perspective: float = 0.15
    gain: float = 0.5
    darken: float = 0.07
    overexpose: float = 0.04
    contrast: float = 0.5
    colour: float = 0.08
    fading: float = 0.15
    bleach: float = 0.0
    shadow: float = 0.15
    blur: float = 0.25
    low_resolution: float = 0.08
    noise: float = 5.0
    occlusion: float = 0.20
    cover: float = 0.0
    mirror: float = 0.0
    crop: float = 0.0

    def __call__(self, inputs, targets, seed):
        pictures = {name: x for name, x in inputs.items() if x.dtype == tf.uint8 and len(x.shape) == 4}
        return {**inputs, **{name: augment_images(x, seed, self) for name, x in pictures.items()}}, targets


# For pictures of which nothing is known: what leaves most photographs what they are.
PHOTOS = ImageAugmentation(
    perspective=0.0,
    gain=0.3,
    darken=0.0,
    overexpose=0.0,
    contrast=0.3,
    fading=0.05,
    shadow=0.0,
    blur=0.1,
    low_resolution=0.0,
    occlusion=0.15,
    mirror=0.5,
)


def augment_images(images, seed, policy: ImageAugmentation = ImageAugmentation()):
    """Changes a batch of images at random.

    Args:
        images: uint8 or float (N, H, W, C), 0..255. An image that is missing (all zeros) stays so.
        seed: int32 or int64 (2,), the stateless seed of this batch.
        policy: how far each change may go.

    Returns:
        uint8 (N, H, W, C).
    """
    draw = Draw(seed, tf.shape(images)[0])
    given = tf.reduce_any(images != 0, axis=(1, 2, 3), keepdims=True)
    x = tf.cast(images, tf.float32)
    x = _warp(x, draw, policy)
    if policy.mirror:
        x = tf.where(draw.uniform(shape=(1, 1, 1)) < policy.mirror, x[:, :, ::-1], x)
    x = _occlude(x, draw, policy)
    x = _low_resolution(x, draw, policy)
    x = _blur(x, draw, policy)
    x = _bleach(x, draw, policy)
    x = _fade(x, draw, policy)
    x = _light(x, draw, policy)
    x = tf.clip_by_value(tf.round(x), 0.0, 255.0) * tf.cast(given, tf.float32)
    return tf.cast(x, tf.uint8)


class Draw:
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
    angle = draw.uniform(-1, 1) * math.radians(policy.rotation)
    size = tf.exp(draw.uniform(-1, 1) * math.log1p(policy.scale))
    aspect = tf.exp(draw.uniform(-0.5, 0.5) * math.log1p(policy.aspect))
    shear = draw.uniform(-1, 1) * policy.shear
    cos, sin = tf.cos(angle) / size, tf.sin(angle) / size
    a, b = cos * aspect, (sin + shear * cos)
    c, d = -sin * aspect, cos / aspect
    p = draw.uniform(-1, 1) * policy.perspective / width
    q = draw.uniform(-1, 1) * policy.perspective / height
    shift_x = draw.uniform(-1, 1) * policy.shift * width
    shift_y = draw.uniform(-1, 1) * policy.shift * height
    if policy.crop:
        side = tf.sqrt(1 - policy.crop * draw.uniform())
        a, b, c, d = (side * part for part in (a, b, c, d))
        shift_x += draw.uniform(-0.5, 0.5) * (1 - side) * width
        shift_y += draw.uniform(-0.5, 0.5) * (1 - side) * height
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
    covered = tf.zeros((1, x.shape[1], x.shape[2], 1), tf.bool)
    if policy.occlusion:
        chance = draw.uniform(shape=(1, 1, 1))
        # A third of the covered samples have one rectangle, a third two, a third three.
        for most in (1.0, 2 / 3, 1 / 3):
            covered |= (chance < policy.occlusion * most) & _rectangle(x, draw, 0.10, 0.40)
    if policy.cover:
        covered |= (draw.uniform(shape=(1, 1, 1)) < policy.cover) & _rectangle(x, draw, 0.40, 0.75)
    if not (policy.occlusion or policy.cover):
        return x
    return tf.where(covered, draw.uniform(0, 255, (1, 1, x.shape[3])), x)


def _rectangle(x, draw, least, most):
    """bool (N, H, W, 1): inside a random rectangle, its sides between two shares of the image's."""
    inside = True
    for axis, size in ((1, x.shape[1]), (2, x.shape[2])):
        extent = draw.uniform(least, most, (1, 1, 1)) * size
        centre = draw.uniform(0.0, 1.0, (1, 1, 1)) * size
        inside &= tf.abs(_places(size, axis) - centre) < extent / 2
    return inside


def _places(size, axis):
    """0, 1, ... along one axis, to broadcast with (N, H, W, C)."""
    return tf.reshape(tf.range(size, dtype=tf.float32), [-1 if i == axis else 1 for i in range(4)])


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


def _bleach(x, draw, policy):
    """Takes what is red to a grey between its own red channel and the whitest place of the picture."""
    if not policy.bleach or x.shape[3] != 3:
        return x
    red = x[..., :1]
    saturation = (red - tf.reduce_max(x[..., 1:], axis=3, keepdims=True)) / tf.maximum(red, 1.0)
    # Half as red as can be is all paint; the darker the picture, the more its noise looks like colour.
    paint = tf.clip_by_value(2 * saturation, 0.0, 1.0) * tf.clip_by_value(red / 40.0, 0.0, 1.0)
    loss = draw.chance(policy.bleach) * draw.uniform(0.5, 1.0, (1, 1, 1)) * paint
    white = tf.reduce_max(x, axis=(1, 2, 3), keepdims=True)
    return x + loss * (red + draw.uniform(0.0, 1.0, (1, 1, 1)) * (white - red) - x)


def _fade(x, draw, policy):
    if not policy.fading:
        return x
    loss = draw.chance(policy.fading) * draw.uniform(0.4, 1.0, (1, 1, 1))
    return x + loss * (tf.reduce_mean(x, axis=3, keepdims=True) - x)


def _light(x, draw, policy):
    channels = x.shape[3]
    log_gain = draw.uniform(-1, 1, (1, 1, 1)) * math.log1p(policy.gain)
    dark = draw.chance(policy.darken) * draw.uniform(-2.0, -0.7, (1, 1, 1))
    gain = tf.exp(log_gain + dark) * (1 + draw.uniform(-1, 1, (1, 1, channels)) * policy.colour)
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    # A picture that is dark already is not made black: the mean stays above 14 grey levels, or where it was.
    gain = tf.maximum(gain, tf.minimum(1.0, 14.0 / tf.maximum(mean, 1.0)))
    contrast = draw.uniform(1 - policy.contrast, 1 + 0.8 * policy.contrast, (1, 1, 1))
    noise = 0.0
    if policy.noise:
        noise = draw.uniform(0, policy.noise, (1, 1, 1)) * tf.random.stateless_uniform(
            tf.shape(x), draw.next_seed(), -1.7, 1.7
        )
    x = (mean + (x - mean) * contrast) * gain * _shadow(x, draw, policy)
    # A mean so bright that much is clipped is rare in a camera with exposure control: it happens where asked for only.
    mean = tf.maximum(tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True), 1.0)
    over = draw.chance(policy.overexpose)
    bright = draw.uniform(190.0, 250.0, (1, 1, 1))
    return x * (over * bright / mean + (1 - over) * tf.minimum(1.0, 200.0 / mean)) + noise


def _shadow(x, draw, policy):
    """Factors (N, H, W, 1): below 1 on one side of a line."""
    if not policy.shadow:
        return 1.0
    height, width = x.shape[1:3]
    angle = draw.uniform(0, 2 * math.pi, (1, 1, 1))
    along = tf.cos(angle) * (_places(width, 2) / width - 0.5) + tf.sin(angle) * (_places(height, 1) / height - 0.5)
    sharpness = tf.exp(draw.uniform(1.0, 4.0, (1, 1, 1)))
    depth = draw.chance(policy.shadow) * draw.uniform(0.3, 0.8, (1, 1, 1))
    return 1 - depth * tf.sigmoid(sharpness * (along - draw.uniform(-0.3, 0.3, (1, 1, 1))))
