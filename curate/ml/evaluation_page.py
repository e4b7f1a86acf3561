"""An evaluation on one page that works offline: every figure with its interval, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate import __version__
from curate.html.markup import Content, Markup, breakable, element, link, number, percent
from curate.html.page import Section, page, paragraph, section
from curate.html.table import long, numbers, table, words
from curate.ml import plots
from curate.ml.evaluation_sections import (
    CURVE,
    bar_of,
    both_of,
    calibration,
    classes,
    confusion,
    ends_of,
    groups_of,
    of_classes,
    spare,
    value_of,
    wide,
)


def evaluation_page(found: Mapping[str, Any], history: Mapping[str, Sequence[float]]) -> str:
    """Return the page of an evaluation (what `curate.ml.evaluated.evaluate` returns); same values, same bytes."""
    sections: list[Section] = []
    for target, values in found["targets"].items():
        if not values["pictures"]:
            continue
        many = len(found["targets"]) > 1
        word, suffix = (f"{target}: ", f"-{target}") if many else ("", "")
        sections += [
            section(f"whole{suffix}", f"{word}the whole split".capitalize(), *_whole(values)),
            section(f"classes{suffix}", f"{word}classes".capitalize(), *classes(values)),
            section(f"confusion{suffix}", f"{word}what is taken for what".capitalize(), *confusion(values)),
        ]
        if "too_small" not in values:
            sections += [
                section(f"calibration{suffix}", f"{word}calibration".capitalize(), *calibration(values)),
                section(f"groups{suffix}", f"{word}groups".capitalize(), *groups_of(found, values)),
            ]
        if "threshold" in found and target == "category":
            sections.insert(1, section("threshold", "A threshold", *_threshold(found["threshold"])))
    if not sections:
        sections = [section("whole", "Nothing to score", paragraph("No labelled picture is in this split."))]
    sections += [
        section("history", "How it was trained", plots.history_figure(history)),
        section("data", "Whose pictures", *_data(found)),
    ]
    footer = [
        paragraph(f"Made by curate {__version__}. This page asks nothing of any network, and runs no script."),
        paragraph(found["warning"]),
    ]
    return page(f"{found['model']} on the split {found['split']}", _lead(found), sections, footer)


def _lead(found: Mapping[str, Any]) -> list[Content]:
    first = next(iter(found["targets"].values()))
    facts: list[tuple[str, str]] = [
        ("pictures", number(first["pictures"])),
        ("families", number(first["families"])),
    ]
    if "accuracy" in first:
        mean = first["balanced_accuracy"]
        named = f"balanced accuracy{of_classes(first['balanced_over'], len(first['labels']))}"
        facts += [
            ("accuracy", value_of(first["accuracy"])) if mean is None else (named, value_of(mean)),
            (f"right by always answering {first['majority']['label']}", percent(first["majority"]["accuracy"])),
        ]
    tiles = (element("div", element("dt", breakable(label)), element("dd", value)) for label, value in facts)
    said = [
        f"Run {found['run']}, form {found['form']}, answering {found['target']}, scored on the split {found['split']} "
        f"of the shards {found['shards']}"
    ]
    if found["shards"] != found["trained_on"]:
        said.append(f" (it was trained on others: {found['trained_on']})")
    if found["label_map_version"]:
        said.append(f"; label maps {found['label_map_version']}")
    return [
        paragraph(element("strong", "No medical device. "), found["warning"], class_="caution"),
        paragraph("".join(said), ".", class_="lead"),
        element("dl", *tiles, class_="facts"),
        paragraph(
            f"Intervals are of {found['level']:.0%}, from {found['draws']:,} draws of whole families. They say how far "
            "a figure would move with other families from the same sources. They say nothing of other clinics, "
            "cameras or people. Where nothing went wrong, or all did, the end is the exact one of a binomial "
            "(Clopper and Pearson) of as many trials as there are families; “no interval” stands where a figure is "
            "no share and no draw changes it, or where too few draws give one. docs/evaluation.md says what each "
            "figure means.",
            class_="soft",
        ),
    ]


def _whole(values: Mapping[str, Any]) -> list[Content]:
    if "too_small" in values:
        said = f"The split is too small to be scored ({values['too_small']}). "
        return [paragraph(f"{said}Answered right: {number(values['right'])} of {number(values['pictures'])}.")]
    majority, many = values["majority"], len(values["labels"])
    rows: list[list[Content]] = [_row("accuracy", values["accuracy"], majority["accuracy"])]
    if values["balanced_accuracy"] is not None:
        over = of_classes(values["balanced_over"], many)
        rows.append(_row(f"balanced accuracy{over}", values["balanced_accuracy"], majority["balanced_accuracy"]))
    if values["auc"] is not None:
        over = of_classes(values["auc_over"], many)
        rows.append(_row(f"AUC, mean of one class against the rest{over}", values["auc"], 0.5))
    sought = values["per_class"].get(values["sought"], {})
    for name, word in CURVE.items():
        if name in sought:
            rows.append(
                _row(f"{word}, {values['sought']} against the rest", sought[name], 0.5 if name == "auc" else None)
            )
    return [
        _against(values),
        table("The whole split", [*words("figure"), *spare("0 to 1"), *numbers("value", "interval")], rows),
        *_left_out(values),
        paragraph(
            "The thin stroke is what whoever looks at no picture gets: by always answering the most frequent "
            "class, or by ranking at random.",
            class_="soft",
        ),
    ]


def _left_out(values: Mapping[str, Any]) -> list[Content]:
    """Return over which classes the balanced accuracy is no mean, and why."""
    if missing := values["missing"].get("balanced_accuracy"):
        return [paragraph(f"No balanced accuracy: {missing['word']}, {missing['reason']}.", class_="soft")]
    small = [f"{name} ({row['too_small']})" for name, row in values["per_class"].items() if "too_small" in row]
    if not small:
        return []
    return [
        paragraph(
            "The balanced accuracy leaves out what is too small: ",
            breakable(", ".join(small)),
            ". Over all classes that occur, as metrics.json has it, it is "
            f"{values['balanced_accuracy_of_all']:.3f}, without an interval.",
            class_="soft",
        )
    ]


def _against(values: Mapping[str, Any]) -> Markup:
    majority, found = values["majority"], values["accuracy"]
    low, high, plain = found["low"], found["high"], majority["accuracy"]
    told, kind = "does not differ for certain from", ""
    if low is not None and low > plain:
        told, kind = "is above", " good"
    elif high is not None and high < plain:
        told, kind = "is BELOW", " bad"
    return paragraph(
        element("span", f"Its accuracy {told} that of always answering ", class_=f"verdict{kind}"),
        element("span", breakable(majority["label"]), f" ({percent(plain)}).", class_=f"verdict{kind}"),
    )


def _threshold(values: Mapping[str, Any]) -> list[Content]:
    chosen, told = values["chosen"], values["told"]
    rows: list[list[Content]] = []
    for name in ("sensitivity", "specificity", "called"):
        word = f"called {values['label']}" if name == "called" else name
        there = told.get(name)
        shown: Content = (
            "no picture" if there is None else there["too_small"] if "too_small" in there else both_of(there)
        )
        rows.append([word, number(chosen.get(name), 3), shown])
    return [
        paragraph(
            f"Wanted: to find {percent(values['wanted'])} of {values['label']}. Of the pictures for "
            f"{values['chosen_on']} a threshold of {values['threshold']:.4g} on its probability does so. What it gives "
            "on pictures that did "
            f"not choose it stands under {values['told_on']}, and is what to go by."
        ),
        table(
            "What the threshold gives",
            [*words("share"), *numbers(f"{values['chosen_on']} (chose it)"), *wide(values["told_on"])],
            rows,
        ),
    ]


def _data(found: Mapping[str, Any]) -> list[Content]:
    rows: list[list[Content]] = [
        [credit["source"], credit["pictures"], link(credit["license_url"], credit["license"]), credit["attribution"]]
        for credit in found["data"]
    ]
    columns = [*words("source"), *numbers("pictures in the shards"), *words("licence"), *long("credit")]
    return [paragraph(found["intended_use"]), table("The pictures of the shards", columns, rows)]


def _row(word: str, estimate: Mapping[str, Any], mark: float | None) -> list[Content]:
    return [word, bar_of(word, estimate, mark), value_of(estimate), ends_of(estimate)]
