"""One handover: the chosen rows in one format, with their credits and their data card, in a folder of their own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable
from pathlib import Path

from curate import storage
from curate.errors import UsageError
from curate.export import FORMATS
from curate.export.borrowed import add_credits
from curate.export.card import card, passing_on
from curate.export.selection import Selection, select
from curate.export.target import require_empty, target
from curate.ml.credits import write_credits
from curate.report import Report
from curate.workspace import Workspace


def run(workspace: Workspace, form: str, out: Path, *, allow: Iterable[str] = ()) -> Report:
    """Write the corpus to the folder `out` in the form of that name, with pictures under the licences in `allow` only.

    The same corpus and recipe give the same bytes, with any number of workers and in any folder.
    Raises UsageError for a format or a licence that does not exist, CorpusError where there is no corpus, where a
    picture is gone, where `out` is not empty or cannot be written; StorageError where it is on object storage, which is
    not reached or refuses. Then `out` is what it was before.
    """
    started = time.monotonic()
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", expected=", ".join(FORMATS), hint="curate export --help")
    module = importlib.import_module(f"curate.export.{form}")
    require_empty(out)
    chosen = select(workspace, allow)
    if module.NEEDS_PICTURES:
        chosen.tally.require_pictures(workspace)
    with target(out, workspace) as folder:
        module.write(chosen, folder)
        if not (folder / "ATTRIBUTION.txt").exists():
            write_credits(folder, chosen.credits, told_in="DATA_CARD.md")
        add_credits(folder, chosen.credits, chosen.lenders, told_in="DATA_CARD.md")
        (folder / "DATA_CARD.md").write_text(card(chosen, form), encoding="utf-8")
    return _report(chosen, form, out, time.monotonic() - started)


def _sizes(out: Path) -> list[int]:
    if storage.is_remote(out):
        return list(storage.below(out).values())
    return [path.stat().st_size for path in out.rglob("*") if path.is_file()]


def _report(chosen: Selection, form: str, out: Path, seconds: float) -> Report:
    report = Report("export", "pictures", did="handed on", made=chosen.tally.pictures, seconds=seconds)
    report.left_out = {f"under {name}": count for name, count in chosen.refused.items()}
    closed = passing_on(chosen)
    sizes = _sizes(out)
    report.details = {
        "format": form,
        "folder": str(out),
        "files": len(sizes),
        "bytes": sum(sizes),
        "splits": dict(chosen.tally.splits),
        "licenses": {
            name: sum(credit.pictures for credit in chosen.credits if credit.license == name)
            for name in sorted({credit.license for credit in chosen.credits})
        },
        "not_to_be_passed_on": closed,
    }
    if chosen.refused:
        count = sum(chosen.refused.values())
        report.notes.append(f"{count:,} pictures left out: only those under {', '.join(chosen.allowed)} are allowed")
    report.notes += [
        f"of these, {count:,} have a copy under {name}, which the corpus left out as a duplicate"
        for name, count in chosen.elsewhere.items()
    ]
    report.notes += closed
    if closed:
        free = sorted({credit.license for credit in chosen.credits if credit.redistribution == "yes"})
        words = " ".join(f"--license-allow {name}" for name in free)
        report.notes.append(f"for a set that may be passed on: {words}" if free else "no part of it may be passed on")
    return report
