"""The model card: what a model takes and gives, what it was trained on and whose pictures those are, what it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.ml import premises
from curate.ml.credits import Credit

NOT_A_DEVICE = (
    "This model is not a medical device. It has no clearance, was not tested on patients, and must not be used to "
    "diagnose, to choose a treatment, or to put off seeing a doctor."
)
INTENDED = "Research and teaching: comparing networks, quantization and data sets of skin lesions."


def card(
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    labels: Sequence[str],
    data: Sequence[Credit | Mapping[str, Any]],
    quantized: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the card as plain values, ready for JSON. `about` is the run's `recipe.json`, `data` whose pictures the
    shards hold, as `credits_in` gives it or as a card says it.
    """
    told = [each.as_dict() if isinstance(each, Credit) else dict(each) for each in data]
    side = about["side"]
    return {
        "model": about["model"],
        "target": about["target"],
        "intended_use": INTENDED,
        "warning": NOT_A_DEVICE,
        "input": {
            "shape": [1, side, side, 3],
            "pixels": "RGB, red first, 0-255, sRGB, upright, the whole picture resized to the square; "
            "scaling is inside the model",
            "dtype": {"keras, float, float16, dynamic, int16x8": "float32", "int8, qat": "uint8"},
        },
        "output": {"shape": [1, len(labels)], "values": "probability of each label, float32"},
        "labels": list(labels),
        "training": dict(about),
        "metrics": {split: dict(scores) for split, scores in metrics.items()},
        "forms": [dict(row) for row in quantized],
        "data": told,
        "licenses": sorted({credit["license"] for credit in told}),
    }


def form_card(
    about: Mapping[str, Any],
    run: str,
    labels: Sequence[str],
    data: Sequence[Credit | Mapping[str, Any]],
    mode: str,
    dtype: str,
) -> dict[str, Any]:
    """Return the card that one `.tflite` of a run carries: all that its user must know who has the file alone.

    `about` is the run's `recipe.json`, `dtype` that of the pixels which the file takes.
    """
    whole = card(about, {}, labels, data)
    kept = ("model", "target", "intended_use", "warning", "input", "output", "labels", "licenses", "data")
    told = {name: whole[name] for name in kept}
    told["input"] = {**whole["input"], "dtype": dtype, "stored_as": about.get("pictures", {})}
    if "categories" in about:
        told["categories"] = about["categories"]
    trained = {name: about.get(name) for name in ("shards", "initial", "published", "teachers", "reference")}
    return {"mode": mode, "run": run, **told, "trained": trained}


def markdown(values: Mapping[str, Any]) -> str:
    """Return the card as a page to read."""
    training = values["training"]
    origin = {
        "random": "random weights: it has seen no picture but those below",
        "imagenet": f"published weights ({training.get('published')})",
    }.get(training["initial"], f"the weights of a file ({training['initial']})")
    lines = [
        f"# {values['model']}, {values['target']}",
        "",
        f"**{values['warning']}**",
        "",
        f"Intended use: {values['intended_use']}",
        "",
        "## In and out",
        "",
        f"- in: {values['input']['shape']}, {values['input']['pixels']}; uint8 for int8 and qat, else float32",
        f"- out: {values['output']['shape']}, {values['output']['values']}",
        f"- labels, by index: {', '.join(values['labels'])}",
        "",
        "## How it was trained",
        "",
        f"From {origin}; {training['epochs']} epochs at most, batches of {training['batch']}, "
        f"seed {training['seed']}, on the shards `{training['shards']}`.",
    ]
    if training["teachers"]:
        lines.append(f"Distilled from the runs {', '.join(teacher['run'] for teacher in training['teachers'])}.")
    for leak in premises.leaks(training["teachers"], training["shards"]):
        lines += ["", f"**Beware: {leak}.**"]
    lines += [
        "",
        "## How good it is",
        "",
        "| split | pictures | accuracy | balanced accuracy | always the most frequent |",
    ]
    lines.append("|---|---|---|---|---|")
    for split, scores in values["metrics"].items():
        if scores.get("pictures"):
            lines.append(
                f"| {split} | {scores['pictures']} | {scores['accuracy']:.3f} | {scores['balanced_accuracy']:.3f} "
                f"| {scores['majority']:.3f} |"
            )
    lines += ["", "Per class: `metrics.json`. Per group, with intervals: `curate evaluate`."]
    if values["forms"]:
        lines += ["", "## Forms", "", *_forms(values["forms"])]
    return "\n".join([*lines, *_whose(values["data"])]) + "\n"


def _whose(data: Sequence[Mapping[str, Any]]) -> list[str]:
    bind = "Their licences bind who uses the model too, as far as the law where they are says so."
    known = all("pictures_by_split" in credit for credit in data)
    if not known:
        head = ["", "## Whose pictures it was trained and measured on", ""]
        head += [bind, "How many of them were for training, the shards do not say.", ""]
        return head + [_credit(credit, f"{credit['pictures']} pictures") for credit in data]
    lines = ["", "## Whose pictures it was trained on", "", bind, ""]
    trained = [credit for credit in data if credit["pictures_by_split"].get("train")]
    lines += [_credit(credit, f"{credit['pictures_by_split']['train']} pictures") for credit in trained]
    lines += ["", "## Whose pictures it was measured on", ""]
    for credit in data:
        held = {split: count for split, count in credit["pictures_by_split"].items() if split != "train" and count}
        if held:
            told = ", ".join(f"{count} pictures in {split}" for split, count in held.items())
            lines.append(_credit(credit, told))
    beside = [credit for credit in data if not any(credit["pictures_by_split"].values())]
    if beside:
        lines += ["", "## Whose values stand beside these pictures", ""]
        lines += [_credit(credit, "no pictures") for credit in beside]
    return lines


def _credit(credit: Mapping[str, Any], counted: str) -> str:
    return f"- {credit['title']}: {counted}, {credit['license']} {credit['license_url']}. {credit['attribution']}"


def _forms(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "| form | bytes | accuracy | agrees with float | 1 thread ms | 2 threads ms | ratio to float (1 / 2) |",
        "|---|---|---|---|---|---|---|",
    ]
    finer = [row for row in rows if "subtype" in row]
    for row in rows:
        lines.append(
            f"| {row['mode']} | {row['bytes']:,} | {row['accuracy']:.3f} | {row['agreement']:.3f} "
            f"| {row['ms_1_thread']:.2f} | {row['ms_2_threads']:.2f} "
            f"| {row['ratio_1_thread']:.2f} / {row['ratio_2_threads']:.2f} |"
        )
    if finer:
        lines += [
            "",
            "That is of the category, whose probability is the sum over its subtypes; of the subtype itself:",
            "",
        ]
        lines += ["| form | pictures | accuracy | balanced accuracy | agrees with float |", "|---|---|---|---|---|"]
    for row in finer:
        told = row["subtype"]
        figures = [f"{told[word]:.3f}" if word in told else "" for word in ("accuracy", "balanced_accuracy")]
        lines.append(f"| {row['mode']} | {told['pictures']} | {' | '.join(figures)} | {told['agreement']:.3f} |")
    return lines
