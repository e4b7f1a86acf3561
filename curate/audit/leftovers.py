"""What takes room under `data_cache` and nothing needs any more: named with what to type, never removed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from curate import scratch, whole
from curate.errors import CorpusError, TrainError
from curate.ml import runs, shards, unfinished
from curate.workspace import Workspace

_PLACES = (
    ("", ".dry-run-*"),
    ("", ".label-changes-*"),
    ("", ".export-*"),
    ("shards", whole.PARTS),
    ("runs", whole.PARTS),
)


def leftovers(workspace: Workspace) -> list[str]:
    """Return a sentence about what killed runs have left, and one about shards that are neither the latest nor named by
    a run, each with its bytes and the line that removes it; none where there is nothing.
    """
    left = [path for place, names in _PLACES for path in scratch.left_behind(workspace.cache / place, names)]
    older, kept = _older_shards(workspace)
    found = []
    if left:
        found.append(f"left by killed runs: {len(left)}, {_size(left)}; to remove: {_removal(left)}")
    begun = sorted((workspace.cache / "runs").glob(unfinished.FOLDERS))
    if begun:
        found.append(
            f"trainings that are not done: {len(begun)}, {_size(begun)}; the same curate train goes on with one; "
            f"to remove: {_removal(begun)}"
        )
    if older:
        found.append(f"older shards that no run names: {len(older)}, {_size(older)}; to remove: {_removal(older)}")
    if kept:
        names = ", ".join(path.name for path in kept)
        found.append(f"older shards that runs were trained on: {len(kept)}, {_size(kept)}: {names}")
    return found


def _older_shards(workspace: Workspace) -> tuple[list[Path], list[Path]]:
    """Return the sets that are not the latest: those that no run names, and those that one does.

    Where it is not known which is the latest, or what some run was trained on, none is said to be older.
    """
    folder = workspace.cache / "shards"
    try:
        latest = shards.latest(folder)
        named = {
            runs.read_json(run / "recipe.json").get("shards")
            for run in sorted((workspace.cache / "runs").glob("[!.]*"))
            if run.is_dir()
        }
    except (CorpusError, TrainError):
        return [], []
    sets = sorted(path for path in folder.iterdir() if re.fullmatch(r"[0-9a-f]{16}", path.name) and path != latest)
    return [path for path in sets if path.name not in named], [path for path in sets if path.name in named]


def _size(folders: Iterable[Path]) -> str:
    size = 0
    for folder in folders:
        for path in folder.rglob("*"):
            with suppress(OSError):  # another run may take it away meanwhile
                size += path.lstat().st_size if path.is_file() else 0
    return f"{size / 1e6:,.1f} MB"


def _removal(folders: Sequence[Path]) -> str:
    return f"rm -r {' '.join(shlex.quote(str(path)) for path in folders)}"
