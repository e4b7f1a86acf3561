"""An evaluation on one page that works offline: every figure with its interval, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate import __version__
from curate.html.charts import interval
from curate.html.markup import Content, Markup, breakable, element, link, number, percent
from curate.html.page import Section, page, paragraph, section
from curate.html.table import Column, bars, long, numbers, table, words
from curate.ml import plots

_GROUPS = {
    "source": "Source",
    "modality": "Modality",
    "tone_reported": "Skin tone as sources report it (Fitzpatrick type)",
    "tone_ita_class": "Skin tone as estimated from the pixels",
}
_NAMED = 12  # classes: a table of more columns is read by nobody
_MISTAKES = 15


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
            section(f"classes{suffix}", f"{word}classes".capitalize(), *_classes(values)),
            section(f"confusion{suffix}", f"{word}what is taken for what".capitalize(), *_confusion(values)),
            section(f"calibration{suffix}", f"{word}calibration".capitalize(), *_calibration(values)),
            section(f"groups{suffix}", f"{word}groups".capitalize(), *_groups(found, values)),
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
    if first["pictures"]:
        facts += [
            ("balanced accuracy", _value(first["balanced_accuracy"])),
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
            "cameras or people. docs/evaluation.md says what each figure means.",
            class_="soft",
        ),
    ]


def _whole(values: Mapping[str, Any]) -> list[Content]:
    majority = values["majority"]
    rows: list[list[Content]] = [
        _row("accuracy", values["accuracy"], majority["accuracy"]),
        _row("balanced accuracy", values["balanced_accuracy"], majority["balanced_accuracy"]),
    ]
    if values["auc"] is not None:
        rows.append(_row("AUC, mean of one class against the rest", values["auc"], 0.5))
    sought = values["per_class"].get(values["sought"], {})
    for name, word in _CURVE.items():
        if name in sought:
            rows.append(
                _row(f"{word}, {values['sought']} against the rest", sought[name], 0.5 if name == "auc" else None)
            )
    return [
        _against(values),
        table("The whole split", [*words("figure"), *bars("0 to 1"), *numbers("value", "interval")], rows),
        paragraph(
            "The thin stroke is what whoever looks at no picture gets: by always answering the most frequent "
            "class, or by ranking at random.",
            class_="soft",
        ),
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


_CURVE = {
    "auc": "AUC",
    "sensitivity_at_90_specificity": "sensitivity at 90 % specificity",
    "specificity_at_90_sensitivity": "specificity at 90 % sensitivity",
}


def _classes(values: Mapping[str, Any]) -> list[Content]:
    rows: list[list[Content]] = []
    for label, row in values["per_class"].items():
        if "too_small" in row:
            rows.append([label, row["pictures"], row["families"], _small(row["too_small"]), None, None, None, None])
            continue
        curve = [_both(row[name]) if name in row else "too small" for name in _CURVE]
        rows.append([label, row["pictures"], row["families"], _bar(label, row["recall"]), _both(row["recall"]), *curve])
    columns = [*words("class"), *numbers("pictures", "families"), *bars("recall"), *_wide("recall", *_CURVE.values())]
    parts: list[Content] = [table("Each class against the rest", columns, rows)]
    parts += [
        paragraph(breakable(label), f" has no curve: {row['unrankable']}.", class_="soft")
        for label, row in values["per_class"].items()
        if "unrankable" in row
    ]
    if values["absent"]:
        parts.append(paragraph(f"Not in this split: {', '.join(values['absent'])}.", class_="soft"))
    drawn = values["roc"]
    if len(drawn) > len(plots.STROKES):
        areas = {label: values["per_class"][label]["auc"]["value"] for label in drawn}
        kept = sorted(areas, key=lambda label: (areas[label], label))[: len(plots.STROKES)]
        drawn = {label: drawn[label] for label in kept}
        parts.append(paragraph("Drawn are the curves of the classes with the smallest areas.", class_="soft"))
    if drawn:
        first = dict(sorted(drawn.items(), key=lambda pair: pair[0] != values["sought"]))
        parts.append(plots.roc(first))
    return parts


def _confusion(values: Mapping[str, Any]) -> list[Content]:
    counts, labels = values["confusion"], values["labels"]
    met = [place for place in range(len(labels)) if sum(counts[place]) or any(row[place] for row in counts)]
    names = [labels[place] for place in met]
    kept = [[counts[row][column] for column in met] for row in met]
    drawn = plots.confusion(names, kept)
    if len(names) <= _NAMED:
        rows: list[list[Content]] = [
            [f"{place}. {name}", *row] for place, (name, row) in enumerate(zip(names, kept, strict=True), 1)
        ]
        columns = [*words("truth"), *numbers(*(f"answered {place}" for place in range(1, len(names) + 1)))]
        return [element("div", drawn, table("Pictures by truth and answer", columns, rows), class_="beside")]
    wrong = [
        (-kept[row][column], names[row], names[column])
        for row in range(len(names))
        for column in range(len(names))
        if row != column and kept[row][column]
    ]
    listed = table(
        "The most frequent mistakes",
        [*words("truth"), *long("answer"), *numbers("pictures")],
        [[truth, breakable(answer), -count] for count, truth, answer in sorted(wrong)[:_MISTAKES]],
    )
    numbered = element("ol", *(element("li", breakable(name)) for name in names), class_="numbered")
    return [element("div", drawn, element("div", listed), class_="beside"), numbered]


def _calibration(values: Mapping[str, Any]) -> list[Content]:
    rows: list[list[Content]] = [
        [
            f"{each['from']:.1f} to {each['to']:.1f}",
            each["pictures"],
            number(each["confidence"], 3),
            number(each["accuracy"], 3),
        ]
        for each in values["bins"]
        if each["pictures"]
    ]
    listed = table("Answers by their probability", [*words("probability"), *numbers("pictures", "mean", "right")], rows)
    return [
        paragraph(
            f"Expected calibration error {values['ece']:.3f} (0: probabilities mean what they say), Brier score "
            f"{values['brier']:.3f} (0 to 2), log loss {values['loss']:.3f}."
        ),
        element("div", plots.reliability(values["bins"]), listed, class_="beside"),
    ]


def _groups(found: Mapping[str, Any], values: Mapping[str, Any]) -> list[Content]:
    parts: list[Content] = [
        paragraph(
            f"Groups of fewer than {found['smallest_group']} pictures, or of fewer than {found['fewest_families']} "
            "families, are counted and not scored. Groups differ in their classes and sources too: a difference is no "
            "proof that the group is its cause. Skin tone as reported and as estimated are two things, and never "
            "added up. What share of artefacts is found at all: docs/artefacts.md."
        )
    ]
    sought = values["sought"]
    artefacts: dict[str, Any] = {}
    for name, groups in values["groups"].items():
        if name in _GROUPS:
            parts.append(_group_table(_GROUPS[name], groups, sought))
        else:
            artefacts |= {f"{name}: {word}": row for word, row in groups.items()}
    if artefacts:
        parts.append(_group_table("Artefacts", artefacts, sought))
    return parts


def _group_table(title: str, groups: Mapping[str, Any], sought: str | None) -> Markup:
    rows: list[list[Content]] = []
    for word, row in groups.items():
        cells: list[Content] = [word, row["pictures"], row["families"]]
        if "too_small" in row:
            cells += [_small(row["too_small"]), None, None]
        else:
            cells += [_bar(word, row["accuracy"], row["majority"]), _both(row["accuracy"])]
            cells.append(_both(row["balanced_accuracy"]) if "balanced_accuracy" in row else "too small")
        if sought:
            cells.append(None if "too_small" in row else _both(row["auc"]) if "auc" in row else "too small")
        rows.append(cells)
    columns = [*words("group"), *numbers("pictures", "families"), *bars("accuracy")]
    columns += _wide("accuracy", "balanced accuracy", *([f"AUC, {sought}"] if sought else []))
    return table(title, columns, rows)


def _threshold(values: Mapping[str, Any]) -> list[Content]:
    chosen, told = values["chosen"], values["told"]
    rows: list[list[Content]] = []
    for name in ("sensitivity", "specificity", "called"):
        word = f"called {values['label']}" if name == "called" else name
        there = told.get(name)
        shown: Content = "no picture" if there is None else there["too_small"] if "too_small" in there else _both(there)
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
            [*words("share"), *numbers(f"{values['chosen_on']} (chose it)"), *_wide(values["told_on"])],
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
    return [word, _bar(word, estimate, mark), _value(estimate), _ends(estimate)]


def _bar(word: str, estimate: Mapping[str, Any], mark: float | None = None) -> Content:
    if estimate["value"] is None:
        return None
    beside = f"; without looking {mark:.3f}" if mark is not None else ""
    return interval(
        estimate["value"], estimate["low"], estimate["high"], f"{word}: {_both(estimate)}{beside}", mark=mark
    )


def _value(estimate: Mapping[str, Any]) -> str:
    return number(estimate["value"], 3)


def _ends(estimate: Mapping[str, Any]) -> str:
    return "no interval" if estimate["low"] is None else f"{estimate['low']:.3f} to {estimate['high']:.3f}"


def _both(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return _value(estimate)
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"


def _small(reason: str) -> Markup:
    return element("span", "too small", class_="soft", title=reason)


def _wide(*heads: str) -> list[Column]:
    return [Column(head, "number wide") for head in heads]
