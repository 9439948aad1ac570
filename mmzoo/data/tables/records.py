"""One sample as a record: what a prepared data set stores of it, lossless, and back to the model's arrays.

Pictures are PNGs, texts their ids without the padding, sounds 16-bit samples where these hold them exactly, sensors and
targets as they are.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mmzoo.data.tables.cells import without_padding
from mmzoo.schema import Audio, Image, Schema, Text

# What a sound starts with: how its samples are stored.
_INT16, _FLOAT32 = b"\0", b"\1"
_INT16_SCALE = 32768.0


def record_features(schema: Schema, targets: Mapping[str, np.ndarray]) -> tfds.features.FeaturesDict:
    """The features of the records.

    Args:
        schema: inputs and outputs.
        targets: output -> array (N, ...), for shapes and dtypes.
    """
    return tfds.features.FeaturesDict(
        {
            "row": np.int64,
            "inputs": {name: _feature(modality) for name, modality in schema.inputs.items()},
            "targets": {
                name: tfds.features.Tensor(shape=array.shape[1:], dtype=array.dtype.type)
                for name, array in targets.items()
            },
        }
    )


def _feature(modality):
    if isinstance(modality, Image):
        return tfds.features.Image(shape=modality.shape)
    if isinstance(modality, Text):
        return tfds.features.Tensor(shape=(None,), dtype=np.int32)
    if isinstance(modality, Audio):
        return tfds.features.Tensor(shape=(), dtype=np.str_)
    return tfds.features.Tensor(shape=modality.shape, dtype=np.dtype(modality.dtype).type)


def stored(modality, array: np.ndarray, image_quality: int | None = None):
    """An input's array as the record holds it.

    Args:
        modality: the schema's description of the input.
        array: of its shape and dtype.
        image_quality: None: pictures as PNG; 1..100: as JPEG of that quality.
    """
    if isinstance(modality, Image):
        return _picture(array, image_quality)
    if isinstance(modality, Text):
        return without_padding(array)
    if isinstance(modality, Audio):
        return _sound(without_padding(array))
    return array


def _picture(pixels, quality):
    """By Pillow: given an array, TFDS starts a TensorFlow op for each image, which is slower."""
    from PIL import Image as PillowImage

    picture, stream = PillowImage.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels), io.BytesIO()
    # Of a missing picture every pixel must stay 0.
    if quality is None or not pixels.any():
        picture.save(stream, "PNG", compress_level=1)
    else:
        picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _sound(samples):
    scaled = samples * _INT16_SCALE
    as_int16 = np.clip(np.round(scaled), -32768, 32767).astype("<i2")
    if np.array_equal(as_int16, scaled):
        return _INT16 + as_int16.tobytes()
    return _FLOAT32 + samples.astype("<f4").tobytes()


def restored(schema: Schema, record: Mapping[str, Mapping[str, tf.Tensor]]) -> tuple[dict, dict]:
    """A record, as the features decode it, to ({input: tensor}, {output: tensor}) of the schema's shapes."""
    inputs = {}
    for name, modality in schema.inputs.items():
        value = record["inputs"][name]
        if isinstance(modality, Text):
            value = _padded(value, modality.length)
        elif isinstance(modality, Audio):
            value = _padded(_samples(value), modality.samples)
        inputs[name] = tf.ensure_shape(value, modality.shape)
    return inputs, {name: record["targets"][name] for name in schema.predicted}


def _samples(data):
    body = tf.strings.substr(data, 1, -1)
    return tf.cond(
        tf.equal(tf.strings.substr(data, 0, 1), _INT16),
        lambda: tf.cast(tf.io.decode_raw(body, tf.int16), tf.float32) / _INT16_SCALE,
        lambda: tf.io.decode_raw(body, tf.float32),
    )


def _padded(values, length):
    values = values[:length]
    return tf.pad(values, [[0, length - tf.size(values)]])
