"""Each picture to zero mean and unit contrast, so that a dark or hazy sign looks like a bright one."""

from __future__ import annotations

import keras
from keras import ops

# Added to the standard deviation, in grey levels: a picture flatter than this is left flat instead of being blown up
# into its own noise.
FLOOR = 8.0


@keras.saving.register_keras_serializable(package="mmzoo")
class ImageStandardization(keras.layers.Layer):
    """Subtracts each picture's mean and divides by its standard deviation plus 8 grey levels, in float32.

    Input: uint8 or float (B, H, W, C), 0..255. Output: float32 (B, H, W, C); a missing picture (all zeros) stays zero.

    As in Ciresan et al., "A committee of neural networks for traffic sign classification" (IJCNN 2011), whose contrast
    normalisation did most for the dark signs of GTSRB; here one mean and deviation a picture.
    """

    def __init__(self, **kwargs):
        # Statistics over thousands of pixels lose their digits in half precision.
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)

    def call(self, pixels):
        x = ops.cast(pixels, "float32")
        x = x - ops.mean(x, axis=(1, 2, 3), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(x), axis=(1, 2, 3), keepdims=True))
        return x / (deviation + FLOOR)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, pixels):
        return keras.KerasTensor(pixels.shape, "float32")
