"""What is handed on: the pictures of the corpus, less those under a licence that is not allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from curate import freshness
from curate.corpus_rows import MEMORY, CorpusRows, Row, Tally, digest
from curate.errors import CorpusError, UsageError
from curate.export.borrowed import Borrowed
from curate.ml.credits import Credit, credits_of
from curate.shardset import LabelNames
from curate.workspace import Workspace

_RECORDS = 1 << 14  # in memory at a time, and in a row group


@dataclass(frozen=True)
class Selection:
    """The chosen rows of the corpus, how many there are of what, and what the corpus says beside them.

    `families` is how many families they are of; `refused` counts the pictures that were left out by their licence;
    `reasons` are the rows of `exclusion_reasons`, `rules` those of `report_conflict_rules`, both of the whole corpus;
    `elsewhere` counts, by allowed licence, the refused pictures of which a copy under that licence was left out of the
    corpus as a duplicate. `borrowed` is what the pictures have from copies in other sources; `lenders` credits those of
    them that have no picture here. `corpus` is the hash of the whole corpus (`curate.corpus_rows.digest`).
    """

    workspace: Workspace
    rows: CorpusRows
    tally: Tally
    families: int
    allowed: tuple[str, ...]
    refused: dict[str, int]
    elsewhere: dict[str, int]
    credits: Sequence[Credit]
    names: LabelNames
    reasons: Sequence[Row]
    rules: Sequence[Row]
    borrowed: Borrowed
    lenders: Sequence[Credit]
    corpus: str

    def records(self) -> Iterator[pa.Table]:
        """Yield every record with its outcome, sorted by id, some thousands at a time, at least one table even if it
        is empty; of the sources under an allowed licence only.
        """
        with self.workspace.database(read_only=True) as database, database.spilling(MEMORY):
            for batch in database.batches("export_records", rows=_RECORDS, allowed=list(self.allowed)):
                table = pa.Table.from_batches([batch])
                yield self.borrowed.without_all(table) if self.allowed else table


def select(workspace: Workspace, allow: Iterable[str] = ()) -> Selection:
    """Choose the pictures under the licences in `allow`, or all where none is named.

    Raises CorpusError where there is no corpus, where it is of another time than its labels, or nothing is left of it;
    UsageError for a licence that no source has.
    """
    allowed = tuple(sorted(set(allow)))
    with workspace.database(read_only=True) as database:
        freshness.require(database, "split")
        known = sorted({row["license"] for row in database.table("sources").to_pylist()})
        licenses = {row["license"]: row["pictures"] for row in database.rows("export_licenses")}
        families = database.rows("export_families", allowed=list(allowed))[0]["families"]
        reasons = database.rows("exclusion_reasons")
        rules = database.rows("report_conflict_rules")
        names = LabelNames.read(database)
        borrowed = Borrowed.of(database.rows("export_borrowed", allowed=list(allowed)), allowed)
        copies = database.rows("export_copies", allowed=list(allowed)) if allowed else []
    for name in allowed:
        if name not in known:
            raise UsageError(
                f"no source is under the licence {name!r}", expected=", ".join(known), hint="curate sources"
            )
    rows = CorpusRows.of(workspace, allowed, borrowed.dropped)
    tally = rows.tally()
    if not tally.pictures:
        raise CorpusError(
            f"no picture of the corpus is under {' or '.join(allowed)}" if allowed else "the corpus holds no picture",
            where=str(workspace.root),
            found=", ".join(f"{count} under {name}" for name, count in licenses.items()) or None,
            done="nothing was written",
            hint='curate sql "from licenses"',
        )
    sources = tally.of("source")
    corpus = digest(workspace)
    return Selection(
        workspace=workspace,
        rows=rows,
        tally=tally,
        families=families,
        allowed=allowed,
        refused={name: count for name, count in licenses.items() if allowed and name not in allowed},
        elsewhere={row["license"]: row["pictures"] for row in copies},
        credits=credits_of(workspace.manifests, sources),
        names=names,
        reasons=reasons,
        rules=rules,
        borrowed=borrowed,
        lenders=credits_of(workspace.manifests, dict.fromkeys(borrowed.lenders - set(sources), 0)),
        corpus=corpus,
    )
