"""Outcomes as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.cli.skin import Skin

_MOST_SKIPPED = 20
_MOST_NAMED = 6  # classes in a sentence


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
        if "too_small" in values:
            skin.say(f"too small to be scored ({values['too_small']}); answered right: {values['right']:,}")
            continue
        skin.say(text_table(_whole(values)))
        for line in _left_out(values):
            skin.say(line)
        skin.say()
        skin.say(text_table(_classes(values), widest=60))
        for label, row in values["per_class"].items():
            if "missing" in row:
                skin.say(f"no curve of {label}: {row['missing']['auc']['reason']}")
        skin.say()
        skin.say(text_table(_groups(values), widest=60))
        skin.say()
    if "threshold" in found:
        skin.say(_threshold(found["threshold"]))


def _whole(values: dict[str, Any]) -> list[dict[str, Any]]:
    majority = values["majority"]
    by = f"always {majority['label']}"
    rows = [("accuracy", values["accuracy"], f"{majority['accuracy']:.3f} by {by}")]
    over, ranked = (_of(values[name], values) for name in ("balanced_over", "auc_over"))
    if values["balanced_accuracy"] is not None:
        beside = f"{majority['balanced_accuracy']:.3f} by {by}"
        rows.append((f"balanced accuracy{over}", values["balanced_accuracy"], beside))
    if values["auc"] is not None:
        rows.append((f"AUC, mean of the classes{ranked}", values["auc"], "0.500 at random"))
    told = [
        {"figure": name, "value": f"{each['value']:.3f}", "95 % interval": _ends(each), "without looking": beside}
        for name, each, beside in rows
    ]
    for name, value in (("calibration error", values["ece"]), ("Brier score", values["brier"])):
        told.append({"figure": name, "value": f"{value:.3f}", "95 % interval": "", "without looking": ""})
    return told


def _left_out(values: dict[str, Any]) -> list[str]:
    """Return what the balanced accuracy is not a mean over, and why."""
    if missing := values["missing"].get("balanced_accuracy"):
        return [f"no balanced accuracy: {missing['word']}, {missing['reason']}"]
    small = [f"{name} ({row['too_small']})" for name, row in values["per_class"].items() if "too_small" in row]
    if not small:
        return []
    shown = ", ".join(small[:_MOST_NAMED]) + (f" and {len(small) - _MOST_NAMED} more" if small[_MOST_NAMED:] else "")
    return [
        f"balanced accuracy without what is too small: {shown}",
        f"over all classes that occur, as in metrics.json, it is {values['balanced_accuracy_of_all']:.3f}: no interval",
    ]


def _of(over: list[str], values: dict[str, Any]) -> str:
    """Return over how many of the classes a mean is, where it is not all."""
    return f" ({len(over)} of {len(values['labels'])})" if len(over) < len(values["labels"]) else ""


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
            told[head] = _both(row[name]) if name in row else _word(row, "auc")
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
            told["balanced"] = (
                _both(row["balanced_accuracy"]) + _of(row["balanced_over"], values)
                if "balanced_accuracy" in row
                else _word(row, "balanced_accuracy")
            )
            if values["sought"]:
                told[f"AUC, {values['sought']}"] = _both(row["auc"]) if "auc" in row else _word(row, "auc")
            rows.append(told)
    return rows


def _threshold(values: dict[str, Any]) -> str:
    said = []
    for name in ("sensitivity", "specificity"):
        there = values["told"].get(name)
        said.append(f"{name} {'no picture' if not there else 'too small' if 'too_small' in there else _both(there)}")
    return (
        f"threshold {values['threshold']:.4g} on {values['label']}, chosen on {values['chosen_on']} for a sensitivity "
        f"of {values['wanted']:g}; on {values['told_on']}: {', '.join(said)}"
    )


def _word(row: dict[str, Any], figure: str) -> str:
    """Return why a figure is not there, in a word or two."""
    return "too small" if "too_small" in row else str(row["missing"][figure]["word"])


def _both(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.3f}" + (f" ({_ends(estimate)})" if estimate["low"] is not None else "")


def _ends(estimate: dict[str, Any]) -> str:
    return "none" if estimate["low"] is None else f"{estimate['low']:.3f}-{estimate['high']:.3f}"


def show_answers(skin: Skin, rows: list[dict[str, Any]], top: int) -> None:
    """Print what a run answers, a line a picture: the likeliest labels with their probabilities."""
    from curate.text_table import text_table

    answers = ["answer", *(f"answer {place}" for place in range(2, top + 1))]
    columns = ["picture", "category", *answers, "problem", "note"]
    lines = []
    for row in rows:
        line = {"picture": row["picture"], "problem": row.get("problem"), "note": row.get("note")}
        if "category" in row:
            line["category"] = f"{row['category']} {row['category_probability']:.3f}"
        best = sorted(row.get("probabilities", {}).items(), key=lambda pair: -pair[1])[:top]
        for place, (label, value) in enumerate(best):
            line[answers[place]] = f"{label} {value:.3f}"
        lines.append(line)
    used = [column for column in columns if any(line.get(column) for line in lines)]
    skin.say(text_table(lines, used, widest=1000))


def show_skipped(skin: Skin, skipped: list[dict[str, str]]) -> None:
    """Print which files of a folder were passed over, and why."""
    if skipped:
        skin.say(f"{len(skipped):,} skipped")
    for row in skipped[:_MOST_SKIPPED]:
        skin.say(f"skipped: {row['file']}: {row['reason']}")
    if len(skipped) > _MOST_SKIPPED:
        skin.say(f"skipped: and {len(skipped) - _MOST_SKIPPED:,} more; --json names all")


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
