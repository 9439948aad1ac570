"""The road-sign model's layers without mmzoo around them: what mmzoo's own parts are measured beside."""

from __future__ import annotations


def bare_model(model, size: str):
    """The layers of the road-sign model and nothing of mmzoo around them.

    Args:
        model: of `build_road_sign_model`.
        size: its size.

    Returns:
        A `keras.Model` with the same inputs and outputs.
    """
    import keras
    from keras import layers, ops

    from mmzoo.branches import image_branch, sensor_branch, text_branch
    from mmzoo.models.road_sign import SIZES

    schema, config = model.schema, SIZES[size]
    inputs = {name: keras.Input(kind.shape, dtype=kind.dtype, name=name) for name, kind in schema.inputs.items()}
    text = {"units": config.text_units, "embedding": config.embedding, "bidirectional": config.bidirectional}
    sensors = {"width": config.width, "units": config.sensor_units}
    # Only the vectors are used: what tells missing inputs drops out of the graph.
    vectors = [
        image_branch(inputs["image"], size=size, backbone=config.backbone, width=config.width).vector,
        text_branch(inputs["text"], width=config.width, **text).vector,
        *(sensor_branch(inputs[n], schema[n], name=n, **sensors).vector for n in ("location", "road_condition")),
    ]
    stacked = ops.stack(vectors, axis=1)
    weights = layers.Softmax(axis=1)(layers.Dense(1, activation="tanh")(stacked))
    fused = ops.sum(weights * stacked, axis=1)
    # Of the branches none has any; that of nano's head is 0.
    for dropout in (layer for layer in model.layers if isinstance(layer, layers.Dropout)):
        fused = layers.Dropout(dropout.rate)(fused)
    outputs = {"sign": layers.Dense(len(schema["sign"].classes), activation="softmax", name="sign")(fused)}
    return keras.Model(inputs, outputs)
