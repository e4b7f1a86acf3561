"""Whether a stage of a build has anything to do: it is passed over on proof, never because nobody saw a reason to run.

Why that is safe. A stage is a function: the tables that it leaves follow from the tables of the stage before and from
what else it reads, and from nothing else. So each stage leaves a proof, in one transaction with its tables: the hash of
all that they follow from, which is the proof of the stage before, the code of curate (its files, not the number of its
version), the libraries and the processor, its sections of the recipe, and the files that it reads (listings of trees,
manifests, `decisions.csv`, label maps). It is passed over where

- the hash of all that, taken now, is the proof that it left;
- no stage has run since without those after it (`curate.freshness`);
- the database is sealed and was not written since by anybody: a killed run takes the seal away, a stranger is later;
- what it left outside of the database stands: the lock, the shards.

A stage takes its proof away before it writes anything, so that one which was stopped has none; `inspect` leaves none
while a file waits, and no stage does behind one whose proof is not that of now. A proof that is lost, or of another
form, or not sure, costs the seconds of a stage that runs once more. Expensive work is not what the proofs save: facts
about bytes are kept under their hash, whatever stages run.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate import built_with, fitness, freshness, whole
from curate.db import Database, is_unfinished
from curate.workspace import Workspace

BEFORE = {"parse": None, "inspect": "parse", "dedup": "inspect", "label": "dedup", "split": "label", "shard": "split"}
"""What each stage that can be passed over stands on."""

_LIBRARIES = (
    "duckdb", "faiss-cpu", "imagehash", "numpy", "opencv-python-headless", "openpyxl", "pandas", "pillow", "pyarrow",
    "rarfile", "scipy", "xlrd",
)  # fmt: skip


def begin(database: Database, workspace: Workspace, stage: str, *, labels_only: bool | None = None) -> str | None:
    """Take away the proof of a stage that is about to run; return the one that it leaves when it is done.

    See `of`; `labels_only` is asked for `parse` alone, which writes it down later.
    """
    if stage in built_with.proofs(database):
        built_with.forget_proof(database, stage)
    if labels_only is None:
        return of(database, workspace, stage)
    return made_of(workspace, stage, None, labels_only=labels_only)


def of(database: Database, workspace: Workspace, stage: str) -> str | None:
    """Return the proof that a stage leaves which runs now; None where one before it would leave another by now.

    A stage that runs alone looks at the same root as those before it (a manifest, say), which may have looked at
    another: nobody knows then of what its tables are.
    """
    labels_only = bool(database.table("mode").to_pylist()[0]["labels_only"])
    before = BEFORE[stage] or ""
    left = _left(database, workspace, labels_only=labels_only)
    return made_of(workspace, stage, left[before]) if before in left else None


def standing(workspace: Workspace, *, labels_only: bool) -> list[str]:
    """Return the stages, from `parse` to `split`, that have nothing to do; none behind the first that has.

    Raises CorpusError where the database cannot be opened, and what reading the root's own files raises.
    """
    found: list[str] = []
    if not whole.unchanged(workspace.database_path) or is_unfinished(workspace.database_path):
        return found
    with workspace.database(read_only=True) as database:
        for stage, left in _left(database, workspace, labels_only=labels_only).items():
            if freshness.late_stage(database, stage) is not None:
                break
            if stage == "split" and not has_left(workspace, stage, left):
                break
            found.append(stage)
    return found


def _left(database: Database, workspace: Workspace, *, labels_only: bool) -> dict[str, str]:
    """Return, in their order, the stages whose proofs are those of now; none behind the first whose proof is not."""
    left, found = built_with.proofs(database), dict[str, str]()
    before = None
    for stage in BEFORE:
        proof = left.get(stage)
        if proof is None or proof != made_of(workspace, stage, before, labels_only=labels_only):
            break
        found[stage] = before = proof
    return found


def made_of(workspace: Workspace, stage: str, before: str | None, *, labels_only: bool = False) -> str:
    """Return the sha256 (hex) of all that the outcome of a stage follows from, as it is now.

    `before` is the proof of the stage before.
    """
    read: dict[str, Any] = {"stage": stage, "before": before, "code": code()}
    recipe = workspace.recipe
    if stage == "parse":
        trees = {source: workspace.tree_path(source) for source in workspace.manifests}
        read |= {"labels_only": labels_only, "trees": _hashes(trees), "sources": recipe.corpus.sources}
        # As they were read, which may be long ago: a file that was changed since is of the next build.
        read["manifests"] = [dataclasses.asdict(manifest) for manifest in workspace.manifests.values()]
    elif stage == "inspect":
        read |= recipe.knobs("tone") | {"by_places": recipe.dedup.by_places}
    elif stage == "dedup":
        read |= recipe.knobs("dedup") | {"decisions": _hashes({"": workspace.decisions_path})}
    elif stage == "label":
        read |= recipe.knobs("label") | {"maps": _hashes(workspace.label_maps), "own": workspace.own_maps()}
    elif stage == "split":
        read |= recipe.knobs("split") | {"methods": recipe.corpus.diagnosis_methods}
    elif stage == "shard":
        read |= recipe.knobs("shard")
    return hashlib.sha256(json.dumps(read, sort_keys=True, default=str).encode()).hexdigest()


def leave(workspace: Workspace, stage: str, proof: str | None, **more: str) -> None:
    """Note what `split` or `shard` has left outside of the database: the lock as it is now, and `more`.

    Raises FetchError where the lock is no lock, OSError as the system does.
    """
    kept = {name: entry for name, entry in noted(workspace).items() if name != stage}
    if proof is not None:
        kept[stage] = {"proof": proof, "lock": _lock(workspace, stage) or "", **more}
    whole.write_text(path_of(workspace), _form(kept))


def has_left(workspace: Workspace, stage: str, proof: str) -> dict[str, str] | None:
    """Return what was noted of a stage when it left that proof; None where the lock is no longer as it was then.

    Raises FetchError where the lock is no lock.
    """
    entry = noted(workspace).get(stage)
    lock = _lock(workspace, stage)
    if entry is None or lock is None or entry.get("proof") != proof or entry.get("lock") != lock:
        return None
    return entry


def _lock(workspace: Workspace, stage: str) -> str | None:
    """Return the sha256 (hex) of what the lock says of the corpus; None where it says nothing, or was edited.

    For `split` without the shards, which `shard` adds.
    """
    lock = workspace.lock()
    if lock.corpus is None or lock.edited:
        return None
    said: dict[str, Any] = dataclasses.asdict(lock.corpus)
    if stage == "split":
        said["shards"] = None
        said["recipe"].pop("shard", None)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def path_of(workspace: Workspace) -> Path:
    """Return where it is noted what stages have left outside of the database; only time is lost without it."""
    return workspace.database_path.with_name("proofs.json")  # beside a copy of the database too


def is_damaged(workspace: Workspace) -> bool:
    """Tell whether that file is here and is not as it was written; it then proves nothing."""
    return _noted(workspace) is None


def noted(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return what was noted by stage; nothing where the file is not there, or damaged."""
    return _noted(workspace) or {}


