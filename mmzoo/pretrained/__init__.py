"""Pretrained encoders from installable packages: which there are, whether they are here, and that they are genuine.

An encoder has a file of its own, which says where its weights lie in its package and how they become a network. The
weights themselves are not part of mmzoo. Everything here but `Encoder.backbone` needs NumPy only.
"""

from mmzoo.pretrained.encoder import Encoder, PresetError, folder_identity
from mmzoo.pretrained.registry import ENCODERS, encoder_named, encoders_of

__all__ = ["ENCODERS", "Encoder", "PresetError", "encoder_named", "encoders_of", "folder_identity"]
