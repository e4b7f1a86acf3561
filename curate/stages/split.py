"""split: families are placed whole by their hash; every record ends in the corpus or in the exclusions."""

from __future__ import annotations

import pyarrow as pa

from curate import db, freshness
from curate.components import components
from curate.errors import CorpusError
from curate.report import Report
from curate.workspace import Workspace


def run(workspace: Workspace) -> Report:
    """Build `families`, `splits`, `keepers`, `exclusions`, `corpus` and the views for auditors.

    Raises CorpusError where the law of conservation does not hold: records = corpus + exclusions, each id once.
    """
    report = Report("split", "pictures", anew=True)
    recipe = workspace.recipe.split
    with workspace.database() as database, database.transaction():
        freshness.require(database, "label")
        database.require("license_order", "label")
        had_splits = database.has("splits")
        if had_splits:
            database.build("splits_before")
        links = database.select("family_links")
        records = database.table("records").column("id").to_pylist()
        ends = zip(links.column("first").to_pylist(), links.column("second").to_pylist(), strict=True)
        database.replace("families", pa.table({"id": records, "family": components(records, ends)}))
        database.build(
            "splits",
            salt=recipe.salt,
            train_until=hex_share(recipe.train),
            validation_until=hex_share(recipe.train + recipe.validation),
        )
        database.build("early_reasons", "keepers", "exclusions", "corpus")
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
        freshness.stamp(database, "split", "label")
        moved = database.count("moved") if had_splits else 0
        if moved:
            report.notes.append(
                f"{moved} records are in another split than before: their families were joined or parted"
            )
        report.made = database.count("corpus")
        for row in database.rows("exclusion_reasons"):
            report.left_out[row["reason"]] = row["records"]
        for row in database.rows("split_sizes"):
            report.details[row["split"]] = row["pictures"]
    return report


def hex_share(share: float) -> str:
    """Return the text that a share of all sha256 hex digests sorts before.

    >>> hex_share(0.5)[:4], hex_share(1.0)[:2]
    ('8000', 'g')
    """
    return "g" if share >= 1 else f"{int(share * 2**52):013x}"
