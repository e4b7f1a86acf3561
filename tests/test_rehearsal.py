"""`dedup --dry-run` says what would change, and changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import small_corpus
from conftest import Curate

from curate.pipeline import rehearse

PAIR = ("isic_2018:ISIC_0000003", "isic_2018:ISIC_0000004")


def state(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def build(root: Path, curate: Curate) -> None:
    for stage in ("dedup", "label", "split"):
        done = curate(stage, root=root)
        assert done.returncode == 0, done.stderr


def test_a_decision_is_rehearsed_and_nothing_is_changed(tmp_path: Path, curate: Curate) -> None:
    small_corpus.build(tmp_path)
    decisions = tmp_path / "decisions.csv"
    decisions.write_text("decision,first,second,note\n")
    build(tmp_path, curate)
    assert curate("dedup", "--dry-run", root=tmp_path).returncode == 0

    decisions.write_text(f"decision,first,second,note\naccept,{','.join(PAIR)},the same\n")
    before = state(tmp_path)
    done = curate("dedup", "--dry-run", "--json", root=tmp_path)
    assert done.returncode == 1, done.stderr
    assert state(tmp_path) == before
    found = json.loads(done.stdout)
    left = [row for row in found["changes"] if row["kind"] == "left the corpus"]
    assert {each["id"] for row in left for each in row["first"]} >= {PAIR[1]}
    assert {row["now"] for row in left} == {"label conflict"}  # a nevus and a carcinoma cannot be one picture
    assert [cause["what"] for cause in found["causes"]] == ["decision"]
    told = curate("dedup", "--dry-run", root=tmp_path)
    assert "left the corpus" in told.stdout
    assert told.stdout.endswith("nothing was changed\n")

    build(tmp_path, curate)
    assert curate("dedup", "--dry-run", root=tmp_path).returncode == 0


def test_where_nothing_was_looked_at_it_is_said(tmp_path: Path, curate: Curate) -> None:
    done = curate("dedup", "--dry-run", root=tmp_path)
    assert done.returncode == 3
    assert "curate build" in done.stderr


def test_without_a_corpus_the_copies_are_counted(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path, until="dedup")
    found = rehearse(workspace)
    assert found["changes"] is None
    assert found["reports"][-1]["left_out"]["duplicate"] == 3
    with workspace.database(read_only=True) as database:
        assert not database.has("corpus")
