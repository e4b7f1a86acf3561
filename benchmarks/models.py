"""The networks side by side, as docs/models.md shows them.

    python benchmarks/models.py

Counts the trained numbers with 3 classes and with the 1000 of ImageNet, and the multiplications (MACs) of convolutions
and dense layers for one picture at the network's own side. Takes a minute.
"""

from __future__ import annotations

import math
from typing import Any

from curate.ml import models
from curate.ml.backend import keras
from curate.ml.registry import NETWORKS


def multiplications(model: Any) -> int:
    """Return how often a convolution or a dense layer multiplies two numbers for one picture."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            total += math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size)
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            total += math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:-1])
    return total


def main() -> None:
    """Print the table in Markdown."""
    print("| name | for | side | parameters, 3 classes | at 1000 | MACs | published weights | reference |")
    print("|---|---|---|---|---|---|---|---|")
    for name, network in NETWORKS.items():
        small, large = (models.build(name, classes=classes) for classes in (3, 1000))
        counts = [f"{models.trainable_parameters(model):,}" for model in (small, large)]
        print(
            f"| `{name}` | {network.use} | {network.side} | {counts[0]} | {counts[1]} "
            f"| {multiplications(small) / 1e6:,.0f} M | {network.published}, {network.license} | {network.reference} |",
            flush=True,
        )
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
