"""The few custom layers, registered with Keras under the package name "mmzoo"."""

from mmzoo.layers.bag import Bag
from mmzoo.layers.image_standardization import ImageStandardization
from mmzoo.layers.modality_attention import ModalityAttention
from mmzoo.layers.modality_dropout import ModalityDropout
from mmzoo.layers.sensor_encoder import SensorEncoder

__all__ = ["Bag", "ImageStandardization", "ModalityAttention", "ModalityDropout", "SensorEncoder"]
