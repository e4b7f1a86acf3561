"""What the demo knows of its world: every record, which pictures are copies of one, what must become of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Split = Literal["train", "validation", "test"]
Category = Literal["benign", "precancerous", "malignant"]

PRECANCEROUS = frozenset({"actinic_keratosis"})
MALIGNANT = frozenset(
    {
        "basal_cell_carcinoma",
        "bowen_disease",
        "kaposi_sarcoma",
        "melanoma",
        "squamous_cell_carcinoma",
    }
)


def category(subtype: str) -> Category:
    """Return the category of a subtype that the demo plants."""
    if subtype in PRECANCEROUS:
        return "precancerous"
    return "malignant" if subtype in MALIGNANT else "benign"


@dataclass(frozen=True, slots=True)
class Planted:
    """One record of the demo and the right answer for it.

    `subtype` and `category` are those that the corpus gives the picture, after its copies were asked; `reason` is why
    it is left out, None for what is kept or is a copy of what is kept. Records of one `photograph` are copies.
    `side` is the shorter side in pixels. `lesion` and `patient` carry their namespace: "isic/HAM_0000001".
    """

    id: str
    source: str
    source_label: str | None
    subtype: str | None
    category: Category | None
    photograph: str
    split: Split | None = None
    reason: str | None = None
    lesion: str | None = None
    patient: str | None = None
    side: int = 0
    trap: str | None = None


@dataclass(frozen=True)
class Part:
    """What one source (or a group of them) adds to the world: its files by source and name, and its records."""

    files: Mapping[str, Mapping[str, bytes]]
    records: Sequence[Planted]
    expected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Twins:
    """Records that show one photograph; exactly one of `survivors` (the largest) is kept, the rest are duplicates."""

    ids: tuple[str, ...]
    survivors: tuple[str, ...]


def twins(records: Iterable[Planted]) -> tuple[Twins, ...]:
    """Return the groups of two and more copies among the records that no other reason leaves out, sorted."""
    groups: dict[str, list[Planted]] = {}
    for record in records:
        if record.reason is None:
            groups.setdefault(record.photograph, []).append(record)
    found = []
    for group in groups.values():
        if len(group) > 1:
            largest = max(record.side for record in group)
            found.append(
                Twins(
                    tuple(sorted(record.id for record in group)),
                    tuple(sorted(record.id for record in group if record.side == largest)),
                )
            )
    return tuple(sorted(found, key=lambda pair: pair.ids))


def left_out(records: Iterable[Planted]) -> Counter[str]:
    """Return how many records are left out, by reason; "duplicate" counts all copies but one of each photograph."""
    records = list(records)
    counts = Counter(record.reason for record in records if record.reason is not None)
    copies = sum(len(pair.ids) - 1 for pair in twins(records))
    if copies:
        counts["duplicate"] += copies
    return counts


def families(records: Iterable[Planted]) -> dict[str, str]:
    """Return the family of each record by id: joined by photograph, lesion or patient, named by its first id."""
    records = sorted(records, key=lambda record: record.id)
    above = {record.id: record.id for record in records}

    def top(name: str) -> str:
        while above[name] != name:
            name = above[name]
        return name

    first: dict[tuple[str, str], str] = {}
    for record in records:
        for kind, value in (("photograph", record.photograph), ("lesion", record.lesion), ("patient", record.patient)):
            if value is not None:
                one, other = sorted((top(first.setdefault((kind, value), record.id)), top(record.id)))
                above[other] = one
    return {name: top(name) for name in above}
