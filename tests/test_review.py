"""The review page: every pair in doubt once, both pictures, and the lines that decide it; decided pairs no more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
import small_corpus
from conftest import Curate

from curate import Workspace, decisions
from curate.audit import review
from curate.errors import CorpusError

NEAR = ("isic_2018:ISIC_0000002", "pad_ufes_20:PAT_0_1_1")
NEAR_TOO = ("isic_2019:ISIC_0000002", "pad_ufes_20:PAT_0_1_1")
REFUSED = ("isic_2018:ISIC_0000004", "pad_ufes_20:PAT_1_1_1")
FAMILY = ("pad_ufes_20:PAT_0_1_1", "pad_ufes_20:PAT_2_1_1")
FAR = ("isic_2018:ISIC_0000000", "pad_ufes_20:PAT_1_1_1")
SURE = ("isic_2018:ISIC_0000001", "isic_2019:ISIC_0000001")


@pytest.fixture
def built(tmp_path: Path) -> Workspace:
    workspace = small_corpus.build(tmp_path)
    edges = [("near", NEAR, 0.93), ("near", NEAR_TOO, 0.95), ("near", SURE, 0.92), ("same id", SURE, 1.0)]
    edges += [("same id", ("isic_2018:ISIC_0000002", "isic_2019:ISIC_0000002"), 1.0)]
    with workspace.database() as database:
        rows = [{"first": a, "second": b, "kind": kind, "score": score, "evidence": f"agrees to {score}"}
                for kind, (a, b), score in edges]  # fmt: skip
        database.replace("edges", pa.Table.from_pylist(rows, schema=database.table("edges").schema))
        seen = [
            {
                "first": a,
                "second": b,
                "by_places": False,
                "score": score,
                "bound": 0.92,
                "evidence": f"agrees to {score}",
            }
            for (a, b), score in ((NEAR, 0.93), (NEAR_TOO, 0.95), (SURE, 0.92), (REFUSED, 0.9), (FAR, 0.5))
        ]
        seen += [
            dict(
                zip(
                    ("first", "second", "by_places", "score", "sitting", "kin_bound", "is_kin", "evidence"),
                    row,
                    strict=True,
                )
            )
            for row in (
                (*FAMILY, True, 0.9, "sheet", 0.85, True, "agrees to 0.9"),
                ("isic_2018:ISIC_0000000", "pad_ufes_20:PAT_0_1_1", True, 0.97, "sheet", 0.85, True, "no question"),
                ("isic_2018:ISIC_0000000", "pad_ufes_20:PAT_2_1_1", True, 0.9, "lesion", 0.85, True, "claimed"),
                ("isic_2018:ISIC_0000003", "pad_ufes_20:PAT_2_1_1", True, 0.8, "sheet", 0.85, False, "two lesions"),
            )
        ]
        database.replace("near_pairs", pa.Table.from_pylist(seen, schema=database.table("near_pairs").schema))
    return workspace


def test_what_is_in_doubt_is_asked_once_and_the_rest_is_not(built: Workspace) -> None:
    asked = review.questions(built)
    assert [(question.pairs, question.row["taken"]) for question in asked] == [
        ((NEAR, NEAR_TOO), "one"),
        ((REFUSED,), "two"),
        ((FAMILY,), "family"),
    ]


def test_its_lines_decide_and_a_decided_pair_is_asked_no_more(built: Workspace, curate: Curate) -> None:
    lines = [line for question in review.questions(built) for line in question.lines["reject"]]
    built.decisions_path.write_text("\n".join(["decision,first,second,note", *lines]) + "\n", encoding="utf-8")
    read = decisions.read(built.decisions_path)
    assert list(zip(read["first"].to_pylist(), read["second"].to_pylist(), strict=True)) == [
        *(NEAR, NEAR_TOO, REFUSED, FAMILY)
    ]
    with built.database() as database:
        database.replace("decisions", read)
    assert review.questions(built) == []
    done = curate("review", root=built.root)
    assert done.returncode == 0, done.stderr
    page = (built.cache / "reports" / "review.html").read_text(encoding="utf-8")
    assert page.count("None that is in doubt") == 3


def test_the_page_shows_both_pictures_and_asks_no_network(built: Workspace, curate: Curate, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = curate("review", "--out", out, "--json", root=built.root)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    assert [question["first"] for question in report["details"]["questions"]] == [*(NEAR[0], REFUSED[0], FAMILY[0])]
    page = out.read_text(encoding="utf-8")
    assert page.count('<img src="data:image/jpeg') == 6
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    for word, (first, second) in (
        ("accept", NEAR),
        ("reject", NEAR),
        ("reject", NEAR_TOO),
        ("accept", REFUSED),
        ("reject", FAMILY),
    ):
        assert f"{word},{first},{second}," in page
    assert review.render(built, review.questions(built)) == page


def test_the_most_doubtful_come_first_and_the_rest_is_counted(built: Workspace, curate: Curate) -> None:
    done = curate("review", "--most", "1", root=built.root)
    assert "2 more, less doubtful" in done.stdout
    assert (built.cache / "reports" / "review.html").read_text(encoding="utf-8").count("<figure") == 1


def test_no_corpus_and_no_place_to_write(built: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as told:
        review.write(Workspace(tmp_path / "nothing"))
    assert told.value.hint == "curate build"
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="could not be written"):
        review.write(built, tmp_path / "file" / "page.html")
