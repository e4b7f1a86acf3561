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

__all__ = ["Dataset", "Model", "Tensor", "keras", "tf"]
