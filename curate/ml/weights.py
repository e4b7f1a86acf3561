"""Published weights: downloaded once into the cache of Keras, or from a file that was placed by hand."""

from __future__ import annotations

import re
import shlex
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml.backend import Model, keras
from curate.ml.registry import IMAGENET

_PATIENCE = 60.0  # seconds without a byte before a host counts as out of reach; Keras itself would wait for ever
_TOLD = 3  # names that an error shows of each kind

Array = npt.NDArray[Any]


class Unreached(OSError):  # noqa: N818 - a training without them goes on, so it is no error to the user
    """Published weights cannot be downloaded: there is no network, or the host does not give them."""


@contextmanager
def loading(weights: str | None, name: str) -> Iterator[None]:
    """Turn what Keras raises while it loads weights into Unreached ("imagenet") or TrainError (a file that is wrong).

    What Keras prints of a download goes to stderr: stdout is for results.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            # Kernels suit a picture of any side, and which side they were trained at is no news.
            warnings.filterwarnings("ignore", message=r".*Weights for input shape \(224, 224\)")
            yield
    except Exception as failed:
        # Keras raises a bare Exception where a download fails, so no narrower class can be named.
        if weights == IMAGENET and (type(failed) is Exception or isinstance(failed, OSError)):
            raise Unreached(str(failed)) from failed
        if weights is None or not isinstance(failed, (OSError, ValueError, KeyError)):
            raise
        raise TrainError(
            f"these are not the weights of {name}",
            where=weights,
            expected="the file without top that Keras publishes",
            found=str(failed).strip().splitlines()[0],
            hint=f"--weights {IMAGENET}",
        ) from failed
    finally:
        socket.setdefaulttimeout(before)


def timm_file(weights: str, source: str) -> Path:
    """Return the path of a safetensors file: `weights` itself, or for "imagenet" that of `source`, downloaded once.

    `source` is a repository of the Hugging Face Hub. Raises Unreached where it cannot be downloaded.
    """
    if weights != IMAGENET:
        return Path(weights)
    address = f"https://huggingface.co/{source}/resolve/main/model.safetensors"
    with loading(weights, source):
        return Path(keras.utils.get_file(f"{source.rpartition('/')[2]}.safetensors", address, cache_subdir="models"))


def port_timm(body: Model, path: Path) -> None:
    """Give a body of EfficientNet-Lite the weights that timm names otherwise, from a safetensors file.

    Convolutions are turned from [out, in, h, w] to [h, w, in, out], depthwise ones from [channels, 1, h, w] to
    [h, w, channels, 1]. The classifier, which knows the classes of ImageNet, and the counters of batch norm are left
    out. Raises TrainError that names what is missing, unknown, of another shape or no number.
    """
    held = _read(path)
    wanted = {name: layer for layer in body.layers if layer.weights for name in _names(layer, body)}
    arrays: dict[str, list[Array]] = {}
    missing, wrong = [], []
    for name, layer in wanted.items():
        place = len(arrays.setdefault(layer.name, []))
        shape = tuple(layer.weights[place].shape)
        if name not in held:
            missing.append(name)
            arrays[layer.name].append(np.zeros(shape))
            continue
        array = _turned(held[name], layer)
        if array.shape != shape:
            wrong.append(f"{name} {list(held[name].shape)}")
        elif not np.isfinite(array).all():
            wrong.append(f"{name} (not finite)")
        arrays[layer.name].append(array)
    left = re.compile(r"classifier\.(weight|bias)|.*\.num_batches_tracked")
    unknown = [name for name in held if name not in wanted and not left.fullmatch(name)]
    if missing or wrong or unknown:
        found = {"missing": missing, "unknown": unknown, "of another shape or no number": wrong}
        raise TrainError(
            "these are not the weights of this network",
            where=str(path),
            expected=f"the {len(wanted)} arrays of timm's port of it, by name and shape",
            found="; ".join(f"{word}: {_some(names)}" for word, names in found.items() if names),
            hint=f"another file, or --weights {IMAGENET}",
        )
    for name, given in arrays.items():
        body.get_layer(name).set_weights(given)


def _read(path: Path) -> Mapping[str, Array]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as absent:
        raise TrainError(
            "safetensors is not installed", found=str(absent), hint="pip install '.[train]' in the folder of curate"
        ) from absent
    try:
        held: dict[str, Array] = load_file(path)
    except (OSError, SafetensorError, KeyError) as broken:
        raise TrainError(
            "the file with weights is damaged",
            where=str(path),
            expected="a safetensors file",
            found=str(broken),
            hint=f"rm {shlex.quote(str(path))}, and get it anew",
        ) from broken
    return held


def _names(layer: Any, body: Model) -> list[str]:
    """Return timm's names of a layer's weights, in the order in which Keras holds them."""
    stem = _stem(layer.name, {each.name for each in body.layers})
    if isinstance(layer, keras.layers.BatchNormalization):
        return [f"{stem}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    return [f"{stem}.weight"]


def _stem(name: str, all_names: set[str]) -> str:
    outer = {"stem_conv": "conv_stem", "stem_norm": "bn1", "head_conv": "conv_head", "head_norm": "bn2"}
    if name in outer:
        return outer[name]
    found = re.fullmatch(r"stage(\d+)_block(\d+)_(\w+)", name)
    if found is None:
        raise ValueError(f"timm has no name for the layer {name!r}")
    stage, block, part = found.groups()
    expanded = f"stage{stage}_block{block}_expand_conv" in all_names
    own = {
        "expand_conv": "conv_pw",
        "expand_norm": "bn1",
        "depthwise_conv": "conv_dw",
        "depthwise_norm": "bn2" if expanded else "bn1",
        "project_conv": "conv_pwl" if expanded else "conv_pw",
        "project_norm": "bn3" if expanded else "bn2",
    }
    return f"blocks.{stage}.{block}.{own[part]}"


def _turned(array: Array, layer: Any) -> Array:
    if array.ndim != 4:
        return array.astype(np.float32)
    axes = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return array.transpose(axes).astype(np.float32)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
