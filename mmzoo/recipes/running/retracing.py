"""A warning of TensorFlow's that is none where many models are trained one after the other."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def without_retracing_warnings() -> Iterator[None]:
    """Keeps back what TensorFlow says of functions that are traced again and again: here each is of another model."""
    logger = logging.getLogger("tensorflow")

    def is_wanted(record):
        return "triggered tf.function retracing" not in record.getMessage()

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)
