"""What a SavedModel takes for each kind of input, decoded in the graph to the model's arrays.

Kinds without a decoder take their own arrays (see `Modality.raw_columns`); one from outside the package that says it
takes files or strings registers its decoder here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from mmzoo.exporting.raw import audio_ops, encoding_ops
from mmzoo.schema import Audio, Image, KindTable, Modality, Sensors, Text

# (columns of `Modality.raw_columns` as tensors (N, ...), modality, input's name) -> tensor (N, *shape).
Decoder = Callable[[Mapping[str, tf.Tensor], Modality, str], tf.Tensor]

_DECODERS: KindTable[Decoder] = KindTable("decoder in TensorFlow")


def register_decoder(kind: type[Modality], decoder: Decoder) -> None:
    """Makes `decoder` decode the raw columns of all inputs of `kind`."""
    _DECODERS.register(kind, decoder)


def decode(modality: Modality, raw: Mapping[str, tf.Tensor], name: str) -> tf.Tensor:
    """Raw columns to the model's array.

    Args:
        modality: the schema's description of the input.
        raw: column -> tensor (N, ...), as `Modality.raw_columns` says.
        name: the input's name.

    Raises:
        TypeError: the kind has raw columns and no decoder.
    """
    if modality.raw_columns(name) == {name: (modality.dtype, modality.shape)}:
        return raw[name]
    return _DECODERS.answer(modality, f"input {name!r}")(raw, modality, name)


def _image(raw, image, name):
    return tf.map_fn(
        lambda contents: encoding_ops.decode_image(contents, image, name),
        raw[name],
        fn_output_signature=tf.TensorSpec(image.shape, tf.uint8),
    )


def _audio(raw, audio, name):
    return tf.map_fn(
        lambda contents: audio_ops.decode_audio(contents, audio, name),
        raw[name],
        fn_output_signature=tf.TensorSpec(audio.shape, tf.float32),
    )


def _text(raw, text, name):
    return encoding_ops.encode_text(raw[name], text)


def _sensors(raw, sensors, name):
    columns = [encoding_ops.encode_field(raw[f"{name}_{f.name}"], f, f"{name}_{f.name}") for f in sensors.fields]
    return tf.stack(columns, axis=1)


for _kind, _decoder in ((Image, _image), (Audio, _audio), (Text, _text), (Sensors, _sensors)):
    register_decoder(_kind, _decoder)
