"""dedup: every reason why two records are one picture is an edge; what the edges join is a twin group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curate import built_with, decisions, freshness, proofs
from curate.components import grouped
from curate.db import Database
from curate.errors import CorpusError, UsageError
from curate.images import identity
from curate.images.hash_search import near_pairs
from curate.look import LOOKED_AT
from curate.pairs import LOOK_VERSION, VERSIONS, Sight, compare, sight
from curate.report import Report
from curate.same_pixels import hash_pixels
from curate.searching import search
from curate.workers import threads
from curate.workspace import Workspace

_PAIRS_AT_ONCE = 32


def run(workspace: Workspace) -> Report:
    """Build `edges` and `twins` from ids, the sources' own lists, bytes, pixels, and near pictures seen twice.

    A near pair is a candidate by its perceptual hashes or, where the recipe says so, by places that agree in one
    geometry, and becomes an edge only when a second look at the pixels confirms it. `decisions.csv`
    (decision,first,second,note) accepts or rejects pairs and withdraws pictures.
    """
    report = Report("dedup", "pairs")
    recipe = workspace.recipe.dedup
    with workspace.database() as database:
        freshness.require(database, "inspect")
        _require_looks(database, by_places=recipe.near and recipe.by_places)
        proof = proofs.begin(database, workspace, "dedup")
        database.replace("decisions", decisions.read(workspace.decisions_path))
        report.notes += _unknown(database, workspace)
        by_pixels = recipe.near or recipe.same_pixels  # copies of the same pixels stand for one where pictures are near
        report.details["decoded_whole"] = hash_pixels(database, workspace) if by_pixels else 0
        with database.transaction():
            database.build("pixel_keys", identity=identity.VERSION, by_pixels=by_pixels)
            database.replace("candidates", _candidates(database, workspace))
        waiting = database.rows("to_compare", look=LOOK_VERSION) if recipe.near else []
        hashed = len(waiting)
        with workspace.progress("dedup", len(waiting), "pairs") as advance:
            for rows in workspace.workers.spread(compare, _pairs(workspace, waiting), pictures=len(waiting)):
                schema = database.schema("looks")
                database.insert("looks", pa.Table.from_pylist(rows, schema=schema))
                advance(len(rows))
        placed = search(database, workspace, recipe.near_detail) if recipe.near and recipe.by_places else 0
        report.made = hashed + placed
        report.details["looked_at"] = {"by hash": hashed, "by places": placed}
        with database.transaction():
            records = database.select("record_ids").column("id")
            photographs = grouped(records, database.select("sure_copies"))
            database.replace("photographs", pa.table({"id": records, "photograph": photographs}))
            database.build(
                "near_pairs",
                "edges",
                look=LOOK_VERSION,
                near_agreement=recipe.near_agreement,
                near_agreement_in_lesion=recipe.near_agreement_in_lesion,
                use_places=recipe.by_places,
                near_places=recipe.near_places,
                near_overlap=recipe.near_overlap,
                near_kin=recipe.near_kin,
                use_same_id=recipe.same_id,
                use_listed=recipe.listed,
                use_same_bytes=recipe.same_bytes,
                use_same_pixels=recipe.same_pixels,
                use_near=recipe.near,
            )
            joined = database.select("edge_ends")
            groups = grouped(records, joined)
            database.replace("twins", pa.table({"id": records, "twin": groups}))
            built_with.note(database, "dedup", workspace.recipe.knobs("dedup"), VERSIONS, proof=proof)
            freshness.stamp(database, "dedup", "inspect")
        kin = grouped(records, pa.concat_tables([joined, database.select("kin_pairs")]))
        with database.lent(kin_groups=pa.table({"id": records, "kin": kin})):
            vain = database.rows("rejected_in_vain")
        for row in vain:
            report.notes.append(
                f"decisions.csv, line {row['line']}: {row['first']} and {row['second']} are rejected as a pair, but "
                f"stay {row['stay']} through {row['through']}; reject those pairs too"
            )
        report.details["edges"] = {row["kind"]: row["pairs"] for row in database.rows("edge_kinds")}
        report.details["groups"] = len(records) - len(groups.unique())
        report.there = max(0, database.count("candidates") - hashed)
    return report


def _require_looks(database: Database, *, by_places: bool) -> None:
    """Raise CorpusError where pictures are not known by what is asked for: nothing would be found, and not said."""
    if database.table("mode").to_pylist()[0]["labels_only"]:
        return
    waiting = database.rows("to_inspect", **LOOKED_AT, by_places=by_places)
    if waiting:
        raise CorpusError(
            "inspect has not run since the recipe, or this version of curate, asks for more of each picture",
            where=str(database.said_of),
            expected="all that pictures are compared by, places too where the recipe says so ([dedup] by_places)",
            found=f"{len(waiting):,} {'file' if len(waiting) == 1 else 'files'} of which it is not known",
            done="nothing was changed",
            hint="curate build",
        )


def _candidates(database: Database, workspace: Workspace) -> pa.Table:
    """Return the pairs of pictures whose perceptual hashes are near; pictures of low detail have no say."""
    recipe = workspace.recipe.dedup
    pictures = database.select("comparable", detail=recipe.near_detail)
    ids = pictures.column("id").combine_chunks()
    hashes = pictures.column("phash").to_numpy().astype(np.uint64)
    first, second, bits = near_pairs(hashes, recipe.near_distance, threads=threads(workspace.workers))
    return pa.table(
        {
            "first": ids.take(pa.array(first)),
            "second": ids.take(pa.array(second)),
            "distance": pa.array(bits, pa.int32()),
        }
    )


def _pairs(workspace: Workspace, waiting: list[dict[str, Any]]) -> Iterator[list[tuple[Sight, Sight]]]:
    for start in range(0, len(waiting), _PAIRS_AT_ONCE):
        yield [
            (sight(workspace, row, "first_"), sight(workspace, row, "second_"))
            for row in waiting[start : start + _PAIRS_AT_ONCE]
        ]


def _unknown(database: Database, workspace: Workspace) -> list[str]:
    """Say which decisions are about pictures of sources that are not here.

    Raises UsageError for an id that its source, which is here, does not have: a decision must not pass silently.
    """
    notes = []
    for row in database.rows("unknown_decisions"):
        if row["is_here"]:
            raise UsageError(
                f"a decision is about {row['id']!r}, which no record is called",
                where=f"{workspace.decisions_path}, line {row['line']}",
                done="nothing was changed",
                hint="mend that line; curate explain ID tells whether a record is called so",
            )
        notes.append(f"decisions.csv, line {row['line']}: {row['id']} is of a source that is not here")
    return notes
