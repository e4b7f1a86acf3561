"""shard: the corpus becomes TFRecord files in `data_cache/shards/<key>/`, whole or not at all."""

from __future__ import annotations

from curate import locked_corpus, whole
from curate.corpus_rows import CorpusRows
from curate.errors import CorpusError
from curate.freshness import require
from curate.ml import shards
from curate.report import Report
from curate.shardset import LabelNames, ShardSet
from curate.workspace import Workspace


def run(workspace: Workspace) -> Report:
    """Write the shards of the corpus as it stands; where they are there already, do nothing.

    `corpus.lock.json` then names them. Raises FetchError where the lock is no lock, CorpusError where there is no
    corpus, where a stage has not run since the one before it did, where the corpus was built from labels alone, or
    where a picture is no longer what it was when `inspect` saw it; then nothing is left under the final name.
    """
    report = Report("shard", "pictures")
    lock = workspace.lock()
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("there is no corpus here yet", where=str(workspace.root), hint="curate build")
        require(database, "split")
        names = LabelNames.read(database)
    rows = CorpusRows.of(workspace)
    tally = rows.tally()
    made = ShardSet.of(rows, tally, names)
    report.details |= {"folder": str(made.home), "key": made.key}
    if made.home.is_dir():
        report.there = tally.pictures
    else:
        _make(made)
        report.made = tally.pictures
    shards.point(made.home)
    report.notes += locked_corpus.write(workspace, lock, shards=made.home)
    report.details["splits"] = dict(sorted(tally.splits.items()))
    return report


def _make(made: ShardSet) -> None:
    try:
        with whole.folder(made.home) as part:
            made.write(part)
    except OSError as broken:
        raise CorpusError(
            "the shards could not be written",
            where=str(made.home),
            found=str(broken),
            done="what was half written is gone again",
            hint="make room or mend the folder, then curate shard",
        ) from broken
