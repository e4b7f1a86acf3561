"""Shard folders against their `index.json`, and the files beside the shards against what `index.json` says."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

from curate.audit.finding import Finding
from curate.audit.folders import check_each
from curate.audit.hashing import hashes
from curate.errors import CorpusError
from curate.ml import shards
from curate.shardset import write_beside
from curate.workspace import Workspace


def check(workspace: Workspace) -> tuple[list[Finding], int]:
    """Return what is wrong under `data_cache/shards`, and how many files of it are whole."""
    folder = workspace.cache / "shards"
    findings, whole = check_each(folder, lambda path: _folder(workspace, path))
    pointer = folder / "current"
    if pointer.exists():
        named = pointer.read_bytes().decode("utf-8", "replace")
        if not re.fullmatch(r"[0-9a-f]{16}\n", named) or not (folder / named.strip()).is_dir():
            findings.append(
                Finding("damaged pointer", str(pointer), "the name of a shard folder", repr(named), "curate shard")
            )
    return findings, whole


def _folder(workspace: Workspace, folder: Path) -> tuple[list[Finding], int]:
    hint = f"rm -r {shlex.quote(str(folder))} && curate shard"
    try:
        index = shards.read_index(folder)
        made = shards.named_in(index)
        sizes = {split: values["pictures"] for split, values in index["splits"].items()}
        key = index["key"]
    except (CorpusError, ValueError, KeyError, TypeError, AttributeError) as broken:
        found = str(broken).split("\n")[0]
        return [Finding("damaged index", str(folder / "index.json"), "what `curate shard` writes", found, hint)], 0
    findings = []
    if key != folder.name:
        findings.append(Finding("damaged index", str(folder / "index.json"), f"key {folder.name}", f"key {key}", hint))
    counted = {split: sum(shard.pictures for shard in listed) for split, listed in made.items()}
    if counted != sizes:
        where = str(folder / "index.json")
        findings.append(Finding("damaged index", where, f"pictures {sizes}", f"in its shards {counted}", hint))
    listed = {shard.file: shard for split in made.values() for shard in split}
    paths = [folder / file for file in sorted(listed)]
    wrong = 0
    for path, found in hashes(
        workspace, f"verify shards {folder.name}", [path for path in paths if path.is_file()]
    ).items():
        if found != listed[path.name].sha256:
            wrong += 1
            findings.append(Finding("damaged shard", str(path), f"sha256 {listed[path.name].sha256}", found, hint))
    missing = [path for path in paths if not path.is_file()]
    findings += [
        Finding("missing", str(path), "a shard that index.json names", "no such file", hint) for path in missing
    ]
    beside, sound = _beside(folder, index, made, set(listed), hint)
    return findings + beside, len(paths) - wrong - len(missing) + sound


def _beside(
    folder: Path, index: dict[str, Any], made: dict[str, list[shards.Shard]], listed: set[str], hint: str
) -> tuple[list[Finding], int]:
    """Write the small files anew from `index.json`, and hold them against those that are there."""
    findings: list[Finding] = []
    sound = 0
    with tempfile.TemporaryDirectory() as made_again:
        fresh = Path(made_again)
        try:
            write_beside(fresh, index, made)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            return [Finding("damaged index", str(folder), "files that follow from index.json", str(broken), hint)], 0
        for path in sorted(path for path in fresh.rglob("*") if path.is_file()):
            here = folder / path.relative_to(fresh)
            if not here.is_file():
                findings.append(Finding("missing", str(here), "a file that index.json implies", "no such file", hint))
            elif here.read_bytes() != path.read_bytes():
                where = str(here)
                findings.append(Finding("damaged file", where, "what follows from index.json", "other bytes", hint))
            else:
                sound += 1
        known = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*")} | listed
    for path in sorted(folder.rglob("*")):
        if path.relative_to(folder).as_posix() not in known:
            findings.append(
                Finding(
                    "unknown file", str(path), "only what index.json names", path.name, f"rm {shlex.quote(str(path))}"
                )
            )
    return findings, sound
