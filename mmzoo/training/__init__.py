"""Training: `mmzoo.fit` and what it is made of; pretraining, and training in stages."""

from mmzoo.training.fitting import fit
from mmzoo.training.pretraining import pretrain_contrastive, pretrain_masked
from mmzoo.training.stages import fit_stagewise

__all__ = ["fit", "fit_stagewise", "pretrain_contrastive", "pretrain_masked"]
