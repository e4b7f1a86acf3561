"""The networks by name, as plain words: what can be trained is known before TensorFlow is loaded.

To add one: a line here, and in the file that it names a function `logits` that builds it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from curate.errors import UsageError

IMAGENET = "imagenet"
"""The word for the published weights, which are downloaded once."""


@dataclass(frozen=True, slots=True)
class Network:
    """One entry: `use` says whether it is small enough for phones, `side` is its own picture side in pixels.

    `curate/ml/<module>.py` has `logits(pixels, classes, weights, **knobs)`, which returns the scores before softmax (a
    tensor [b, classes], float32) for pixels 0-255 (a tensor [b, side, side, 3]). `published` says where the weights for
    `imagenet` come from, `license` under which licence (SPDX), `suffix` how a file with them ends.
    """

    name: str
    side: int
    module: str
    use: Literal["phone", "teacher"]
    published: str
    license: str
    suffix: str
    reference: str
    knobs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def credit(self) -> str:
        """Say whose the published weights are, on what they were trained, and under which licence they are given."""
        return f"{self.published}, trained on ImageNet, {self.license}"


def names(use: str) -> str:
    """Return the names of the networks for a use, "phone" or "teacher", in one line."""
    return ", ".join(network.name for network in NETWORKS.values() if network.use == use)


def _keras(
    name: str,
    side: int,
    module: str,
    use: Literal["phone", "teacher"],
    reference: str,
    license: str = "Apache-2.0",  # noqa: A002 - the field's own name
    **knobs: Any,
) -> Network:
    return Network(name, side, module, use, "Keras applications", license, ".h5", reference, knobs)


def _lite(size: int, side: int, width: float, depth: float, dropout: float) -> Network:
    source = f"timm/tf_efficientnet_lite{size}.in1k"
    knobs = {"width": width, "depth": depth, "dropout": dropout, "source": source}
    name, reference = f"efficientnet_lite{size}", "EfficientNet-Lite, github.com/tensorflow/tpu"
    return Network(name, side, "efficientnet_lite", "phone", source, "Apache-2.0", ".safetensors", reference, knobs)


_V3 = "MobileNetV3, arXiv:1905.02244"
_B = "EfficientNet, arXiv:1905.11946"
NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _keras("mobilenet_v3_small", 224, "mobilenet_v3", "phone", _V3, size="Small", channels=1024),
        _keras("mobilenet_v3_large", 224, "mobilenet_v3", "phone", _V3, size="Large", channels=1280),
        # Plain ReLU, no squeeze-and-excite: the form of MobileNetV3 that is fast as int8 on processors too.
        *(
            _keras(
                f"mobilenet_v3_{size.lower()}_minimalistic",
                224,
                "mobilenet_v3",
                "phone",
                _V3,
                size=size,
                channels=channels,
                minimalistic=True,
            )
            for size, channels in (("Small", 1024), ("Large", 1280))
        ),
        _lite(0, 224, 1.0, 1.0, 0.2),
        _lite(1, 240, 1.0, 1.1, 0.2),
        _lite(2, 260, 1.1, 1.2, 0.3),
        _lite(3, 280, 1.2, 1.4, 0.3),
        _lite(4, 300, 1.4, 1.8, 0.3),
        _keras(
            "mobilenet_v2",
            224,
            "applications",
            "phone",
            "MobileNetV2, arXiv:1801.04381",
            body="MobileNetV2",
            dropout=0.2,
        ),
        *(
            _keras(
                f"efficientnet_b{size}",
                side,
                "applications",
                "teacher",
                _B,
                body=f"EfficientNetB{size}",
                dropout=dropout,
            )
            for size, (side, dropout) in enumerate(
                ((224, 0.2), (240, 0.2), (260, 0.3), (300, 0.3), (380, 0.4), (456, 0.4), (528, 0.5), (600, 0.5))
            )
        ),
        _keras(
            "resnet50", 224, "applications", "teacher", "ResNet, arXiv:1512.03385", "MIT", body="ResNet50", dropout=0.2
        ),
    )
}


def find(name: str) -> Network:
    """Return an entry. Raises UsageError, with the nearest name, for a name that is not there."""
    if name in NETWORKS:
        return NETWORKS[name]
    typed = name.lower().replace("-", "_")

    def alike(known: str) -> float:
        # By how names begin: `mobilnet_v3` is the first of that family, though `mobilenet_v2` has fewer letters more.
        return difflib.SequenceMatcher(None, typed, known[: len(typed) + 1]).ratio()

    near = max(NETWORKS, key=alike)
    raise UsageError(
        f"there is no model {name!r}",
        expected=", ".join(NETWORKS),
        hint=f"--model {near}" if alike(near) >= 0.5 else "choose one of these",
    )


def check_weights(name: str, weights: str | None) -> None:
    """Raise UsageError where these cannot be weights for the network: no file, or not one of the form that it takes."""
    network = find(name)
    if weights is None or weights == IMAGENET:
        return
    expected = f'"{IMAGENET}", or a file *{network.suffix} as published ({network.published})'
    if not Path(weights).is_file():
        raise UsageError(f"there are no weights {weights!r}", expected=expected, hint=f"--weights {IMAGENET}")
    if Path(weights).suffix != network.suffix:
        raise UsageError(
            f"{name} does not take its weights from such a file",
            where=weights,
            expected=expected,
            hint=f"--weights {IMAGENET}",
        )
