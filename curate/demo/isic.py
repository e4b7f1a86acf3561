"""The five ISIC challenges of the demo: which pictures each year shows, under which name, with which label."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from curate.demo.isic_labels import LABELS_2017, LABELS_2018, LABELS_2019, LABELS_2020, settle
from curate.demo.noise import generator
from curate.demo.photographs import Form, Shot
from curate.demo.truth import Planted, Split

SIZES: dict[str, dict[str, int]] = {
    "tiny": {"2016": 16, "2017": 8, "2018": 16, "bcn": 10, "2020": 10, "test": 4},
    "small": {"2016": 28, "2017": 14, "2018": 40, "bcn": 24, "2020": 20, "test": 6},
    "demo": {"2016": 90, "2017": 40, "2018": 220, "bcn": 110, "2020": 90, "test": 24},
}
"""How many pictures are new in each year; `test` is the size of the later years' validation and test sets."""

SITES = ("head/neck", "upper extremity", "lower extremity", "anterior torso", "posterior torso", "palms/soles")


@dataclass(frozen=True)
class Row:
    """One row of a challenge's label file. `name` is the picture's, without its ending; `form` how it is stored."""

    source: str
    split: Split
    name: str
    shot: Shot
    label: str | None
    form: Form = "jpeg"
    lesion: str | None = None
    patient: str | None = None
    reason: str | None = None
    trap: str | None = None

    @property
    def age(self) -> int:
        """The patient's age in years; copies and views of one lesion agree."""
        return 20 + 5 * int(generator(f"age/{self.patient or self.shot.lesion}").integers(0, 13))

    @property
    def sex(self) -> str:
        """The patient's sex; copies and views of one lesion agree."""
        return ("female", "male")[int(generator(f"sex/{self.patient or self.shot.lesion}").integers(0, 2))]

    @property
    def site(self) -> str:
        """The lesion's site, in the words of 2019."""
        return SITES[int(generator(f"site/{self.shot.lesion}").integers(0, len(SITES)))]


def plan(seed: int, size: str) -> list[Row]:
    """Return the rows of all five challenges, in the order of their label files."""
    count = SIZES[size]
    old = _isic_2016(seed, count["2016"])
    second = _isic_2017(seed, old, count["2017"], count["test"])
    ham = _isic_2018(seed, count["2018"], count["test"])
    third = _isic_2019(seed, old + second, ham, count["bcn"], count["test"])
    return [*old, *second, *ham, *third, *_isic_2020(seed, third, count["2020"], count["test"])]


