"""Training: `mmzoo.fit` and what it is made of."""

from mmzoo.training.fitting import fit

__all__ = ["fit"]
