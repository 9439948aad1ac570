"""One sample as a record: what a prepared data set stores of it, lossless, and back to the model's arrays.

Pictures are PNGs, texts their ids without the padding, sounds 16-bit samples where these hold them exactly, sensors,
series and targets as they are. A kind of input from outside the package registers its record here.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mmzoo.data.tables.cells import without_padding
from mmzoo.schema import Audio, History, Image, KindTable, Modality, Schema, Sensors, Series, Text, Video

# What a sound starts with: how its samples are stored.
_INT16, _FLOAT32 = b"\0", b"\1"
_INT16_SCALE = 32768.0


@dataclasses.dataclass(frozen=True)
class Record:
    """How one kind of input is stored.

    Attributes:
        feature: modality -> the feature of TFDS that holds it.
        store: (modality, array of its shape, image_quality as of `stored`) -> what the feature takes.
        restore: (modality, tensor as the feature decodes it) -> tensor of its shape.
    """

    feature: Callable[[Modality], Any]
    store: Callable[[Modality, np.ndarray, int | None], Any]
    restore: Callable[[Modality, tf.Tensor], tf.Tensor]


_RECORDS: KindTable[Record] = KindTable("record")


def register_record(kind: type[Modality], record: Record) -> None:
    """Makes `record` store all inputs of `kind`."""
    _RECORDS.register(kind, record)


def record_features(schema: Schema, targets: Mapping[str, np.ndarray]) -> tfds.features.FeaturesDict:
    """The features of the records, by `Schema.tensor_names`; states and noise are not stored.

    Args:
        schema: inputs and outputs.
        targets: output -> array (N, ...), for shapes and dtypes.

    Raises:
        TypeError: an input of a kind that has no record.
    """
    return tfds.features.FeaturesDict(
        {
            "row": np.int64,
            "inputs": {
                schema.tensor_names[name]: _RECORDS.answer(modality, f"input {name!r}").feature(modality)
                for name, modality in schema.given.items()
            },
            "targets": {
                schema.tensor_names[name]: tfds.features.Tensor(shape=array.shape[1:], dtype=array.dtype.type)
                for name, array in targets.items()
            },
        }
    )


def stored(modality: Modality, array: np.ndarray, image_quality: int | None = None):
    """An input's array as the record holds it.

    Args:
        modality: the schema's description of the input.
        array: of its shape and dtype.
        image_quality: None: pictures as PNG; 1..100: as JPEG of that quality.
    """
    return _RECORDS.answer(modality).store(modality, array, image_quality)


def restored(schema: Schema, record: Mapping[str, Mapping[str, tf.Tensor]]) -> tuple[dict, dict]:
    """A record, as the features decode it, to ({input: tensor}, {output: tensor}) of the schema's shapes."""
    found, targets = (schema.from_tensors(record[part]) for part in ("inputs", "targets"))
    inputs = {
        name: tf.ensure_shape(_RECORDS.answer(modality).restore(modality, found[name]), modality.shape)
        for name, modality in schema.given.items()
    }
    return inputs, {name: targets[name] for name in schema.predicted}


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


# An array as it is, for kinds whose arrays are small.
PLAIN = Record(
    feature=lambda modality: tfds.features.Tensor(shape=modality.shape, dtype=np.dtype(modality.dtype).type),
    store=lambda modality, array, quality: array,
    restore=lambda modality, value: value,
)

register_record(
    Image,
    Record(
        feature=lambda image: tfds.features.Image(shape=image.shape),
        store=lambda image, array, quality: _picture(array, quality),
        restore=lambda image, value: value,
    ),
)
register_record(
    Text,
    Record(
        feature=lambda text: tfds.features.Tensor(shape=(None,), dtype=np.int32),
        store=lambda text, array, quality: without_padding(array),
        restore=lambda text, value: _padded(value, text.length),
    ),
)
register_record(
    Audio,
    Record(
        feature=lambda audio: tfds.features.Tensor(shape=(), dtype=np.str_),
        store=lambda audio, array, quality: _sound(without_padding(array)),
        restore=lambda audio, value: _padded(_samples(value), audio.samples),
    ),
)
register_record(Sensors, PLAIN)
register_record(Series, PLAIN)
register_record(History, PLAIN)
register_record(Video, PLAIN)