def truth(rows: Sequence[Row]) -> list[Planted]:
    """Return the right answer for each row: copies of one photograph speak together."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        if row.reason is None:
            together.setdefault(row.shot.name, []).append(row)
    settled = {name: settle([row.label for row in group]) for name, group in together.items()}
    planted = []
    for row in rows:
        subtype, kind, reason = (None, None, row.reason) if row.reason else settled[row.shot.name]
        planted.append(
            Planted(
                id=f"{row.source}:{row.name}",
                source=row.source,
                source_label=row.label,
                subtype=subtype,
                category=kind,
                photograph=row.shot.name,
                split=row.split,
                reason=reason,
                lesion=f"isic/{row.lesion}" if row.lesion else None,
                patient=f"isic/{row.patient}" if row.patient else None,
                side=row.shot.side(row.form),
                trap=row.trap,
            )
        )
    return planted


def _shot(seed: int, subtype: str, lesion: str, view: int, width: int, height: int) -> Shot:
    return Shot(subtype, f"{seed}/{lesion}", str(view), width, height)


def _isic_2016(seed: int, new: int) -> list[Row]:
    kinds = cycle(("melanocytic_nevus", "melanoma", "melanocytic_nevus", "seborrheic_keratosis", "melanoma"))
    train, test = [], []
    for number, subtype in enumerate(islice(kinds, new)):
        name = f"ISIC_{number:07}"
        shot = _shot(seed, subtype, name, 1, 400, 300)
        malignant = subtype == "melanoma"
        if number % 4 == 3:
            test.append(Row("isic_2016", "test", name, shot, "1.0" if malignant else "0.0"))
        else:
            train.append(Row("isic_2016", "train", name, shot, "malignant" if malignant else "benign"))
    train[-1] = dataclasses.replace(train[-1], reason="no picture", trap="no picture")
    return [*train, *test]


def _isic_2017(seed: int, old: Sequence[Row], new: int, tests: int) -> list[Row]:
    """Half of what was training in 2016 comes again, and some of what was its test; one label has changed."""
    here = [row for row in old if row.reason is None]
    again = [row for row in here if row.split == "train"]
    again = again[: len(again) // 2] + [row for row in here if row.split == "test"][:2]
    rows = [Row("isic_2017", "train", row.name, row.shot, LABELS_2017[row.shot.subtype]) for row in again]
    changed = next(number for number, row in enumerate(again) if row.label == "benign")
    rows[changed] = dataclasses.replace(rows[changed], label="melanoma", trap="label changed")
    kinds = cycle(("melanocytic_nevus", "melanoma", "seborrheic_keratosis", "melanoma"))
    fresh = [
        Row("isic_2017", "train", name, _shot(seed, subtype, name, 1, 320, 240), LABELS_2017[subtype])
        for name, subtype in zip((f"ISIC_{12_000 + n:07}" for n in range(new)), kinds, strict=False)
    ]
    rows += fresh
    # Two names for one file, and a picture of 2016 saved again under another name.
    rows.append(dataclasses.replace(fresh[1], name="ISIC_0015982", trap="same bytes, other id"))
    copied = next(row for row in here if row.split == "train" and row not in again)
    rows.append(
        Row(
            *("isic_2017", "train", "ISIC_0016003", copied.shot, LABELS_2017[copied.shot.subtype]),
            form="saved again",
            trap="saved again, other id",
        )
    )
    for number, split in enumerate(("validation", "test")):
        for place, subtype in enumerate(islice(kinds, tests)):
            name = f"ISIC_{13_000 + 1000 * number + place:07}"
            shot = _shot(seed, subtype, name, 1, 320, 240)
            rows.append(Row("isic_2017", _split(split), name, shot, LABELS_2017[subtype]))
    rows[-1] = dataclasses.replace(rows[-1], form="cut short", reason="unreadable picture", trap="cut short")
    return rows


def _isic_2018(seed: int, new: int, tests: int) -> list[Row]:
    kinds = cycle(
        (
            *("melanocytic_nevus", "actinic_keratosis", "melanoma", "benign_keratosis", "actinic_keratosis"),
            *("basal_cell_carcinoma", "melanocytic_nevus", "bowen_disease", "dermatofibroma", "vascular_lesion"),
            *("actinic_keratosis", "melanocytic_nevus"),
        )
    )
    rows = []
    for number, (lesion, view, subtype) in enumerate(islice(_views(kinds), new)):
        shot = _shot(seed, subtype, f"HAM_{lesion:07}", view, 300, 225)
        name = f"ISIC_{24_306 + number:07}"
        rows.append(Row("isic_2018", "train", name, shot, LABELS_2018[subtype], lesion=f"HAM_{lesion:07}"))
    for split, first in (("validation", 34_321), ("test", 34_524)):
        for place, subtype in enumerate(islice(kinds, tests)):
            name = f"ISIC_{first + place:07}"
            shot = _shot(seed, subtype, name, 1, 300, 225)
            rows.append(Row("isic_2018", _split(split), name, shot, LABELS_2018[subtype]))
    return rows


def _isic_2019(seed: int, old: Sequence[Row], ham: Sequence[Row], bcn: int, tests: int) -> list[Row]:
    """Most of what came before comes again: 2016 and 2017 at half size, 2018 as it was; one AKIEC does not."""
    rows, seen = [], set()
    for row in old:
        if row.split == "train" and row.reason is None and row.source == "isic_2017" and row.name not in seen:
            seen.add(row.name)
            if row.trap != "saved again, other id" and len(seen) % 5:
                label = "MEL" if row.label == "melanoma" else LABELS_2019[row.shot.subtype]
                lesion = f"MSK4_{row.name[5:]}" if row.name >= "ISIC_0012000" and row.trap is None else None
                name = f"{row.name}_downsampled"
                rows.append(Row("isic_2019", "train", name, row.shot, label, form="half", lesion=lesion))
    train = [row for row in ham if row.split == "train"]
    alone = [row for row in train if row.label == "AKIEC" and _views_of(row, train) == 1][-1]
    for row in train:
        if row is not alone:
            label = LABELS_2019[row.shot.subtype]
            rows.append(dataclasses.replace(row, source="isic_2019", label=label))
    kinds = cycle(
        (
            *("actinic_keratosis", "squamous_cell_carcinoma", "benign_keratosis", "basal_cell_carcinoma"),
            *("melanocytic_nevus", "melanoma", "actinic_keratosis", "dermatofibroma", "vascular_lesion"),
        )
    )
    for number, (known, view, subtype) in enumerate(islice(_views(kinds), bcn)):
        shot = _shot(seed, subtype, f"BCN_{known:07}", view, 300, 225)
        name = f"ISIC_{53_453 + number:07}"
        rows.append(Row("isic_2019", "train", name, shot, LABELS_2019[subtype], lesion=f"BCN_{known:07}"))
    for row in ham:
        if row.split != "train":
            rows.append(dataclasses.replace(row, source="isic_2019", split="test", label=LABELS_2019[row.shot.subtype]))
    for place, subtype in enumerate(islice(kinds, tests)):
        name = f"ISIC_{63_000 + place:07}"
        rows.append(Row("isic_2019", "test", name, _shot(seed, subtype, name, 1, 300, 225), LABELS_2019[subtype]))
    rows[-1] = dataclasses.replace(rows[-1], label="UNK", reason="out of scope", trap="unknown class")
    return rows


def _isic_2020(seed: int, third: Sequence[Row], new: int, tests: int) -> list[Row]:
    """Patients with several lesions; two listed pairs; a keratosis of 2019 under another name and a finer label."""
    kinds = cycle((None, "melanoma", "melanocytic_nevus", None, "seborrheic_keratosis", "melanoma", "lentigo"))
    rows = []
    for number, kind in enumerate(islice(kinds, new)):
        name, lesion = f"ISIC_{1_000_003 + 7919 * number:07}", f"IL_{2_000_003 + 6007 * number:07}"
        shot = _shot(seed, kind or "melanocytic_nevus", lesion, 1, 300, 225)
        label = LABELS_2020[kind] if kind else "unknown"
        # Three lesions to a patient: the hard case for who splits by picture.
        rows.append(
            Row(
                "isic_2020",
                "train",
                name,
                shot,
                label,
                lesion=lesion,
                patient=f"IP_{5_000_011 + 4001 * (number // 3):07}",
            )
        )
    for number in (1, 4):
        row = rows[number]
        rows.append(
            dataclasses.replace(row, name=f"ISIC_{9_000_001 + number:07}", form="saved again", trap="listed pair")
        )
    coarse = next(row for row in third if row.label == "BKL" and row.lesion and row.lesion.startswith("BCN"))
    rows.append(
        Row(
            *("isic_2020", "train", "ISIC_9100001", coarse.shot, "seborrheic keratosis", "saved again"),
            lesion="IL_9100001",
            patient="IP_9100001",
            trap="finer label",
        )
    )
    for place in range(tests):
        name = f"ISIC_{9_500_000 + 13 * place:07}"
        shot = _shot(seed, "melanocytic_nevus" if place % 3 else "melanoma", name, 1, 300, 225)
        rows.append(
            Row("isic_2020", "test", name, shot, None, patient=f"IP_{9_600_000 + place // 2:07}", reason="no label")
        )
    return rows


def _views(kinds: Iterable[str]) -> Iterable[tuple[int, int, str]]:
    """Yield (lesion, view, subtype): every third lesion is photographed twice."""
    for lesion, subtype in enumerate(kinds):
        for view in range(2 if lesion % 3 == 0 else 1):
            yield lesion, view, subtype


def _views_of(row: Row, rows: Sequence[Row]) -> int:
    return sum(other.lesion == row.lesion for other in rows)


def _split(word: str) -> Split:
    return "validation" if word == "validation" else "test" if word == "test" else "train"
