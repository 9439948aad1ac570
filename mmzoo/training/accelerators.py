"""What Keras computes on."""

from __future__ import annotations

import keras


def accelerator() -> tuple[str, tuple[int, int]]:
    """The device that the Keras backend computes on.

    Returns:
        ("cpu", "gpu" or "tpu"; CUDA compute capability of the first GPU, (0, 0) where there is none or it can't tell).
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.list_logical_devices("TPU"):
            return "tpu", (0, 0)
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return "cpu", (0, 0)
        return "gpu", tuple(tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0)))
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        capability = str(getattr(device, "compute_capability", "0.0")).split(".")
        return device.platform, tuple(int(part) for part in capability[:2]) if device.platform == "gpu" else (0, 0)
    if backend == "torch":
        import torch

        return ("gpu", torch.cuda.get_device_capability()) if torch.cuda.is_available() else ("cpu", (0, 0))
    return "cpu", (0, 0)
