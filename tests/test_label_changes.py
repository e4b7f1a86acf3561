"""Other maps: what they would change is shown, nothing is changed by looking, and applied they change just that."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import small_corpus
from conftest import Curate

from curate import Workspace, pipeline, turn, whole
from curate.audit import report
from curate.errors import LabelMapError
from curate.export import card, selection
from curate.ml import dataset, shards
from curate.stages import shard

STRICT = "subtype,category,note\nactinic_keratosis,malignant,every one is treated\n"
TWO = (
    "index,category,includes,note\n0,leave,benign,nothing to treat\n1,see,precancerous;malignant,a doctor looks at it\n"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    small_corpus.build(root)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    """A copy of a small built corpus: 12 pictures of three sources, one of them an actinic keratosis."""
    return Path(shutil.copytree(built, tmp_path / "root"))


def maps(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def state(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != turn.NAME)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def classes(root: Path) -> Counter[str]:
    with Workspace(root).database(read_only=True) as database:
        return Counter(row["category"] for row in database.table("corpus").to_pylist())


def split(root: Path, curate: Curate) -> None:
    done = curate("split", root=root)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("own", [{"subtype_categories": STRICT}, {"categories": TWO}], ids=["stricter", "two"])
def test_the_effect_is_shown_before_it_is_applied_and_is_then_just_that(
    root: Path, tmp_path: Path, curate: Curate, own: dict[str, str]
) -> None:
    folder, before, was = maps(tmp_path / "own", **own), state(root), classes(root)
    shown = curate("label", "--label-maps", folder, "--json", root=root)
    assert shown.returncode == 1, shown.stderr
    assert state(root) == before
    found = json.loads(shown.stdout)
    told = curate("label", "--label-maps", folder, root=root)
    assert "--apply" in told.stdout
    assert state(root) == before

    applied = curate("label", "--label-maps", folder, "--apply", root=root)
    assert applied.returncode == 0, applied.stderr
    assert {path.name for path in (root / "label_maps").iterdir()} == {f"{name}.csv" for name in own}
    shutil.rmtree(folder)
    split(root, curate)
    sums = {row["category"]: row for row in found["categories"]}
    assert {name: row["before"] for name, row in sums.items() if row["before"]} == was
    assert {name: row["after"] for name, row in sums.items() if row["after"]} == classes(root)
    assert found["pictures"] == {"before": was.total(), "after": classes(root).total()}


@pytest.mark.parametrize("own", [{"subtype_categories": STRICT}, {"categories": TWO}], ids=["stricter", "two"])
def test_a_corpus_older_than_its_labels_is_read_by_nobody_who_does_not_know_it(
    root: Path, tmp_path: Path, curate: Curate, own: dict[str, str]
) -> None:
    folder, bias = maps(tmp_path / "own", **own), "select count(*) as n from artefact_bias"
    assert curate("sql", bias, root=root).stderr == ""
    assert curate("label", "--label-maps", folder, "--apply", "-q", root=root).returncode == 0
    for words in (("report",), ("status",), ("explain", "pad_ufes_20:PAT_0_1_1")):
        refused = curate(*words, root=root)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        for part in ("split has not run since the stage before it did", str(root), "next:     curate build"):
            assert part in refused.stderr
    assert not (root / "data_cache" / "reports" / "report.html").exists()

    asked = curate("sql", bias, "--json", root=root)
    assert asked.returncode == 0
    assert json.loads(asked.stdout)[0]["n"] >= 0, "an auditor may still look, and what is told stands apart"
    assert "split has not run since" in asked.stderr
    assert "curate build" in asked.stderr
    with pytest.warns(UserWarning, match="split has not run since"):
        Workspace(root).ask(bias)
    assert curate("review", root=root).returncode == 0, "the pairs are those of dedup, which no label changes"

    split(root, curate)
    assert curate("report", root=root).returncode == 0
    assert curate("sql", bias, root=root).stderr == ""


def test_a_label_that_nobody_mapped_leaves_the_corpus_as_it_is(root: Path, curate: Curate) -> None:
    page = root / "data_cache" / "reports" / "report.html"
    assert curate("report", root=root).returncode == 0
    told = page.read_bytes()
    maps(root / "label_maps", pad_ufes_20="source_label,subtype,category,note\nACK,bowen_disease,,\n")
    before = classes(root)
    refused = curate("label", root=root)
    assert refused.returncode == 3
    assert "pad_ufes_20: 'MEL'" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert classes(root) == before
    assert curate("report", root=root).returncode == 0
    assert page.read_bytes() == told, "it names no version of maps that labelled nothing"


def test_each_change_has_its_count_and_its_pictures(root: Path, tmp_path: Path, curate: Curate) -> None:
    folder = maps(tmp_path / "own", subtype_categories=STRICT)
    found = json.loads(curate("label", "--label-maps", folder, "--json", root=root).stdout)
    [row] = found["changes"]
    assert (row["kind"], row["was"], row["now"]) == ("category", "precancerous", "malignant")
    assert (row["source"], row["source_label"], row["now_subtype"]) == ("pad_ufes_20", "ACK", "actinic_keratosis")
    assert row["pictures"] == 1
    assert [each["id"] for each in row["first"]] == ["pad_ufes_20:PAT_0_1_1"]
    assert found["files"] == [{"name": "subtype_categories.csv", "was": None, "now": found["files"][0]["now"]}]
    text = curate("label", "--label-maps", folder, "--first", "0", root=root).stdout
    assert "pad_ufes_20 'ACK': actinic_keratosis: precancerous -> malignant" in text
    assert "PAT_0_1_1" not in text


def test_copies_whose_categories_part_are_said_to_leave(root: Path, tmp_path: Path, curate: Curate) -> None:
    own = (
        (small_corpus.MAPS / "isic_2019.csv").read_text(encoding="utf-8").replace("NV,melanocytic_nevus", "NV,melanoma")
    )
    found = json.loads(
        curate("label", "--label-maps", maps(tmp_path / "own", isic_2019=own), "--json", root=root).stdout
    )
    left = [row for row in found["changes"] if row["kind"] == "leaves the corpus"]
    assert left
    assert {row["now"] for row in left} == {"label conflict"}
    for each in (each for row in left for each in row["first"]):
        assert "says melanocytic_nevus" in each["why"]
        assert "says melanoma" in each["why"]


def test_diff_holds_the_maps_of_another_time_against_those_of_now(root: Path, tmp_path: Path, curate: Curate) -> None:
    old_maps = maps(tmp_path / "old", subtype_categories=STRICT)
    other = tmp_path / "other"
    shutil.copytree(root, other)
    assert curate("label", "--label-maps", old_maps, "--apply", "-q", root=other).returncode == 0
    before = state(root)
    by_folder, by_root, by_file = (
        json.loads(curate("label", "--diff", old, "--json", root=root).stdout)
        for old in (old_maps, other, other / "data_cache" / "corpus.duckdb")
    )
    assert by_folder == by_root == by_file
    assert state(root) == before
    [row] = by_folder["changes"]
    assert (row["was"], row["now"], row["pictures"]) == ("malignant", "precancerous", 1)
    back = json.loads(curate("label", "--diff", root, "--json", root=other).stdout)
    assert back["versions"] == {"before": by_folder["versions"]["after"], "after": by_folder["versions"]["before"]}
    assert (back["changes"][0]["was"], back["changes"][0]["now"]) == ("precancerous", "malignant")


def test_a_label_that_the_old_maps_did_not_know_enters(root: Path, tmp_path: Path, curate: Curate) -> None:
    old = maps(tmp_path / "old", pad_ufes_20="source_label,subtype,category,note\nACK,actinic_keratosis,,\n")
    found = json.loads(curate("label", "--diff", old, "--json", root=root).stdout)
    assert {row["was"] for row in found["changes"] if row["kind"] == "enters the corpus"} == {"not mapped"}
    assert found["changed"]["enters the corpus"] == found["pictures"]["after"] - found["pictures"]["before"] > 0


def test_the_same_maps_are_the_same(root: Path, tmp_path: Path, curate: Curate) -> None:
    for old in (root, small_corpus.MAPS):
        done = curate("label", "--diff", old, root=root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the maps are the same" in done.stdout
    note = (small_corpus.MAPS / "ph2.csv").read_text(encoding="utf-8").replace("common", "usual")
    done = curate("label", "--diff", maps(tmp_path / "old", ph2=note), root=root)
    assert done.returncode == 0
    assert "ph2.csv: changed" in done.stdout
    assert "no picture changes its category or subtype" in done.stdout


def test_what_is_no_map_and_no_corpus(root: Path, tmp_path: Path, curate: Curate) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    wrong = maps(tmp_path / "wrong", isic2019="source_label,subtype,category,note\n")
    for words, said in (
        (("--diff", empty), "no label maps, and no corpus"),
        (("--diff", tmp_path / "gone"), "no label maps, and no corpus"),
        (("--label-maps", empty), "there is no label map"),
        (("--label-maps", wrong), "isic2019.csv is none of the label maps"),
        (("--apply",), "--label-maps DIR"),
        (("--missing", "--label-maps", wrong), "--missing stands alone"),
    ):
        done = curate("label", *words, root=root)
        assert done.returncode == 2, done.stdout + done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_maps_that_miss_a_label_are_not_applied(root: Path, tmp_path: Path, curate: Curate) -> None:
    folder = maps(tmp_path / "own", pad_ufes_20="source_label,subtype,category,note\nACK,actinic_keratosis,,\n")
    before = state(root)
    for words in ((), ("--apply",)):
        done = curate("label", "--label-maps", folder, *words, root=root)
        assert done.returncode == 3
        assert "pad_ufes_20: 'MEL'" in done.stderr
        assert "nothing was changed" in done.stderr
    assert state(root) == before


def test_missing_lines_can_be_pasted(tmp_path: Path, curate: Curate) -> None:
    small_corpus.build(tmp_path, until="dedup")
    with duckdb.connect(str(tmp_path / "data_cache" / "corpus.duckdb")) as connection:
        connection.execute("update records set source_label = 'Naevus' where source_label = 'NEV'")
    whole.seal(tmp_path / "data_cache" / "corpus.duckdb")
    full = (small_corpus.MAPS / "pad_ufes_20.csv").read_text(encoding="utf-8").splitlines()
    own = [line for line in full if not line.startswith("MEL")]
    path = maps(tmp_path / "label_maps", pad_ufes_20="\n".join(own) + "\n") / "pad_ufes_20.csv"
    refused = curate("label", root=tmp_path)
    assert refused.returncode == 3
    assert "pad_ufes_20: 'MEL' (3 records)" in refused.stderr
    done = curate("label", "--missing", "--json", root=tmp_path)
    assert done.returncode == 1
    found = {row["label"]: row for row in json.loads(done.stdout)["missing"]}
    assert {label: row["records"] for label, row in found.items()} == {"MEL": 3, "Naevus": 1}
    assert found["MEL"]["proposed"] == "melanoma"
    assert next(csv.reader([found["Naevus"]["line"]])) == ["Naevus", "?", "", "1 record"]

    told = curate("label", "--missing", root=tmp_path).stdout
    with path.open("a", encoding="utf-8") as file:
        file.write(told)
    open_ = curate("label", root=tmp_path)
    assert open_.returncode == 3, "what a person has to decide is not passed over"
    assert "no subtype '?'" in open_.stderr
    path.write_text(path.read_text(encoding="utf-8").replace("?", "melanocytic_nevus"), encoding="utf-8")
    assert curate("label", "--missing", root=tmp_path).returncode == 0, (
        "the maps as they are now, not as label saw them"
    )
    assert curate("label", root=tmp_path).returncode == 0
    assert curate("label", "--missing", root=tmp_path).returncode == 0


def test_missing_proposes_the_shipped_lines_that_a_map_of_the_root_hides(tmp_path: Path, curate: Curate) -> None:
    small_corpus.build(tmp_path, until="dedup")
    shipped = {name: (small_corpus.MAPS / f"{name}.csv").read_text(encoding="utf-8") for name in ("isic_2018", "ph2")}
    header = "source_label,subtype,category,note\n"
    own = maps(tmp_path / "label_maps", isic_2019=header, pad_ufes_20=f"{header}ACK,actinic_keratosis,,\n", **shipped)
    done = curate("label", "--missing", "--json", root=tmp_path)
    found = {(row["file"], row["label"]): row for row in json.loads(done.stdout)["missing"]}
    assert found["pad_ufes_20.csv", "NEV"]["proposed"] == "melanocytic_nevus"
    assert found["pad_ufes_20.csv", "NEV"]["why"] == "as in the pad_ufes_20.csv that ships"
    unknown = next(csv.reader([found["isic_2019.csv", "UNK"]["line"]]))
    assert unknown[:3] == ["UNK", "", ""], "out of scope, as the map that ships has it"
    assert unknown[3].startswith("1 record; proposed: as in the isic_2019.csv that ships: none of the eight classes")
    for source in ("isic_2019", "pad_ufes_20"):
        with (own / f"{source}.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{row['line']}\n" for (name, _), row in found.items() if name == f"{source}.csv")
    assert curate("label", root=tmp_path).returncode == 0
    assert curate("label", "--missing", root=tmp_path).returncode == 0


def test_a_shipped_line_is_not_proposed_where_the_roots_taxonomy_lacks_its_subtype(
    tmp_path: Path, curate: Curate
) -> None:
    small_corpus.build(tmp_path, until="dedup")
    rows = "index,subtype,category,umbrella_of\n0,growth,benign,\n1,melanoma,malignant,\n"
    header, sources = "source_label,subtype,category,note\n", Workspace(tmp_path).manifests
    own = dict.fromkeys((*sources, "ambiguous"), header) | {"taxonomy": rows}
    own["ambiguous"] = "source,source_label,decided_by,decided_label,subtype\n"
    maps(tmp_path / "label_maps", **own)
    found = json.loads(curate("label", "--missing", "--json", root=tmp_path).stdout)["missing"]
    proposed = {(row["label"], row["proposed"]) for row in found if row["file"] == "pad_ufes_20.csv"}
    assert proposed == {("ACK", ""), ("MEL", "melanoma"), ("NEV", "")}


def test_one_label_is_one_and_the_folder_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_corpus.build(tmp_path, until="dedup")
    text = (small_corpus.MAPS / "pad_ufes_20.csv").read_text(encoding="utf-8")
    maps(tmp_path / "label_maps", pad_ufes_20=text.replace("NEV,", "Naevus,"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabelMapError, match="1 label occurs that no map knows") as caught:
        pipeline.run("label", Workspace(Path()))
    assert caught.value.where == str(tmp_path / "label_maps")
    assert caught.value.found == "pad_ufes_20: 'NEV' (1 record)"


def test_missing_says_how_to_begin_a_file_that_the_root_does_not_have(tmp_path: Path) -> None:
    from curate import unmapped

    workspace = small_corpus.build(tmp_path, hostile=True)
    (tmp_path / "label_maps" / "pad_ufes_20.csv").unlink()
    workspace = Workspace(tmp_path)
    with pytest.raises(Exception, match="no map knows"):
        pipeline.run("label", workspace)
    with workspace.database(read_only=True) as database:
        found = unmapped.missing(database, workspace)
    [each] = found
    assert next(csv.reader([each.line]))[0] == each.label, "whatever strangers call a disease"
    text = "\n".join(unmapped.lines(found, workspace))
    assert f"cp {workspace.label_maps['pad_ufes_20.csv']} {tmp_path / 'label_maps' / 'pad_ufes_20.csv'}" in text


def test_all_that_follows_has_the_declared_categories(root: Path, tmp_path: Path, curate: Curate) -> None:
    maps(root / "label_maps", categories=TWO)
    workspace = Workspace(root, workers=1)
    told = pipeline.run("label", workspace)
    assert told.details["categories"] == ["leave", "see"]
    assert any("of your own: categories.csv" in note for note in told.notes)
    pipeline.run("split", workspace)
    assert set(classes(root)) == {"leave", "see"}
    folder = Path(shard.run(workspace).details["folder"])
    index = shards.read_index(folder)
    assert index["labels"]["category_index"] == ["leave", "see"]
    assert len(index["labels"]["subtype_index"]) == 52
    assert index["label_map_version"] == told.details["version"]
    assert dataset.names_of(folder, "category") == ["leave", "see"]
    counted: Counter[str] = Counter()
    for split_ in index["splits"].values():
        counted.update(split_["category"])
    assert counted == classes(root)

    html = report.render(workspace)
    assert "a doctor looks at it" in html
    assert told.details["version"] in html
    for gone in ("precancerous", "malignant:"):
        assert gone not in html
    with workspace.database(read_only=True) as database:
        for view in ("class_balance", "source_balance", "split_balance", "category_by_skin_tone"):
            assert {row["category"] for row in database.table(view).to_pylist()} <= {"leave", "see"}
        bias = database.table("artefact_bias").to_pylist()
        corpus = database.table("corpus").to_pylist()
    worst = Counter(row["source"] for row in corpus if row["category"] == "see" and row["hair"] is not None)
    hair = {row["source"]: row["malignant_pictures"] for row in bias if row["artefact"] == "hair"}
    assert {source: count for source, count in hair.items() if count} == worst
    chosen = selection.select(workspace)
    assert "| leave |" in card.card(chosen, "splits")
    assert "See: a doctor looks at it." in card.card(chosen, "splits")
    done = curate("export", "imagefolder", "--out", tmp_path / "out", root=root)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").glob("*/*") if path.is_dir()} >= {"leave", "see"}
    assert not list((tmp_path / "out").glob("*/precancerous"))


def test_shards_say_by_which_maps_they_were_labelled_not_which_lie_there_now(root: Path) -> None:
    workspace = Workspace(root, workers=1)
    first = shards.read_index(Path(shard.run(workspace).details["folder"]))
    maps(root / "label_maps", subtype_categories=STRICT)
    again = Workspace(root, workers=1)
    assert shards.read_index(Path(shard.run(again).details["folder"]))["key"] == first["key"]
    pipeline.run("label", again)
    pipeline.run("split", again)
    later = shards.read_index(Path(shard.run(again).details["folder"]))
    assert later["label_map_version"] != first["label_map_version"]
    assert set(later["label_maps"]) - set(first["label_maps"]) == {"subtype_categories.csv"}


def spoil(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop table categories")
        connection.execute("alter table labels drop column is_settled")
        connection.execute("alter table corpus rename column category_index to class")
    whole.seal(database)  # as another version would have left it


@pytest.mark.parametrize("words", [("report",), ("shard",), ("export", "splits"), ("label", "--diff")], ids=" ".join)
def test_a_corpus_of_another_version_is_said_to_be_one(
    root: Path, tmp_path: Path, curate: Curate, words: tuple[str, ...]
) -> None:
    other = Path(shutil.copytree(root, tmp_path / "other"))
    spoil(other / "data_cache" / "corpus.duckdb")
    more: dict[str, list[Any]] = {"export": ["--out", tmp_path / "out"]}
    here = root if words[-1] == "--diff" else other
    done = curate(*words, *more.get(words[0], [other] if here == root else []), root=here)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for part in ("another version of curate", str(other), "expected:", "next:"):
        assert part in done.stderr
    for stage in ("label", "split", "report"):
        assert curate(stage, root=other).returncode == 0, "what label and split leave is made anew"


@pytest.mark.parametrize("words", [("label", "--diff"), ("dedup", "--dry-run")], ids=" ".join)
def test_what_fails_on_a_copy_is_said_of_the_corpus(
    root: Path, tmp_path: Path, curate: Curate, words: tuple[str, ...]
) -> None:
    path = root / "data_cache" / "corpus.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("alter table records drop column source_label")
    old = [maps(tmp_path / "old", subtype_categories=STRICT)] if words[0] == "label" else []
    done = curate(*words, *old, root=root)
    assert done.returncode == 3, done.stdout + done.stderr
    for part in ("another version of curate", f"where:    {path}\n", f"curate --root {root} build", f"rm {path}\n"):
        assert part in done.stderr
    assert "data_cache/." not in done.stderr


def test_a_table_that_a_stage_of_another_version_did_not_leave_is_said_to_be_that(root: Path, curate: Curate) -> None:
    with duckdb.connect(str(root / "data_cache" / "corpus.duckdb")) as connection:
        connection.execute("drop table tone_bounds")
    done = curate("report", root=root)
    assert done.returncode == 3
    assert "another version of curate" in done.stderr
    assert "tone_bounds" in done.stderr
    assert "has not run yet" not in done.stderr
