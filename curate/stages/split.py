"""split: families are placed whole by their hash; every record ends in the corpus or in the exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curate import __version__, built_with, db, freshness, locked_corpus, proofs
from curate.components import grouped
from curate.db import Database
from curate.errors import CorpusError, UsageError
from curate.quotas import MANY, Families, fill
from curate.recipe import SplitRecipe
from curate.report import Report
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

_FAR = 2.0  # points from the recipe that are worth a word
_NAMED = 4  # parts of the corpus that are named in it; the view has all


def run(workspace: Workspace) -> Report:
    """Build `families`, `splits`, `keepers`, `exclusions`, `corpus` and the views for auditors.

    `corpus.lock.json` then says what the corpus was made of.
    Raises UsageError for a diagnosis method in the recipe that nobody knows, FetchError where the lock is no lock,
    CorpusError where the law of conservation does not hold: records = corpus + exclusions, each id once.
    """
    report = Report("split", "pictures", anew=True)
    recipe = workspace.recipe.split
    lock = workspace.lock()
    with workspace.database() as database, database.transaction():
        freshness.require(database, "label")
        proof = proofs.begin(database, workspace, "split")
        database.require("license_order", "label")
        had_splits = database.has("splits")
        if had_splits:
            database.build("splits_before")
        links = database.select("family_links")
        records = database.select("record_ids").column("id")
        database.replace("families", pa.table({"id": records, "family": grouped(records, links)}))
        methods = workspace.recipe.corpus.diagnosis_methods
        _check_methods(database, workspace, methods)
        database.build("early_reasons", "keepers", methods=list(methods))
        database.build(
            "family_places",
            salt=recipe.salt,
            train_until=hex_share(recipe.train),
            validation_until=hex_share(recipe.train + recipe.validation),
            folds=recipe.folds,
        )
        database.replace("split_shares", pa.table({"split": list(SPLITS), "share": _shares(recipe)}))
        database.replace("quota_moves", _moves(database, recipe))
        database.build("splits", "exclusions", "corpus")
        if had_splits:
            database.build("moved")
        for name in db.views():
            database.build(f"views/{name}")
        unbalanced = database.rows("conservation")
        if unbalanced:
            raise CorpusError(
                f"{len(unbalanced)} records are not in exactly one of corpus and exclusions",
                found=str(unbalanced[0]),
                done="nothing was changed",
                hint="curate build; if it says so again, report it with this message",
            )
        methods_wanted = {"corpus.diagnosis_methods": list(methods)}
        knobs = workspace.recipe.knobs("split") | methods_wanted
        built_with.note(database, "split", knobs, {"curate": __version__}, proof=proof)
        database.build("built_with")
        freshness.stamp(database, "split", "label")
        if had_splits:
            _tell_moved(database, report)
        if recipe.quotas:
            report.details["moved_by_quotas"] = sums = database.rows("quota_sums")[0]
            report.notes.append(
                f"quotas: {sums['families']:,} families ({sums['pictures']:,} pictures) moved from where their hash is"
            )
        _tell_deviations(database, report)
        report.made = database.count("corpus")
        for row in database.rows("exclusion_reasons"):
            report.left_out[row["reason"]] = row["records"]
        for row in database.rows("split_sizes"):
            report.details[row["split"]] = row["pictures"]
    report.notes += locked_corpus.write(workspace, lock)
    proofs.leave(workspace, "split", proof)
    return report


def _check_methods(database: Database, workspace: Workspace, wanted: Sequence[str]) -> None:
    words = {row["value"] for row in database.table("vocabulary").to_pylist() if row["field"] == "diagnosis_method"}
    known = [*sorted(words - {None}), "unknown"]
    for method in wanted:
        if method not in known:
            raise UsageError(
                f"no diagnosis is made by {method!r}",
                where=f"{workspace.root / 'curate.toml'} [corpus] diagnosis_methods",
                expected=", ".join(known),
                done="nothing was changed",
                hint='mend the word; curate sql "from diagnosis_method_balance" says how many pictures each has',
            )


def _shares(recipe: SplitRecipe) -> list[float]:
    return [float(getattr(recipe, split)) for split in SPLITS]


def _moves(database: Database, recipe: SplitRecipe) -> pa.Table:
    """Return the families that the quotas of the subtypes move, with the split they move to; none without quotas."""
    families: list[str] = []
    splits: list[str] = []
    if recipe.quotas:
        places = database.table("family_places").to_pydict()
        contents = database.select("family_contents").to_pydict()
        row = {family: number for number, family in enumerate(places["family"])}
        column = {subtype: number for number, subtype in enumerate(sorted(set(contents["subtype"])))}
        counts = np.zeros((len(row), len(column)), dtype=np.int64)
        for family, subtype, pictures in zip(*(contents[name] for name in contents), strict=True):
            counts[row[family], column[subtype]] = pictures
        before = np.array([SPLITS.index(split) for split in places["split"]], dtype=np.int64)
        fixed = np.array(places["is_published_test"], dtype=np.bool_)
        after = fill(Families(counts, before, fixed, SPLITS.index("test")), np.array(_shares(recipe)))
        for number in np.flatnonzero(after != before):
            families.append(places["family"][number])
            splits.append(SPLITS[after[number]])
    return pa.table({"family": pa.array(families, pa.string()), "split": pa.array(splits, pa.string())})


def _tell_moved(database: Database, report: Report) -> None:
    sums = database.rows("moved_sums")[0]
    report.details["moved"] = sums
    if sums["records"]:
        report.notes.append(
            f"{sums['records']:,} records are in another split than before, in {sums['families']:,} families that were "
            "joined or parted, or by another recipe"
        )


def _tell_deviations(database: Database, report: Report) -> None:
    """Say which subtypes, sources and tones are far from the shares of the recipe, for everyone who trains on them."""
    away = database.rows("split_away", points=_FAR)
    report.details["deviations"] = away
    # Of few families the shares are what chance makes them: nobody needs a word on that.
    many = [row for row in away if row["families"] >= MANY]
    for kind, title in (
        ("subtype", "subtypes"),
        ("source", "sources"),
        ("tone_reported", "skin tones as reported (Fitzpatrick types)"),
        ("tone_ita_class", "skin tones as estimated (ITA classes)"),
    ):
        far = [row for row in many if row["kind"] == kind]
        if far:
            named = ", ".join(_deviation(row) for row in far[:_NAMED])
            more = f", and {len(far) - _NAMED} more" if len(far) > _NAMED else ""
            report.notes.append(f"{title} over {_FAR:g} points from the recipe: {named}{more}")
    if many:
        report.notes.append("all of them: curate sql 'from split_deviation'")


def _deviation(row: dict[str, Any]) -> str:
    published = ", published tests" if row["has_published_test"] else ""
    return f"{row['value']} ({row['split']} {row['points']:+.1f}{published})"


def hex_share(share: float) -> str:
    """Return the text that a share of all sha256 hex digests sorts before.

    >>> hex_share(0.5)[:4], hex_share(1.0)[:2]
    ('8000', 'g')
    """
    return "g" if share >= 1 else f"{int(share * 2**52):013x}"
