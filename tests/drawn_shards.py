"""A small set of drawn lesions of three categories, written as shards: what the tests of writer and trainer share."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from curate.images import codec
from curate.ml import shards
from curate.ml.credits import Credit, write_credits
from curate.ml.example import Value
from curate.recipe import ShardRecipe
from curate.vocabulary import ARTEFACTS

CATEGORIES = ("benign", "precancerous", "malignant")
SUBTYPES = ("melanocytic_nevus", "actinic_keratosis", "melanoma")


def lesion(category: int, seed: int, side: int = 96) -> codec.Pixels:
    """Draw skin with one lesion: a brown disc, a red star, or a black patch of two colours; uint8 [side, side, 3]."""
    dice = np.random.default_rng([category, seed])
    y, x = np.mgrid[0:side, 0:side].astype(float)
    cy, cx = dice.uniform(0.4, 0.6, 2) * side
    angle, radius = np.arctan2(y - cy, x - cx), np.hypot(y - cy, x - cx)
    edge = dice.uniform(0.2, 0.3) * side * (1 + (0.0, 0.35, 0.2)[category] * np.sin(angle * (2, 7, 3)[category]))
    skin = np.array([dice.uniform(170, 230), dice.uniform(130, 170), dice.uniform(110, 140)])
    colour = np.array([(125, 80, 55), (200, 70, 80), (60, 45, 50)][category]) + dice.normal(0, 12, 3)
    mask = 1 / (1 + np.exp((radius - edge) / (1.5 if category else 3)))[..., None]
    picture = skin * (1 - mask) + colour * mask
    if category == 2:
        picture[(radius < edge) & (x > cx)] += np.array([40, 20, 60])
    return np.clip(picture + dice.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)


def row(split: str, category: int, seed: int) -> shards.Row:
    """Return one row of the schema but `image`."""
    name = f"drawn:{split}_{category}_{seed}"
    values: dict[str, Value] = {
        "id": name,
        "source": "drawn",
        "isic_id": None,
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "width": 96,
        "height": 96,
        "category": CATEGORIES[category],
        "category_index": category,
        "subtype": SUBTYPES[category],
        "subtype_index": category,
        "split": split,
        "fold": None if split == "test" else seed % 5,
        "family": name,
        "lesion_id": None,
        "patient_id": None,
        "age": 40.0 + seed % 40 if seed % 3 else None,
        "sex": ("female", "male", None)[seed % 3],
        "site": "trunk",
        "modality": "dermoscopic",
        "diagnosis_method": None,
        "tone_reported": 1 + seed % 6 if seed % 2 else None,
        "tone_ita_deg": 30.0 + category,
        "tone_ita_class": "intermediate",
        **{name: (None if seed % 7 == 0 else float((seed + place) % 4 == 0)) for place, name in enumerate(ARTEFACTS)},
        "license": "CC0-1.0",
        "attribution": "Drawn for a test",
        "source_label": SUBTYPES[category],
    }
    return values


def make(folder: Path, counts: dict[str, int], *, categories: tuple[int, ...] = (0, 1, 2), per_shard: int = 64) -> Path:
    """Write shards with `counts[split]` pictures of each category; return the folder."""
    folder.mkdir(parents=True)
    made = {}
    for split, count in counts.items():
        rows, pictures = [], {}
        for category in categories:
            for seed in range(count):
                each = row(split, category, {"train": 0, "validation": 10_000, "test": 20_000}[split] + seed)
                rows.append(each)
                pictures[str(each["id"])] = codec.encode(lesion(category, int(str(each["id"]).split("_")[-1])), "JPEG")
        rows.sort(key=lambda row: shards.place(str(row["id"])))
        made[split] = shards.write(
            folder, "drawn", split, rows, pictures.__getitem__, pictures=len(rows), per_shard=per_shard
        )
    names = {"category_index": CATEGORIES, "subtype_index": SUBTYPES}
    shards.write_metadata(folder, "drawn", made, names, "Drawn lesions")
    pictures_in = sum(shard.pictures for each in made.values() for shard in each)
    credit = Credit("drawn", "Drawn lesions", "CC0-1.0", "", "yes", "Drawn for a test", (), "", pictures_in)
    key = hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()[:16]
    labels = {feature: list(values) for feature, values in names.items()}
    values = {"name": "drawn", "key": key, "labels": labels, "credits": [credit.as_dict()]}
    values["category_of_subtype"] = list(range(len(SUBTYPES)))
    shards.write_index(folder, values | {"recipe": ShardRecipe().said()}, made)
    write_credits(folder, [credit])
    return folder


def trained(folder: Path) -> tuple[Path, Path]:
    """Train MobileNetV3-Small on drawn shards below `folder`, where that is not done yet; return (shards, run)."""
    from curate.ml.runs import Options
    from curate.ml.training import train

    made = folder / "shards"
    if not made.is_dir():
        make(made, {"train": 60, "validation": 20, "test": 30})
    options = Options("mobilenet_v3_small", "category", 96, 10, 16, 2e-3, 0.9, 1)
    return made, train(made, folder / "runs", options)[0]
