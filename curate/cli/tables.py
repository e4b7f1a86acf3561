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
    skin.say(text_table(rows))
    width = max(len(row["mode"]) for row in table)
    for row in table:
        skin.say(f"{row['mode']:<{width}}  {row['what']}")


def show_scores(skin: Skin, scores: dict[str, Any]) -> None:
    """Print the scores of a run: the whole, then each class and source."""
    from curate.text_table import text_table

    for name, value in scores.items():
        if isinstance(value, int | float):
            skin.say(f"{name:<18} {value:.4g}")
    for name in ("per_class", "per_source"):
        if isinstance(scores.get(name), dict):
            skin.say()
            skin.say(text_table([{name[4:]: key, **row} for key, row in scores[name].items()]))


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
