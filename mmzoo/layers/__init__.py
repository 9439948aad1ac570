"""The few custom layers, registered with Keras under the package name "mmzoo"."""

from mmzoo.layers.bag import Bag
from mmzoo.layers.hub_backbone import HubBackbone
from mmzoo.layers.image_standardization import ImageStandardization
from mmzoo.layers.log_mel_spectrogram import LogMelSpectrogram
from mmzoo.layers.masked_mean import MaskedMean
from mmzoo.layers.modality_attention import ModalityAttention
from mmzoo.layers.modality_dropout import ModalityDropout
from mmzoo.layers.sensor_encoder import SensorEncoder
from mmzoo.layers.spec_augment import SpecAugment
from mmzoo.layers.task_uncertainty import TaskUncertainty
from mmzoo.layers.value_scaling import ValueScaling

__all__ = [
    "Bag",
    "HubBackbone",
    "ImageStandardization",
    "LogMelSpectrogram",
    "MaskedMean",
    "ModalityAttention",
    "ModalityDropout",
    "SensorEncoder",
    "SpecAugment",
    "TaskUncertainty",
    "ValueScaling",
]
