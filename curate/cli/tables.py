"""Outcomes as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.cli.skin import Skin


def show_ledger(skin: Skin, book: dict[str, Any]) -> None:
    """Print the ledger: a row per source, with what was left out by reason."""
    from curate.text_table import text_table

    rows = [
        {
            "source": entry["source"],
            "claimed": f"{entry['claimed']:,}",
            "kept": f"{entry['kept']:,}",
            "left out": ", ".join(f"{count:,} {reason}" for reason, count in entry["left_out"].items()),
        }
        for entry in [*book["sources"], book["total"]]
    ]
    skin.say(text_table(rows, widest=1000))
    skin.say("claimed = kept + left out: " + ("balances to the last row" if book["balances"] else "DOES NOT BALANCE"))
    skin.say("splits: " + ", ".join(f"{name} {count:,}" for name, count in book["splits"].items()))
    if book["labels_only"]:
        skin.say("built from labels only: no picture was looked at")


def show_forms(skin: Skin, table: list[dict[str, Any]]) -> None:
    """Print the quantized forms side by side; the ratios are to the float form in the same process."""
    from curate.text_table import text_table

    rows = [
        {
            "form": row["mode"],
            "MB": f"{row['bytes'] / 1e6:.2f}",
            "accuracy": f"{row['accuracy']:.3f}",
            "balanced": f"{row['balanced_accuracy']:.3f}",
            "agrees": f"{row['agreement']:.3f}",
            "1 thread": f"{row['ms_1_thread']:.2f} ms",
            "to float": f"{row['ratio_1_thread']:.2f}x",
            "2 threads": f"{row['ms_2_threads']:.2f} ms",
            "to float ": f"{row['ratio_2_threads']:.2f}x",
        }
        for row in table
    ]
    finer = [row for row in table if "subtype" in row]
    if finer:
        skin.say("of the category, the sum over its subtypes:")
    skin.say(text_table(rows))
    if finer:
        skin.say(f"of the subtype, where it is known ({finer[0]['subtype']['pictures']:,} pictures):")
        skin.say(text_table([{"form": row["mode"], **_of_subtype(row["subtype"])} for row in finer]))
    width = max(len(row["mode"]) for row in table)
    for row in table:
        skin.say(f"{row['mode']:<{width}}  {row['what']}")


def _of_subtype(figures: dict[str, Any]) -> dict[str, str]:
    words = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "agreement": "agrees"}
    return {name: f"{figures[word]:.3f}" if word in figures else "" for word, name in words.items()}


def show_evaluation(skin: Skin, found: dict[str, Any]) -> None:
    """Print an evaluation: the whole of each target, its classes and groups, and the threshold, with intervals."""
    from curate.text_table import text_table

    for target, values in found["targets"].items():
        skin.say(f"{target}: {values['pictures']:,} pictures of {values['families']:,} families")
        if not values["pictures"]:
            continue
        skin.say(text_table(_whole(values)))
        skin.say()
        skin.say(text_table(_classes(values), widest=60))
        for label, row in values["per_class"].items():
            if "unrankable" in row:
                skin.say(f"no curve of {label}: {row['unrankable']}")
        skin.say()
        skin.say(text_table(_groups(values), widest=60))
        skin.say()
    if "threshold" in found:
        skin.say(_threshold(found["threshold"]))


def _whole(values: dict[str, Any]) -> list[dict[str, Any]]:
    majority = values["majority"]
    by = f"always {majority['label']}"
    rows = [("accuracy", values["accuracy"], f"{majority['accuracy']:.3f} by {by}")]
    rows.append(("balanced accuracy", values["balanced_accuracy"], f"{majority['balanced_accuracy']:.3f} by {by}"))
    if values["auc"] is not None:
        rows.append(("AUC, mean of the classes", values["auc"], "0.500 at random"))
    told = [
        {"figure": name, "value": f"{each['value']:.3f}", "95 % interval": _ends(each), "without looking": beside}
        for name, each, beside in rows
    ]
    for name, value in (("calibration error", values["ece"]), ("Brier score", values["brier"])):
        told.append({"figure": name, "value": f"{value:.3f}", "95 % interval": "", "without looking": ""})
    return told


def _classes(values: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for label, row in values["per_class"].items():
        told = {"class": label, "pictures": row["pictures"], "families": row["families"]}
        for name, head in (
            ("recall", "recall"),
            ("auc", "AUC"),
            ("sensitivity_at_90_specificity", "sens. at 90 % spec."),
            ("specificity_at_90_sensitivity", "spec. at 90 % sens."),
        ):
            told[head] = _both(row[name]) if name in row else "too small"
        rows.append(told)
    return rows


def _groups(values: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, groups in values["groups"].items():
        for word, row in groups.items():
            told = {"group": f"{name}: {word}", "pictures": row["pictures"], "families": row["families"]}
            small = "too_small" in row
            told["accuracy"] = "too small" if small else _both(row["accuracy"])
            told["most frequent class"] = "" if small else f"{row['majority']:.3f}"
            told["balanced"] = _both(row["balanced_accuracy"]) if "balanced_accuracy" in row else "too small"
            if values["sought"]:
                told[f"AUC, {values['sought']}"] = _both(row["auc"]) if "auc" in row else "too small"
            rows.append(told)
    return rows


def _threshold(values: dict[str, Any]) -> str:
    said = [
        f"{name} {_both(values['told'][name]) if 'value' in values['told'].get(name, {}) else 'too small'}"
        for name in ("sensitivity", "specificity")
    ]
    return (
        f"threshold {values['threshold']:.4g} on {values['label']}, chosen on {values['chosen_on']} for a sensitivity "
        f"of {values['wanted']:g}; on {values['told_on']}: {', '.join(said)}"
    )


def _both(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.3f}" + (f" ({_ends(estimate)})" if estimate["low"] is not None else "")


def _ends(estimate: dict[str, Any]) -> str:
    return "none" if estimate["low"] is None else f"{estimate['low']:.3f}-{estimate['high']:.3f}"


def show_answers(skin: Skin, rows: list[dict[str, Any]], top: int) -> None:
    """Print what a run answers, a line a picture: the likeliest labels with their probabilities."""
    from curate.text_table import text_table

    columns = ["picture", "category", *(["answer"] + [f"answer {place}" for place in range(2, top + 1)]), "problem"]
    lines = []
    for row in rows:
        line = {"picture": row["picture"], "problem": row.get("problem")}
        if "category" in row:
            line["category"] = f"{row['category']} {row['category_probability']:.3f}"
        best = sorted(row.get("probabilities", {}).items(), key=lambda pair: -pair[1])[:top]
        for place, (label, value) in enumerate(best):
            line[columns[2 + place]] = f"{label} {value:.3f}"
        lines.append(line)
    used = [column for column in columns if any(line.get(column) for line in lines)]
    skin.say(text_table(lines, used, widest=1000))


def size_of(count: int, is_whole: bool) -> str:
    """Return a number of bytes for eyes; "> " where only a part of the files has a known size."""
    if not count:
        return "unknown"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{'' if is_whole else '> '}{size:.{0 if unit == 'B' else 1}f} {unit}"
