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

    Args:
        border: share of height and width, 0 <= border < 0.5, left out of the statistics at each edge: a dark sign
            before a bright sky is then standardised by the sign and not by the sky.
        limit: results are clipped to +-limit; None leaves them.

    Raises:
        ValueError: a border or limit out of range.
    """

    # Statistics of a picture span too many orders of magnitude for 8 bits.
    keeps_float = True

    def __init__(self, border=0.0, limit=None, **kwargs):
        # Statistics over thousands of pixels lose their digits in half precision.
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        if not 0 <= border < 0.5:
            raise ValueError(f"border: expected a share with 0 <= border < 0.5, got {border!r}")
        if limit is not None and not limit > 0:
            raise ValueError(f"limit: expected None or a number > 0, got {limit!r}")
        self.border, self.limit = border, limit

    def call(self, pixels):
        x = ops.cast(pixels, "float32")
        x = x - ops.mean(self._middle(x), axis=(1, 2, 3), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(self._middle(x)), axis=(1, 2, 3), keepdims=True))
        x = x / (deviation + FLOOR)
        return x if self.limit is None else ops.clip(x, -self.limit, self.limit)

    def _middle(self, x):
        height, width = (round(size * self.border) for size in x.shape[1:3])
        return x[:, height : x.shape[1] - height, width : x.shape[2] - width]

    def get_config(self):
        return {**super().get_config(), "border": self.border, "limit": self.limit}

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, pixels):
        return keras.KerasTensor(pixels.shape, "float32")