def _noted(workspace: Workspace) -> dict[str, dict[str, str]] | None:
    """Return what is noted by stage, nothing where no file is; None for one that is not as it was written."""
    try:
        text = path_of(workspace).read_bytes().decode("utf-8", "replace")
        left: dict[str, dict[str, str]] = json.loads(text)["left"]
        return left if text == _form(left) else None
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        return None


def _form(left: Mapping[str, Mapping[str, str]]) -> str:
    """Return the file: what is noted, and the hash of it."""
    sha256 = hashlib.sha256(json.dumps(left, sort_keys=True).encode()).hexdigest()
    return json.dumps({"left": left, "sha256": sha256}, indent=1, sort_keys=True) + "\n"


def _hashes(files: Mapping[str, Path]) -> dict[str, str | None]:
    """Return the sha256 (hex) of each file by its name, None for one that is not there."""
    found: dict[str, str | None] = dict.fromkeys(files)
    for name, path in files.items():
        if path.exists():
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@functools.cache
def code() -> str:
    """Return the sha256 (hex) of what does the work: the code of curate, the libraries, Python, the processor.

    As it was when it was asked for first: a build asks when it begins.
    """
    libraries = [f"{name} {fitness.version(name)}" for name in _LIBRARIES]
    said = [fitness.code(), *libraries, sys.version, platform.machine()]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()
