"""Run folders against the hashes that `train`, `quantize` and `evaluate` left beside their files."""

from __future__ import annotations

import shlex
from pathlib import Path

from curate.audit.finding import Finding
from curate.audit.folders import check_each
from curate.audit.hashing import hashes
from curate.errors import TrainError
from curate.ml import runs
from curate.workspace import Workspace


def check(workspace: Workspace) -> tuple[list[Finding], int]:
    """Return what is wrong under `data_cache/runs`, and how many files of it are whole."""
    folder = workspace.cache / "runs"
    findings, whole = check_each(folder, lambda path: _folder(workspace, path))
    pointer = folder / "current"
    if pointer.exists():
        named = pointer.read_bytes().decode("utf-8", "replace")
        if not named.strip() or not (folder / named.strip() / runs.HASHES).is_file():
            hint = f"rm {shlex.quote(str(pointer))} && curate train"
            findings.append(Finding("damaged pointer", str(pointer), "the name of a run folder", repr(named), hint))
    return findings, whole


def _folder(workspace: Workspace, run: Path) -> tuple[list[Finding], int]:
    again = f"rm -r {shlex.quote(str(run))} && curate train"
    where = run / runs.HASHES
    try:
        listed = {str(name): str(sha256) for name, sha256 in runs.read_json(where).items()}
    except TrainError as broken:
        return [Finding("damaged run", str(where), "the hashes of its files", broken.found or broken.what, again)], 0
    findings: list[Finding] = []
    here = {path.name: path for path in sorted(run.iterdir()) if not path.name.startswith(".") and path != where}
    for name in sorted(set(listed) - set(here)):
        hint = runs.damaged(run / name, "").hint or again
        hint = hint.replace(f"rm {shlex.quote(str(run / name))} && ", "")
        findings.append(Finding("missing", str(run / name), f"a file that {runs.HASHES} names", "no such file", hint))
    for name in sorted(set(here) - set(listed)):
        hint = f"rm -r {shlex.quote(str(here[name]))}"
        findings.append(Finding("unknown file", str(here[name]), f"only what {runs.HASHES} names", name, hint))
    held = [here[name] for name in sorted(set(here) & set(listed))]
    sound = 0
    for path, found in hashes(workspace, f"verify run {run.name}", held).items():
        if found == listed[path.name]:
            sound += 1
        else:
            hint = runs.damaged(path, found).hint or again
            findings.append(Finding("damaged file", str(path), f"sha256 {listed[path.name]}", found, hint))
    return findings, sound
