"""The pictures whose activations set the ranges of int8: of every class that occurs and every source, in hash order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import drawn_shards
import numpy as np
import pytest

from curate.images import codec
from curate.ml import shards

pytestmark = pytest.mark.tf

SUBTYPES = tuple(f"subtype_{number}" for number in range(52))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of 52 subtypes: each third does not occur, some have one picture, and 5 of 6 are of one source."""
    folder = tmp_path_factory.mktemp("many")
    rows = []
    for subtype in range(52):
        for seed in range(0 if subtype % 3 == 0 else 1 if subtype % 7 == 0 else 12):
            source = ("large", "small", "rare")[0 if seed % 6 else 1 + subtype % 2]
            name = f"{source}:{subtype}_{seed}"
            own = {"id": name, "source": source, "subtype": SUBTYPES[subtype], "subtype_index": subtype}
            rows.append(drawn_shards.row("train", subtype % 3, seed) | own)
    rows.append(drawn_shards.row("train", 0, 99) | {"id": "large:unknown", "subtype": None, "subtype_index": None})
    rows.sort(key=lambda row: shards.place(str(row["id"])))
    picture = codec.encode(np.zeros((4, 4, 3), np.uint8), "PNG")
    made = {"train": shards.write(folder, "many", "train", rows, lambda _: picture, pictures=len(rows), per_shard=64)}
    names = {"category_index": drawn_shards.CATEGORIES, "subtype_index": SUBTYPES}
    shards.write_metadata(folder, "many", made, names, "Many subtypes")
    labels = {feature: list(values) for feature, values in names.items()}
    shards.write_index(folder, {"name": "many", "key": "many", "labels": labels, "credits": [], "recipe": {}}, made)
    return folder


def chosen(folder: Path, target: str, pictures: int) -> list[tuple[int, str, str]]:
    from curate.ml import dataset

    found = dataset.stratified(folder, "train", target=target, pictures=pictures)
    return [(int(each[f"{target}_index"]), each["source"].decode(), each["id"].decode()) for each in found]


def test_every_subtype_that_occurs_is_there_and_every_source(many: Path) -> None:
    found = chosen(many, "subtype", 100)
    counts = Counter(label for label, _, _ in found)
    occurring = {subtype for subtype in range(52) if subtype % 3}
    assert set(counts) == occurring
    assert len(found) == 100
    single = {subtype for subtype in occurring if subtype % 7 == 0}
    assert {counts[label] for label in single} == {1}
    assert {counts[label] for label in occurring - single} <= {3, 4}  # 95 over 29
    for label in occurring - single:  # 2 of 12 are of the smaller source
        assert {source for each, source, _ in found if each == label} == {"large", ("small", "rare")[label % 2]}
    assert found == chosen(many, "subtype", 100)
    assert [shards.place(name) for *_, name in found] == sorted(shards.place(name) for *_, name in found)


def test_sources_share_a_class_evenly(many: Path) -> None:
    found = Counter((label, source) for label, source, _ in chosen(many, "category", 60))
    assert found.pop((0, "drawn")) == 1  # all that there is of it; the other two share the 59
    assert sorted(found.values()) == [9, 10, 10, 10, 10, 10]
    assert set(found) == {(label, source) for label in (1, 2) for source in ("large", "small", "rare")}


def test_fewer_pictures_than_classes(many: Path) -> None:
    found = chosen(many, "subtype", 10)
    assert Counter(label for label, _, _ in found).most_common(1)[0][1] == 1
    assert len(found) == 34


def test_what_is_not_there_is_not_chosen(many: Path) -> None:
    from curate.ml import dataset

    assert list(dataset.stratified(many, "validation", target="subtype", pictures=10)) == []
