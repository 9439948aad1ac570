"""Which layers to keep in float32 where a whole model in 8 bits loses too much."""

from __future__ import annotations

from mmzoo.layers.graph import inputs_of, layers_between, readers_of


def sensitive_layers(model) -> list[str]:
    """Names of the layers that 8 bits harm most: the ends of the branches.

    Of a residual network the early ones, to the end of its first block, since the whole network works with their error;
    and of each branch the last one, which the fusion reads.

    Args:
        model: a functional Keras model. A branch that is no residual network has no early layers in this sense.
    """
    from keras import layers

    from mmzoo.layers import ModalityDropout

    found = []
    sums = [layer for layer in model.layers if isinstance(layer, layers.Add)]
    for name, tensor in model.input.items():
        blocks = [(layers_between([tensor], [end.output]), end) for end in sums if inputs_of(end) == {name}]
        if blocks:
            block, end = min(blocks, key=lambda each: len(each[0]))
            found += [*block, *readers_of(end)]
    found += [
        layer for layer in model.layers if any(isinstance(reader, ModalityDropout) for reader in readers_of(layer))
    ]
    return [layer.name for layer in found if isinstance(layer, layers.Layer)]
