"""shard: the corpus becomes TFRecord files in `data_cache/shards/<key>/`, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from curate import encoded_before, locked_corpus, proofs, whole
from curate.corpus_rows import CorpusRows
from curate.errors import CorpusError
from curate.freshness import require
from curate.ml import shards
from curate.report import Report
from curate.shardset import LabelNames, ShardSet, harm
from curate.workspace import Workspace


def run(workspace: Workspace) -> Report:
    """Write the shards of the corpus as it stands; where they are there already, and not damaged, do nothing.

    `corpus.lock.json` then names them. Raises FetchError where the lock is no lock, CorpusError where there is no
    corpus, where a stage has not run since the one before it did, where the corpus was built from labels alone, where
    a picture is no longer what it was when `inspect` saw it, or where another run is writing the same shards; then
    nothing is left under the final name. Damaged shards stay until those that are made instead of them are whole.
    """
    report = Report("shard", "pictures")
    lock = workspace.lock()
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("there is no corpus here yet", where=str(workspace.root), hint="curate build")
        require(database, "split")
        proof = proofs.of(database, workspace, "shard")
        names = LabelNames.read(database)
    rows = CorpusRows.of(workspace)
    tally = rows.tally()
    made = ShardSet.of(rows, tally, names)
    report.details |= {"folder": str(made.home), "key": made.key}
    is_there = made.home.is_dir()
    harm = made.harm() if is_there else "not there"
    taken = _write(made, make=harm is not None)
    if harm is None:
        report.there = tally.pictures
    else:
        report.made = tally.pictures
        report.details["taken"] = taken
        if taken:
            report.notes.append(f"{taken:,} of them were taken from the last shards, the others encoded")
    if is_there and harm is not None:
        report.notes.append(f"the shards that lay here were damaged ({harm}); they were made anew")
    report.notes += locked_corpus.write(workspace, lock, shards=made.home)
    index = whole.sha256(made.home / "index.json")
    more = encoded_before.note(workspace, made.key, index, is_made=harm is not None) if proof else {}
    proofs.leave(workspace, "shard", proof, key=made.key, index=index, **more)
    report.details["splits"] = dict(sorted(tally.splits.items()))
    return report


def standing(workspace: Workspace) -> Path | None:
    """Return the folder of the shards where `run` has nothing to do, as far as can be told without reading the corpus
    or a shard: what they are made of is what they were made of, and they are there, named by the lock, and not damaged.

    None where a run that was killed has left something to sweep, too. Raises what `proofs.standing` raises.
    """
    with workspace.database(read_only=True) as database:
        proof = proofs.of(database, workspace, "shard")
    left = proofs.has_left(workspace, "shard", proof) if proof else None
    if left is None:
        return None
    home = workspace.cache / "shards" / left["key"]
    pointer = home.parent / "current"
    if not home.is_dir() or not pointer.is_file() or pointer.read_bytes() != f"{home.name}\n".encode():
        return None
    is_swept = not any(home.parent.glob(whole.PARTS))
    is_whole = is_swept and harm(home) is None
    return home if is_whole and whole.sha256(home / "index.json") == left.get("index") else None


def _write(made: ShardSet, *, make: bool) -> int:
    taken = 0
    try:
        whole.sweep_parts(made.home.parent)
        if make:
            with whole.folder(made.home, replace=True) as part:
                taken = made.write(part)
        shards.point(made.home)
    except OSError as broken:
        raise CorpusError(
            "the shards could not be written",
            where=str(made.home),
            found=str(broken),
            done="what was half written is gone again",
            hint="make room or mend the folder, then curate shard",
        ) from broken
    return taken
