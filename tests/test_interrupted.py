"""Shards that a run was stopped at, that two runs want at once, or that are damaged: whole, or not there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interrupted import bound_by_modes, flip, stop_shard
from test_shards import _hashes, _workspace

from curate import whole
from curate.audit import verify
from curate.audit.leftovers import leftovers
from curate.errors import CorpusError
from curate.ml import runs, shards
from curate.stages import shard
from curate.workspace import Workspace


def _sets(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in (workspace.cache / "shards").iterdir() if path.name != "current")


def _again(workspace: Workspace, recipe: str) -> Path:
    """Write the shards of another recipe; return their folder."""
    (workspace.root / "curate.toml").write_text(recipe, encoding="utf-8")
    return Path(shard.run(Workspace(workspace.root, workers=1)).details["folder"])


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, by: signal.Signals) -> None:
    workspace = _workspace(tmp_path / "root")
    assert stop_shard(workspace.root, by) in (-signal.SIGINT, 128 + signal.SIGTERM)
    assert _sets(workspace) == []


def test_what_a_killed_run_leaves_is_told_and_swept_by_the_next(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    assert stop_shard(workspace.root, signal.SIGKILL) == -signal.SIGKILL
    (left,) = _sets(workspace)
    assert left.startswith(".")
    (told,) = leftovers(workspace)
    assert told in verify.run(workspace).notes
    assert told.endswith(f"to remove: rm -r {workspace.cache / 'shards' / left}")
    folder = _again(workspace, "[shard]\nquality = 80\n")  # other shards than those that it was killed at
    assert _sets(workspace) == [folder.name]
    assert leftovers(workspace) == []


def test_a_line_that_removes_leftovers_does_so(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "a root")
    stop_shard(workspace.root, signal.SIGKILL)
    _again(workspace, "")
    _again(workspace, "[shard]\nquality = 80\n")
    other = _workspace(tmp_path / "other")
    stop_shard(other.root, signal.SIGKILL)
    (left,) = (other.cache / "shards").iterdir()
    shutil.copytree(left, workspace.cache / "shards" / left.name)
    told = leftovers(workspace)
    assert len(told) == 2
    for sentence in told:
        subprocess.run(re.sub(".*to remove: ", "", sentence), shell=True, check=True, cwd=tmp_path)
    assert leftovers(workspace) == []
    assert len(_sets(workspace)) == 1


def test_a_folder_of_another_name_or_owner_is_not_swept(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    foreign = workspace.cache / "shards" / ".mine.part-download"
    foreign.mkdir(parents=True)
    (foreign / "half.bin").write_bytes(b"of another program")
    os.utime(foreign, (time.time() - 10 * 86_400,) * 2)
    shard.run(workspace)
    assert (foreign / "half.bin").is_file()


def test_a_killed_export_is_swept_by_the_next_one_there(tmp_path: Path) -> None:
    with whole.folder(tmp_path / "here" / "first"):
        running = [path.name for path in (tmp_path / "here").iterdir()]
        script = "import os,sys; from pathlib import Path; from curate import whole\n"
        script += "with whole.folder(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "here" / "second")], check=False, timeout=60)
        assert len(list((tmp_path / "here").iterdir())) == 2
        with whole.folder(tmp_path / "here" / "third"):
            pass
        assert sorted(path.name for path in (tmp_path / "here").iterdir()) == sorted([*running, "third"])


def test_two_runs_at_once(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    home = Path(shard.run(workspace).details["folder"])
    shutil.rmtree(home)
    with whole.folder(home) as part:
        (part / "half").touch()
        with pytest.raises(CorpusError, match=f"another curate is writing {home.name}") as told:
            shard.run(workspace)
        assert str(os.getpid()) in str(told.value.found)
        assert "wait" in str(told.value.hint)
        assert (part / "half").exists()
    assert [path.name for path in home.iterdir()] == ["half"]
    assert shard.run(workspace).made, "what the other has left is no set of shards"


def test_two_runs_at_the_same_moment(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    command = [sys.executable, "-m", "curate", "--root", str(workspace.root), "shard"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        told = each.communicate(timeout=120)[1]
        assert each.returncode == 0 or "another curate" in told, told
    assert 0 in [each.returncode for each in both]
    assert _sets(workspace) == [shards.latest(workspace.cache / "shards").name]
    assert verify.run(workspace).exit_code == 0


@pytest.mark.parametrize(
    "name",
    ["index.json", "index.json.sha256", "features.json", "ATTRIBUTION.txt", "subtype_index.labels.txt", "shard", "cut"],
)
def test_damaged_shards_are_made_anew(tmp_path: Path, name: str) -> None:
    workspace = _workspace(tmp_path / "root")
    folder = Path(shard.run(workspace).details["folder"])
    before = _hashes(folder)
    first = shards.files_of(folder, "train")[0]
    if name == "shard":
        first.unlink()
    elif name == "cut":
        first.write_bytes(first.read_bytes()[:-1])
    else:
        flip(folder / name)
    report = shard.run(workspace)
    assert (report.made > 0, report.there) == (True, 0)
    assert any("damaged" in note and "made anew" in note for note in report.notes)
    assert _hashes(folder) == before
    assert _sets(workspace) == [folder.name]
    assert shard.run(workspace).there


def test_damaged_shards_stay_until_others_are_whole(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    folder = Path(shard.run(workspace).details["folder"])
    flip(folder / "features.json")
    before = _hashes(folder)
    assert stop_shard(workspace.root, signal.SIGINT) == -signal.SIGINT
    assert _hashes(folder) == before
    assert _sets(workspace) == [folder.name]


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    (workspace.cache / "shards").mkdir(mode=0o555)
    done = bound_by_modes("--root", workspace.root, "shard")
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "the shards could not be written" in done.stderr
    assert "Permission denied" in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    assert _sets(workspace) == []


def test_older_shards_are_told_unless_a_run_stands_on_them(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    first = _again(workspace, "")
    assert leftovers(workspace) == []
    second = _again(workspace, "[shard]\nquality = 80\n")
    third = _again(workspace, "[shard]\nquality = 70\n")
    run = workspace.cache / "runs" / "0123456789abcdef"
    run.mkdir(parents=True)
    runs.write_json(run / "recipe.json", {"shards": first.name})
    removable, kept = leftovers(workspace)
    assert str(second) in removable
    assert not any(each.name in removable for each in (first, third))
    assert first.name in kept
    assert "rm -r" not in kept
    (run / "recipe.json").write_text("{", encoding="utf-8")
    assert leftovers(workspace) == [], "what a run stands on is not known"
