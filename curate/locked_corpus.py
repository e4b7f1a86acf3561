"""The corpus as `corpus.lock.json` names it: by the hashes of its rows, with all that it was made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curate import built_with, corpus_rows, lock
from curate.lock import LockedCorpus
from curate.shardset import LabelNames
from curate.workspace import Workspace

TABLES: tuple[corpus_rows.Table, ...] = ("corpus", "exclusions")
_NAMED = 4  # causes that a person still reads in one line


def of(workspace: Workspace) -> LockedCorpus | None:
    """Return what the lock has to say of the corpus that is in the database.

    None where there is none, or where nobody wrote down what it was built with. Raises CorpusError where the database
    cannot be read.
    """
    with workspace.database(read_only=True) as database:
        known = built_with.read(database)
        if known is None or not database.has("corpus"):
            return None
        counts = [database.count(table) for table in TABLES]
        names = LabelNames.read(database)
        decided = database.table("decisions").to_pylist()
    return LockedCorpus(
        curate=str(known.versions.pop("curate")),
        pictures=counts[0],
        left_out=counts[1],
        rows={table: corpus_rows.digest(workspace, table) for table in TABLES},
        recipe=known.recipe,
        versions=known.versions,
        label_maps={"version": names.version, "files": names.files},
        decisions=decisions(decided),
        sources={source: files(hashes) for source, hashes in known.files.items()},
    )


def write(workspace: Workspace, before: lock.Lock, *, shards: Path | None = None) -> list[str]:
    """Make the lock name the corpus that is in the database, and the folder of its shards; return notes for people.

    `before`: the lock as it was read before anything was changed. Without `shards`, those stay that the lock names as
    of this very corpus. What the file says of the sources stays.
    """
    made = of(workspace)
    old = before.corpus
    if made is not None and shards is not None:
        named = {"key": shards.name, "index": hashlib.sha256((shards / "index.json").read_bytes()).hexdigest()}
        knobs = workspace.recipe.knobs("shard")
        recipe = made.recipe | {"shard": {knob.partition(".")[2]: value for knob, value in knobs.items()}}
        made = dataclasses.replace(made, recipe=recipe, shards=named)
    elif made is not None and old is not None and old.shards is not None and "shard" in old.recipe:
        kept = dataclasses.replace(made, recipe=made.recipe | {"shard": old.recipe["shard"]}, shards=old.shards)
        made = kept if kept == old else made
    notes = before.warnings
    if made is not None and old is not None and made.rows != old.rows:
        why = differences(old, made)
        causes = ", ".join(why[:_NAMED]) + (f", and {len(why) - _NAMED} more" if len(why) > _NAMED else "")
        notes.append(
            f"this corpus is {made.short}, the lock named {old.short} before: "
            + (f"made with other {causes}" if why else "though made of the same, as far as the lock says")
        )
    lock.save(workspace.lock_path, lock.Lock(workspace.locked(), made))
    return notes


def differences(old: LockedCorpus, new: LockedCorpus) -> list[str]:
    """Return the names of what two corpora were made of that is not the same in both, but for their shards."""
    found = [] if old.curate == new.curate else ["curate"]
    for section in sorted((old.recipe.keys() & new.recipe.keys()) - {"shard"}):
        found += [f"[{section}] {knob}" for knob in _unlike(old.recipe[section], new.recipe[section])]
    found += _unlike(old.versions, new.versions)
    found += [f"label_maps/{name}" for name in _unlike(old.label_maps["files"], new.label_maps["files"])]
    found += [] if old.decisions == new.decisions else ["decisions"]
    return found + [f"files of {source}" for source in _unlike(old.sources, new.sources)]


def decisions(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the sha256 (hex) of what was decided, in whatever order it stands there; None where nothing was."""
    said = sorted([row[word] or "" for word in ("decision", "first", "second", "note")] for row in rows)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest() if said else None


def files(hashes: Mapping[str, str]) -> str:
    """Return the sha256 (hex) of the names of files and their hashes: what one source was parsed from."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()


def _unlike(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
