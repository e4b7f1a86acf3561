"""What is handed on: the pictures of the corpus, less those under a licence that is not allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate import freshness
from curate.errors import CorpusError, UsageError
from curate.export.borrowed import Borrowed
from curate.ml.credits import Credit, credits_of
from curate.shardset import LabelNames
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """The chosen rows of `shard_rows`, in the order of their ids, and what the corpus says beside them.

    `refused` counts the pictures that were left out by their licence; `reasons` are the rows of `exclusion_reasons`,
    `rules` those of `report_conflict_rules`, both of the whole corpus; `elsewhere` counts, by allowed licence, the
    refused pictures of which a copy under that licence was left out of the corpus as a duplicate. `borrowed` is what
    the pictures have from copies in other sources; `lenders` credits those of them that have no picture here.
    """

    workspace: Workspace
    rows: Sequence[Row]
    allowed: tuple[str, ...]
    refused: dict[str, int]
    elsewhere: dict[str, int]
    credits: Sequence[Credit]
    names: LabelNames
    reasons: Sequence[Row]
    rules: Sequence[Row]
    borrowed: Borrowed
    lenders: Sequence[Credit]

    def records(self) -> pa.Table:
        """Return every record with its outcome, sorted by id; of the sources under an allowed licence only."""
        with self.workspace.database(read_only=True) as database:
            table = database.select("export_records")
        if not self.allowed:
            return table
        table = table.filter(pc.is_in(table["license"], value_set=pa.array(self.allowed)))
        return self.borrowed.without_all(table)

    @property
    def splits(self) -> dict[str, list[Row]]:
        """The rows by split; splits without a picture are not in it."""
        found: dict[str, list[Row]] = {}
        for split in SPLITS:
            members = [row for row in self.rows if row["split"] == split]
            if members:
                found[split] = members
        return found


def select(workspace: Workspace, allow: Iterable[str] = ()) -> Selection:
    """Choose the pictures under the licences in `allow`, or all where none is named.

    Raises CorpusError where there is no corpus, where it is of another time than its labels, or nothing is left of it;
    UsageError for a licence that no source has.
    """
    allowed = tuple(sorted(set(allow)))
    with workspace.database(read_only=True) as database:
        freshness.require(database, "split")
        rows: list[Row] = database.select("shard_rows").to_pylist()
        known = sorted({row["license"] for row in database.table("sources").to_pylist()})
        reasons = database.rows("exclusion_reasons")
        rules = database.rows("report_conflict_rules")
        names = LabelNames.read(database)
        lent = database.rows("export_borrowed")
        copies = database.rows("export_copies", allowed=list(allowed)) if allowed else []
    for name in allowed:
        if name not in known:
            raise UsageError(
                f"no source is under the licence {name!r}", expected=", ".join(known), hint="curate sources"
            )
    rows.sort(key=lambda row: str(row["id"]))
    chosen = [row for row in rows if not allowed or row["license"] in allowed]
    if not chosen:
        raise CorpusError(
            f"no picture of the corpus is under {' or '.join(allowed)}" if allowed else "the corpus holds no picture",
            where=str(workspace.root),
            found=", ".join(f"{count} under {name}" for name, count in _by_licence(rows).items()) or None,
            done="nothing was written",
            hint='curate sql "from licenses"',
        )
    here = {str(row["id"]) for row in chosen}
    borrowed = Borrowed.of((row for row in lent if row["id"] in here), allowed)
    chosen = [borrowed.without(row) for row in chosen]
    only_values = sorted(borrowed.lenders - {str(row["source"]) for row in chosen})
    return Selection(
        workspace=workspace,
        rows=chosen,
        allowed=allowed,
        refused=_by_licence(row for row in rows if allowed and row["license"] not in allowed),
        elsewhere={row["license"]: row["pictures"] for row in copies},
        credits=credits_of(workspace.manifests, (str(row["source"]) for row in chosen)),
        names=names,
        reasons=reasons,
        rules=rules,
        borrowed=borrowed,
        lenders=[replace(credit, pictures=0) for credit in credits_of(workspace.manifests, only_values)],
    )


def _by_licence(rows: Iterable[Row]) -> dict[str, int]:
    return dict(sorted(Counter(str(row["license"]) for row in rows).items()))
