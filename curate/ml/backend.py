"""TensorFlow, loaded here and nowhere else, with its log turned down first."""

from __future__ import annotations

import os
from typing import Any

from curate.errors import TrainError
from curate.ml.tflite import hushed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # a machine without a GPU is no news; real errors come as exceptions

try:
    with hushed():  # TensorFlow tells about oneDNN while it loads, whatever the log level
        import keras
        import tensorflow as tf
except ImportError as missing:
    raise TrainError(
        "TensorFlow is not installed", found=str(missing), hint="pip install '.[train]' in the folder of curate"
    ) from missing

tf.get_logger().setLevel("ERROR")
tf.autograph.set_verbosity(0)

Tensor = Any
Dataset = Any
Model = Any

HALF = (7, 0)  # compute capability from which a GPU has units for half precision (Volta)


def devices() -> list[str]:
    """Return what a training is spread over: all GPUs, or without one the processor, in the parts that whoever started
    TensorFlow has split it into (`tf.config.set_logical_device_configuration`).
    """
    return [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]


def has_half_precision() -> bool:
    """Tell whether there is a GPU, and all of them are quick at half precision."""
    details = [tf.config.experimental.get_device_details(each) for each in tf.config.list_physical_devices("GPU")]
    return bool(details) and all(each.get("compute_capability", (0, 0)) >= HALF for each in details)


def strategy(replicas: int) -> Any:
    """Return the `tf.distribute` strategy over so many of the devices; that of one device where it is one."""
    if replicas == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices()[:replicas])


__all__ = ["Dataset", "Model", "Tensor", "devices", "has_half_precision", "keras", "strategy", "tf"]
