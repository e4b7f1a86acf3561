"""The parts of an evaluation's page that tell of classes, mistakes, probabilities and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.html.charts import interval
from curate.html.markup import Content, Markup, breakable, element, number
from curate.html.page import paragraph
from curate.html.table import Column, long, numbers, table, words
from curate.ml import plots

CURVE = {
    "auc": "AUC",
    "sensitivity_at_90_specificity": "sensitivity at 90 % specificity",
    "specificity_at_90_sensitivity": "specificity at 90 % sensitivity",
}
_SHORT = {
    "auc": "AUC",
    "sensitivity_at_90_specificity": "sens. at 90 % spec.",
    "specificity_at_90_sensitivity": "spec. at 90 % sens.",
}
_COUNTS = "pictures, and families"

_GROUPS = {
    "source": "Source",
    "modality": "Modality",
    "tone_reported": "Skin tone as sources report it (Fitzpatrick type)",
    "tone_ita_class": "Skin tone as estimated from the pixels",
}
_NAMED = 12  # classes: a table of more columns is read by nobody
_MISTAKES = 15


def classes(values: Mapping[str, Any]) -> list[Content]:
    """Return the figures of each class, and the curves of some."""
    rows: list[list[Content]] = []
    for label, row in values["per_class"].items():
        if "too_small" in row:
            rows.append([label, _counts(row), None, _small(row["too_small"]), None, None, None])
            continue
        curve = [_figure(row, name, "auc") for name in CURVE]
        rows.append([label, _counts(row), bar_of(label, row["recall"]), cell_of(row["recall"]), *curve])
    columns = [*words("class"), *numbers(_COUNTS), *spare("recall"), *figures("recall", *_SHORT.values())]
    parts: list[Content] = [table("Each class against the rest", columns, rows)]
    parts += [
        paragraph(breakable(label), f" has no curve: {row['missing']['auc']['reason']}.", class_="soft")
        for label, row in values["per_class"].items()
        if "missing" in row
    ]
    if values["absent"]:
        parts.append(paragraph(f"Not in this split: {', '.join(values['absent'])}.", class_="soft"))
    drawn = values.get("roc", {})
    if len(drawn) > len(plots.STROKES):
        areas = {label: values["per_class"][label]["auc"]["value"] for label in drawn}
        kept = sorted(areas, key=lambda label: (areas[label], label))[: len(plots.STROKES)]
        drawn = {label: drawn[label] for label in kept}
        parts.append(paragraph("Drawn are the curves of the classes with the smallest areas.", class_="soft"))
    if drawn:
        first = dict(sorted(drawn.items(), key=lambda pair: pair[0] != values["sought"]))
        parts.append(plots.roc(first))
    return parts


def confusion(values: Mapping[str, Any]) -> list[Content]:
    """Return which class is taken for which, as a drawing and as numbers."""
    counts, labels = values["confusion"], values["labels"]
    met = [place for place in range(len(labels)) if sum(counts[place]) or any(row[place] for row in counts)]
    names = [labels[place] for place in met]
    kept = [[counts[row][column] for column in met] for row in met]
    drawn = plots.confusion(names, kept)
    if len(names) <= _NAMED:
        rows: list[list[Content]] = [
            [f"{place}. {name}", *row] for place, (name, row) in enumerate(zip(names, kept, strict=True), 1)
        ]
        columns = [*words("truth"), *numbers(*(f"as {place}" for place in range(1, len(names) + 1)))]
        return [
            element(
                "div",
                drawn,
                table("Pictures of each truth, taken as", columns, rows),
                class_="beside",
            )
        ]
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


def calibration(values: Mapping[str, Any]) -> list[Content]:
    """Return how far probabilities mean what they say."""
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


def groups_of(found: Mapping[str, Any], values: Mapping[str, Any]) -> list[Content]:
    """Return the figures of each group."""
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
            parts.append(_group_table(_GROUPS[name], groups, sought, len(values["labels"])))
        else:
            artefacts |= {f"{name}: {word}": row for word, row in groups.items()}
    if artefacts:
        parts.append(_group_table("Artefacts", artefacts, sought, len(values["labels"])))
    return parts


def _group_table(title: str, groups: Mapping[str, Any], sought: str | None, classes_: int) -> Markup:
    curve = [name for name in CURVE if sought and name != "specificity_at_90_sensitivity"]
    rows: list[list[Content]] = []
    for word, row in groups.items():
        cells: list[Content] = [word, _counts(row)]
        if "too_small" in row:
            cells += [None, _small(row["too_small"]), None, *(None for _ in curve)]
        else:
            cells += [bar_of(word, row["accuracy"], row["majority"]), cell_of(row["accuracy"])]
            cells.append(_figure(row, "balanced_accuracy", beside=of_classes(row.get("balanced_over", []), classes_)))
            cells += [_figure(row, name, "auc") for name in curve]
        rows.append(cells)
    columns = [*words("group"), *numbers(_COUNTS), *spare("accuracy")]
    columns += figures("accuracy", "balanced accuracy", *(f"{_SHORT[name]}, {sought}" for name in curve))
    return table(title, columns, rows)


def _counts(row: Mapping[str, Any]) -> Markup:
    return element("span", number(row["pictures"]), element("span", number(row["families"]), class_="ends"))


def _figure(row: Mapping[str, Any], name: str, why: str | None = None, beside: str = "") -> Content:
    """Return a figure of a row with its interval, or in a word why it has none; `why` is the figure that says it."""
    if name in row:
        return cell_of(row[name], beside)
    missing = row["missing"][why or name]
    return element("span", missing["word"], class_="soft", title=missing["reason"])


def bar_of(word: str, estimate: Mapping[str, Any], mark: float | None = None) -> Content:
    """Return a figure as a bar with its interval; `mark` is what who looks at no picture gets."""
    if estimate["value"] is None:
        return None
    beside = f"; without looking {mark:.3f}" if mark is not None else ""
    return interval(
        estimate["value"], estimate["low"], estimate["high"], f"{word}: {both_of(estimate)}{beside}", mark=mark
    )


def value_of(estimate: Mapping[str, Any]) -> str:
    """Return a figure without its interval."""
    return number(estimate["value"], 3)


def ends_of(estimate: Mapping[str, Any], between: str = " to ") -> str:
    """Return the interval of a figure."""
    return "no interval" if estimate["low"] is None else f"{estimate['low']:.3f}{between}{estimate['high']:.3f}"


def both_of(estimate: Mapping[str, Any]) -> str:
    """Return a figure with its interval."""
    if estimate["low"] is None:
        return value_of(estimate)
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"


def cell_of(estimate: Mapping[str, Any], beside: str = "") -> Markup:
    """Return a figure with its interval below it, for a narrow column; `beside` stands behind the figure."""
    told = [element("span", ends_of(estimate, "–"), class_="ends")]
    return element("span", value_of(estimate), element("span", beside, class_="of") if beside else "", *told)


def of_classes(over: Sequence[str], classes_: int) -> str:
    """Return over how many of the classes a mean is, where it is not all."""
    return f" ({len(over)} of {classes_})" if len(over) < classes_ else ""


def figures(*heads: str) -> list[Column]:
    """Return columns of figures with their intervals below them."""
    return [Column(head, "number figure") for head in heads]


def spare(head: str) -> list[Column]:
    """Return one column of bars, which goes where the page is narrow: the same numbers stand beside it."""
    return [Column(head, "bars spare")]


def wide(*heads: str) -> list[Column]:
    """Return columns of numbers with their intervals."""
    return [Column(head, "number wide") for head in heads]


def _small(reason: str) -> Markup:
    return element("span", "too small", class_="soft", title=reason)
