"""How the ISIC challenges of each year call the same lesion, and what their words come to together."""

from __future__ import annotations

from collections.abc import Iterable

from curate.demo.truth import Category, category

LABELS_2019 = {
    "melanoma": "MEL",
    "melanocytic_nevus": "NV",
    "basal_cell_carcinoma": "BCC",
    "actinic_keratosis": "AK",
    "benign_keratosis": "BKL",
    "seborrheic_keratosis": "BKL",
    "dermatofibroma": "DF",
    "vascular_lesion": "VASC",
    "squamous_cell_carcinoma": "SCC",
    "bowen_disease": "SCC",
}
LABELS_2018 = {**LABELS_2019, "actinic_keratosis": "AKIEC", "bowen_disease": "AKIEC"}
LABELS_2017 = {"melanoma": "melanoma", "seborrheic_keratosis": "seborrheic_keratosis", "melanocytic_nevus": "neither"}
LABELS_2020 = {
    "melanoma": "melanoma",
    "melanocytic_nevus": "nevus",
    "seborrheic_keratosis": "seborrheic keratosis",
    "lentigo": "lentigo NOS",
}
# What a label alone says; AKIEC says nothing without its copy of 2019, `benign` and `unknown` name no subtype.
SAID = {
    **dict.fromkeys(("malignant", "1.0", "melanoma", "MEL"), "melanoma"),
    **dict.fromkeys(("neither", "NV", "nevus"), "melanocytic_nevus"),
    **dict.fromkeys(("seborrheic_keratosis", "seborrheic keratosis"), "seborrheic_keratosis"),
    "BCC": "basal_cell_carcinoma",
    "AK": "actinic_keratosis",
    "BKL": "benign_keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular_lesion",
    "SCC": "squamous_cell_carcinoma",
    "lentigo NOS": "lentigo",
}
BENIGN_ALONE = frozenset({"benign", "0.0", "unknown"})


def settle(labels: Iterable[str | None]) -> tuple[str | None, Category | None, str | None]:
    """Return subtype, category and the reason for leaving out that copies with these labels come to."""
    words = {label for label in labels if label is not None}
    said = {SAID[word] for word in words if word in SAID}
    kinds = {category(subtype) for subtype in said}
    if words & BENIGN_ALONE:
        kinds.add("benign")
    if "AKIEC" in words and not words & {"AK", "SCC"}:
        return None, None, "ambiguous label"
    if len(kinds) > 1:
        return None, None, "label conflict"
    if "AKIEC" in words and "SCC" in words:
        said = {"bowen_disease"}
    if "seborrheic_keratosis" in said:
        said -= {"benign_keratosis"}  # the umbrella gives way to what stands under it
    return (next(iter(said)) if said else None), next(iter(kinds)), None
