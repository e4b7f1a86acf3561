"""What is learnt: the category, the subtype, or both at once; and how a picture's label says it. No TensorFlow here.

With "both" a network has one output for each subtype, and the probability of a category is the sum over its subtypes:
the two can never contradict each other. A picture whose subtype is known teaches that; one of which the category alone
is known teaches the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import CorpusError, UsageError

TARGETS = ("category", "subtype", "both")


@dataclass(frozen=True)
class Target:
    """One target on some shards.

    `names` are the outputs in order. A label is a whole number: that of an output, or, with "both", for a picture
    without a subtype, `len(names)` + the index of its category; -1 where nothing is known. `categories` are their names
    and `of_label` the category of each output (-1: none), both empty unless the target is "both".
    """

    name: str
    names: tuple[str, ...]
    categories: tuple[str, ...] = ()
    of_label: tuple[int, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The features of the schema that a label follows from."""
        return ("subtype_index", "category_index") if self.name == "both" else (f"{self.name}_index",)

    @property
    def labels(self) -> int:
        """How many labels there are: outputs, and with "both" categories without a subtype."""
        return len(self.names) + len(self.categories)

    @property
    def members(self) -> npt.NDArray[np.float32]:
        """1 where an output counts for a label, else 0: float32 [labels, outputs]."""
        categories = [[float(of == category) for of in self.of_label] for category in range(len(self.categories))]
        return np.asarray([*np.eye(len(self.names)), *categories], np.float32)

    def said(self) -> dict[str, Any]:
        """Return what a run's `recipe.json` says of it beside the target's name."""
        if self.name != "both":
            return {}
        return {"categories": {"names": list(self.categories), "of_label": list(self.of_label)}}

    def category_of(self, label: int) -> int:
        """Return the category of a label of the target "both"; -1 where it has none."""
        return self.of_label[label] if label < len(self.names) else label - len(self.names)

    def name_of(self, label: int) -> str:
        """Return what a label is called."""
        return self.names[label] if label < len(self.names) else f"{self.categories[label - len(self.names)]} alone"


def target(index: Mapping[str, Any], name: str, where: Path) -> Target:
    """Return a target on the shards whose `index.json` is given.

    Raises UsageError for a name that is none, CorpusError where the shards do not say what "both" needs.
    """
    if name not in TARGETS:
        raise UsageError("there is no such target", expected="category, subtype or both", found=repr(name))
    if name != "both":
        return Target(name, tuple(index["labels"][f"{name}_index"]))
    subtypes, categories = (tuple(index["labels"][f"{word}_index"]) for word in ("subtype", "category"))
    of_label = tuple(index.get("category_of_subtype", ()))
    if len(of_label) != len(subtypes):
        raise CorpusError(
            "these shards do not say which category each subtype implies, and both at once are learnt by that",
            where=str(where / "index.json"),
            expected=f"category_of_subtype, {len(subtypes)} numbers",
            found=f"{len(of_label)}",
            hint="curate shard, which writes them anew; or --target category",
        )
    return Target(name, subtypes, categories, of_label)
