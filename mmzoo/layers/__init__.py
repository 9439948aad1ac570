"""The few custom layers, registered with Keras under the package name "mmzoo".

What the rest of mmzoo has to know of a layer it says itself, by attributes of its class, all of them optional:

    keeps_float: its arithmetic stays in float32 in a static int8 file.
    readers_keep_float: and so does that of the layers that read it.
    attends: it is a transformer, of which there is no static int8 file.
    adapts_to: it has a method `adapt` that is given data before the training: "inputs", those of the input that it
        reads, or "targets", those of the output that it is for.
    is_for_output: it stands between the logits of an output and the output.

Which input a layer reads, and which output it is for, the graph tells: see `mmzoo.layers.graph`.
"""

from mmzoo.layers.bag import Bag
from mmzoo.layers.field_tokens import FieldTokens
from mmzoo.layers.flow import Flow
from mmzoo.layers.hub_backbone import HubBackbone
from mmzoo.layers.image_standardization import ImageStandardization
from mmzoo.layers.log_mel_spectrogram import LogMelSpectrogram
from mmzoo.layers.masked_mean import MaskedMean
from mmzoo.layers.modality_dropout import ModalityDropout
from mmzoo.layers.paired_vectors import PairedVectors
from mmzoo.layers.running_log_mel import RunningLogMel
from mmzoo.layers.sensor_encoder import SensorEncoder
from mmzoo.layers.sentence_decoder import SentenceDecoder
from mmzoo.layers.spec_augment import SpecAugment
from mmzoo.layers.spectrum_of_cepstra import SpectrumOfCepstra
from mmzoo.layers.speech_embedding import SpeechMel, SpeechNetwork
from mmzoo.layers.step_softmax import StepSoftmax
from mmzoo.layers.task_uncertainty import TaskUncertainty
from mmzoo.layers.value_scaling import ValueScaling

__all__ = [
    "Bag",
    "FieldTokens",
    "Flow",
    "HubBackbone",
    "ImageStandardization",
    "LogMelSpectrogram",
    "MaskedMean",
    "ModalityDropout",
    "RunningLogMel",
    "PairedVectors",
    "SensorEncoder",
    "SentenceDecoder",
    "SpecAugment",
    "SpectrumOfCepstra",
    "SpeechMel",
    "SpeechNetwork",
    "StepSoftmax",
    "TaskUncertainty",
    "ValueScaling",
]
