"""Branches: Keras layers from one modality's input tensor to `Features`."""

from mmzoo.branches.audio import audio_branch
from mmzoo.branches.history import history_branch, item_embedding
from mmzoo.branches.hub_image import hub_image_branch
from mmzoo.branches.hub_text import hub_text_branch
from mmzoo.branches.image import image_branch
from mmzoo.branches.ngrams import ngrams_branch
from mmzoo.branches.parts.features import Features
from mmzoo.branches.pilotnet import pilotnet_branch
from mmzoo.branches.plain_cnn import plain_cnn_branch
from mmzoo.branches.resnet import resnet_branch
from mmzoo.branches.sensors import sensor_branch
from mmzoo.branches.series import series_branch
from mmzoo.branches.speech import speech_branch
from mmzoo.branches.table import BranchSettings, branch_of, register_branch
from mmzoo.branches.text import text_branch
from mmzoo.branches.vector import vector_branch
from mmzoo.branches.video import video_branch

__all__ = [
    "BranchSettings",
    "Features",
    "audio_branch",
    "branch_of",
    "history_branch",
    "hub_image_branch",
    "hub_text_branch",
    "image_branch",
    "item_embedding",
    "ngrams_branch",
    "pilotnet_branch",
    "plain_cnn_branch",
    "register_branch",
    "resnet_branch",
    "sensor_branch",
    "series_branch",
    "speech_branch",
    "text_branch",
    "vector_branch",
    "video_branch",
]
