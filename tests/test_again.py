"""A build after a build: what is passed over was proven, and the corpus is always that of a build from nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pyarrow as pa
import pytest
from conftest import Curate
from drawn_sheets import picture

from curate import encoded_before, fitness, pipeline, proofs, turn, whole
from curate.db import Database
from curate.errors import CorpusError
from curate.images import codec
from curate.recipe import RANGES, Recipe
from curate.report import Report
from curate.stages import shard
from curate.workspace import Workspace

MANIFEST = """\
name = "{name}"
title = "{name}"
parser = "table"
namespace = "{name}"
released = 2025
modality = "dermoscopic"
license = "CC0-1.0"
license_url = "https://example.org/licence"
redistribution = "yes"
attribution = "{name}"
citation = ["{name}"]
homepage = "https://example.org"
access = "manual"
instructions = "Place it."

[columns]
image = "file"
label = "diagnosis"
patient_id = "patient"

[[files]]
name = "labels.csv"
role = "labels"

[[files]]
name = "pictures.zip"
role = "pictures"
members = ["*.jpg"]
"""
MAP = "source_label,subtype,category,note\nnaevus,melanocytic_nevus,,\nbasaliom,basal_cell_carcinoma,,\n"
RECIPE = '[corpus]\nsources = ["clinic", "ward"]\n[shard]\nshort_side = 32\n'
TABLES = (
    *("sources", "mode", "records", "pictures", "decisions", "candidates", "edges", "twins", "own_maps", "labels"),
    *("twin_labels", "metadata", "families", "splits", "exclusions", "corpus", "built_with", "built_from"),
)


def declare(root: Path, *names: str) -> None:
    """Give the root sources of its own, of which nothing is here yet."""
    for folder in ("manifests", "label_maps"):
        (root / folder).mkdir(parents=True)
    for name in names:
        (root / "manifests" / f"{name}.toml").write_text(MANIFEST.format(name=name), encoding="utf-8")
        (root / "label_maps" / f"{name}.csv").write_text(MAP, encoding="utf-8")
    (root / "curate.toml").write_text(RECIPE, encoding="utf-8")


def place(root: Path, name: str, seeds: range) -> None:
    """Place drawn pictures of a source, two of each patient; pictures of one seed are the same."""
    folder = root / "placed" / name
    folder.mkdir(parents=True)
    rows = [f"{seed}.jpg,{'naevus' if seed % 3 else 'basaliom'},{name}{seed // 2}\n" for seed in seeds]
    (folder / "labels.csv").write_text("file,diagnosis,patient\n" + "".join(rows), encoding="utf-8")
    for seed in seeds:
        (folder / f"{seed}.jpg").write_bytes(codec.encode(picture(56, 64, seed), "JPEG"))


def build(root: Path, **words: Any) -> dict[str, Report]:
    """Build, and return the reports by stage."""
    return {report.stage: report for report in pipeline.build(Workspace(root, workers=1), **words)}


def ran(reports: dict[str, Report]) -> list[str]:
    return [stage for stage, report in reports.items() if not report.nothing_new]


def corpus(root: Path, *, with_shards: bool = True) -> dict[str, Any]:
    """Return all that a build leaves and a user sees: the rows of its tables, the lock's words on it, its shards."""
    workspace = Workspace(root)
    with workspace.database(read_only=True) as database:
        said: dict[str, Any] = {name: sorted(map(str, database.table(name).to_pylist())) for name in TABLES}
    said["lock"] = dataclasses.asdict(workspace.lock().corpus)  # type: ignore[arg-type]
    if with_shards:
        folder = workspace.cache / "shards" / (workspace.cache / "shards" / "current").read_text().strip()
        hashed = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()
        }
        said["shards"] = folder.name, hashed
    return said


def from_nothing(root: Path, folder: Path, **words: Any) -> dict[str, Any]:
    """Return what a build of the same files gives where nothing was built before."""
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("data_cache", "corpus.lock.json"))
    assert not any(report.problems for report in build(folder, **words).values())
    return corpus(folder, with_shards=not words.get("labels_only"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which one of two sources was built."""
    root = tmp_path_factory.mktemp("again") / "root"
    declare(root, "clinic", "ward")
    place(root, "clinic", range(6))
    assert len(build(root)) == len(pipeline.STAGES)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of it of one's own; `copy2` keeps the times, as the proofs ask for."""
    return Path(shutil.copytree(made, tmp_path / "root"))


def test_nothing_new_is_said_and_nothing_is_written(root: Path, curate: Curate) -> None:
    def times() -> dict[Path, tuple[int, int]]:  # of all but the lock, which says who holds it
        found = (path for path in root.rglob("*") if path.name != turn.NAME)
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = times()
    reports = build(root)
    assert ran(reports) == []
    assert [report.made for report in reports.values()] == [0] * len(pipeline.STAGES)
    assert reports["split"].there == reports["shard"].there == 6
    assert times() == before
    done = curate("build", root=root)
    assert (done.returncode, done.stdout.count("there already, nothing new")) == (0, len(pipeline.STAGES))
    told = json.loads(curate("--json", "build", root=root).stdout)
    assert all(report["nothing_new"] for report in told["reports"])
    alone = json.loads(curate("--json", "dedup", root=root).stdout)
    assert not alone["reports"][0]["nothing_new"], "a stage that is asked for by its name runs"


def _other(knob: str, kind: Any, value: Any) -> Any:
    """Return another value that a knob can have."""
    if isinstance(value, bool):
        return not value
    if get_args(kind) and isinstance(value, str):
        return next(choice for choice in get_args(kind) if choice != value)
    if isinstance(value, tuple):
        return ("clinic",) if knob == "corpus.sources" else ("histopathology",)
    if isinstance(value, str):
        return f"{value}_2"
    least, most = RANGES[knob]
    return next(other for other in (value + 1, value - 1, value / 2, value + 3) if least <= other <= most)


def _first_to_run(workspace: Workspace) -> str | None:
    """Return the first stage that a build would not pass over."""
    standing = proofs.standing(workspace, labels_only=False)
    behind = [stage for stage in proofs.BEFORE if stage not in standing]
    return None if behind == ["shard"] and shard.standing(workspace) else behind[0]


def _knobs(recipe: Recipe) -> dict[str, Recipe]:
    """Return the recipe with one knob changed, by knob, for all that a corpus follows from."""
    changed = {}
    for section in ("corpus", "tone", "dedup", "label", "split", "shard"):
        old = getattr(recipe, section)
        for name, kind in get_type_hints(type(old)).items():
            new = dataclasses.replace(old, **{name: _other(f"{section}.{name}", kind, getattr(old, name))})
            changed[f"{section}.{name}"] = dataclasses.replace(recipe, **{section: new})
    return changed


class _Watched:
    """A recipe, or a section of it, that notes which knobs are looked at."""

    def __init__(self, real: Any, seen: set[str], section: str = "") -> None:
        self._real, self._seen, self._section = real, seen, section

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if self._section:
            self._seen.add(f"{self._section}.{name}")
            return value
        return _Watched(value, self._seen, name) if dataclasses.is_dataclass(value) else value

    def knobs(self, section: str) -> dict[str, Any]:
        self._seen.update(found := self._real.knobs(section))
        return found  # type: ignore[no-any-return]


def test_no_stage_looks_at_a_knob_that_does_not_make_it_run(root: Path) -> None:
    recipe = Workspace(root).recipe
    makes_run = {}
    for knob, other in _knobs(recipe).items():
        workspace = Workspace(root)
        workspace.__dict__["recipe"] = other
        makes_run[knob] = _first_to_run(workspace)
    assert None not in makes_run.values()
    assert _first_to_run(Workspace(root)) is None
    order = list(proofs.BEFORE)
    looked: dict[str, set[str]] = {}
    for stage in order:
        workspace = Workspace(root, workers=1)
        workspace.__dict__["recipe"] = _Watched(recipe, looked.setdefault(stage, set()))
        if stage == "shard":  # so that it has to write them
            shutil.rmtree(workspace.cache / "shards")
        pipeline.run(stage, workspace)
    for stage, knobs in looked.items():
        late = [knob for knob in knobs if knob in makes_run and order.index(makes_run[knob] or "") > order.index(stage)]
        assert not late, f"{stage} looks at {late}, and would not run"
    assert looked["shard"] >= {"shard.quality", "shard.short_side", "shard.hair_removal", "shard.pictures_per_shard"}


def _line(path: str, text: str) -> Callable[[Path], None]:
    def add(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return add


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new), encoding="utf-8")

    return change


MANIFEST_CHANGE = ("manifests/clinic.toml", 'attribution = "clinic"', 'attribution = "Clinic"')
WITHDRAWN = "decision,first,second,note\nwithdraw,clinic:2.jpg,,\n"
CHANGES: dict[str, Callable[[Path], None]] = {
    "fetch": lambda root: place(root, "ward", range(4, 9)),
    "parse": _edit(*MANIFEST_CHANGE),
    "inspect": _line("curate.toml", '[tone]\nbounds = "kinyanjui_2020"\n'),
    "dedup": _line("decisions.csv", WITHDRAWN),
    "label": _edit("label_maps/clinic.csv", "basaliom,basal_cell_carcinoma", "basaliom,melanoma"),
    "split": _line("curate.toml", '[split]\nsalt = "other"\n'),
    "shard": _edit("curate.toml", "short_side = 32", "short_side = 32\nquality = 60"),
}
"""By the first stage that has to do with it: what a later one leaves is not made again by those before it."""


def test_after_any_changes_the_corpus_is_that_of_a_build_from_nothing(root: Path, tmp_path: Path) -> None:
    for first, change in CHANGES.items():
        change(root)
        if first == "fetch":  # by two builds
            assert ran(build(root, until="inspect")) == ["fetch", "parse", "inspect"]
            first = "dedup"
        assert ran(build(root)) == list(pipeline.STAGES[pipeline.STAGES.index(first) :])
        assert ran(build(root)) == []
    assert corpus(root) == from_nothing(root, tmp_path / "nothing")


def _older(root: Path, *, seal: bool = False) -> None:
    """Build with another salt, then put the database back as it was before, and the recipe too; or with its seal."""
    cache, recipe = root / "data_cache", root / "curate.toml"
    names = ["corpus.duckdb", *(["corpus.duckdb.sha256"] if seal else [])]
    for name in names:
        shutil.copy2(cache / name, root / name)
    recipe.write_text(RECIPE + '[split]\nsalt = "other"\n', encoding="utf-8")
    build(root)
    for name in names:
        shutil.move(root / name, cache / name)
    recipe.write_text(RECIPE, encoding="utf-8")


def _bad_decision(root: Path) -> None:
    """Let dedup fail after it has begun, and take its reason away again."""
    (root / "decisions.csv").write_text("decision,first,second,note\nwithdraw,clinic:none,,\n", encoding="utf-8")
    with pytest.raises(Exception, match="which no record is called"):
        build(root)
    (root / "decisions.csv").unlink()


def _labels_alone(root: Path) -> None:
    assert "parse" in ran(build(root, labels_only=True))
    assert ran(build(root, labels_only=True)) == ["shard"], "it says that there is nothing to write"


def _stranger(root: Path) -> None:
    """Change a row by other means than curate's."""
    import duckdb

    with duckdb.connect(str(root / "data_cache" / "corpus.duckdb")) as connection:
        connection.execute("update corpus set sex = 'other'")


def _killed_stranger(root: Path) -> None:
    """Change a row by other means than curate's, so that the file itself is not touched yet."""
    path = str(root / "data_cache" / "corpus.duckdb")
    change = "import duckdb, os, sys; held = duckdb.connect(sys.argv[1])"
    change += "; held.execute(sys.argv[2]); os._exit(0)"
    subprocess.run([sys.executable, "-c", change, path, "update corpus set sex = 'other'"], check=True)
    assert Path(f"{path}.wal").exists()


def _lose_object(root: Path) -> None:
    next(path for path in (root / "data_cache" / "objects").glob("*/*")).unlink()


def _cut(root: Path) -> None:
    path = next(path for path in (root / "data_cache" / "shards").glob("*/*.tfrecord-*") if path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1])


def _of_another_code(root: Path) -> None:
    """Leave a proof that other code has left."""
    with Workspace(root).database() as database:
        made_with = database.table("made_with").to_pylist()
        for row in made_with:
            if (row["stage"], row["kind"]) == ("label", "proof"):
                row["value"] = json.dumps("0" * 64)
        database.replace("made_with", database.table("made_with").from_pylist(made_with))


def _edited_lock(root: Path) -> None:
    path = root / "corpus.lock.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"pictures": 6', '"pictures": 7'), encoding="utf-8")


def _shard_alone(root: Path) -> None:
    """Write shards while a manifest says something else; then let it say again what it said."""
    path, old, new = MANIFEST_CHANGE
    _edit(path, old, new)(root)
    pipeline.run("shard", Workspace(root, workers=1))
    _edit(path, new, old)(root)


DAMAGED = "damaged"  # by its hash; it is refused, and made anew
HARMS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "an object is lost": ("fetch", _lose_object),
    "the database is an older one": (DAMAGED, _older),
    "the database is an older one, whole": ("split", lambda root: _older(root, seal=True)),
    "the database has no seal": ("parse", lambda root: (root / "data_cache/corpus.duckdb.sha256").unlink()),
    "a stranger wrote into it": (DAMAGED, _stranger),
    "a stranger was killed": ("parse", _killed_stranger),
    "labels alone in between": ("parse", _labels_alone),
    "dedup was stopped": ("dedup", _bad_decision),
    "dedup alone in between": ("label", lambda root: pipeline.run("dedup", Workspace(root, workers=1))),
    "shard alone, and another manifest": ("shard", _shard_alone),
    "other code": ("label", _of_another_code),
    "the lock was edited": ("split", _edited_lock),
    "no proofs": ("split", lambda root: (root / "data_cache/proofs.json").unlink()),
    "a shard is cut": ("shard", _cut),
    "the pointer is gone": ("shard", lambda root: (root / "data_cache/shards/current").unlink()),
    "the shards are gone": ("shard", lambda root: shutil.rmtree(root / "data_cache/shards")),
}


@pytest.mark.parametrize("harm", HARMS)
def test_after_any_harm_the_corpus_is_what_it_was(root: Path, made: Path, harm: str) -> None:
    first, do = HARMS[harm]
    do(root)
    if first == DAMAGED:
        with pytest.raises(CorpusError, match="the corpus database is damaged"):
            build(root)
        (root / "data_cache" / "corpus.duckdb").unlink()
        first = "parse"
    stages = ran(build(root))
    assert stages[0] == first
    assert corpus(root) == corpus(made)
    assert ran(build(root)) == []


def test_what_the_last_shards_hold_is_not_encoded_anew(root: Path, tmp_path: Path) -> None:
    place(root, "ward", range(6, 10))
    report = build(root)["shard"]
    assert (report.made, report.details["taken"]) == (10, 6)
    assert corpus(root) == from_nothing(root, tmp_path / "nothing")
    # Fewer pictures, in shards of another size; the file of one of the last is damaged in a picture.
    _edit("curate.toml", "short_side = 32", "short_side = 32\npictures_per_shard = 2")(root)
    _line("decisions.csv", WITHDRAWN)(root)
    (path,) = Path(report.details["folder"]).glob("*-train.tfrecord-*")
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)
    report = build(root)["shard"]
    assert report.made == 9
    assert 0 < report.details["taken"] < 9
    assert corpus(root) == from_nothing(root, tmp_path / "fewer")


def test_no_stage_builds_on_claims_under_another_manifest_than_those_before_it(root: Path) -> None:
    pipeline.run("parse", Workspace(root), sources=["clinic"])
    pipeline.run("label", Workspace(root, workers=1))  # nothing is new
    _edit(*MANIFEST_CHANGE)(root)
    assert pipeline.run("parse", Workspace(root)).made == 0
    with pytest.raises(CorpusError, match="inspect has not run since"):
        pipeline.run("split", Workspace(root))


def test_shards_of_the_same_name_that_were_put_there_are_not_those_that_were_made(root: Path, tmp_path: Path) -> None:
    folder = shard.standing(Workspace(root))
    assert folder
    index = folder / "index.json"
    said = json.loads(index.read_text(encoding="utf-8"))
    said["made_with"]["pillow"] = "1.0"  # an older copy, then
    index.write_text(json.dumps(said), encoding="utf-8")
    whole.seal(index)
    place(root, "ward", range(6, 8))
    assert build(root)["shard"].details["taken"] == 0
    assert corpus(root) == from_nothing(root, tmp_path / "nothing")


def test_pictures_that_other_code_encoded_are_encoded_anew(root: Path, tmp_path: Path) -> None:
    place(root, "ward", range(6, 8))
    path = root / "data_cache" / "proofs.json"
    left = json.loads(path.read_text(encoding="utf-8"))["left"]
    left["shard"]["encoded_by"] = "0" * 64
    path.write_text(proofs._form(left), encoding="utf-8")
    assert build(root)["shard"].details["taken"] == 0
    assert corpus(root) == from_nothing(root, tmp_path / "nothing")


def test_a_tile_that_lies_elsewhere_on_its_sheet_is_not_taken(tmp_path: Path) -> None:
    marks = []
    tile = {"id": "asan:sheet/1", "sha256": "0" * 64, "cell": 1, "box_top": 4, "box_width": 90, "box_height": 90}
    for left in (4, 5, 4):
        with Database(tmp_path / "corpus.duckdb", create=True) as database:
            database.replace("records", pa.table({"id": ["asan:sheet/1"], "source": ["asan"]}))
            database.replace("pictures", pa.Table.from_pylist([tile | {"box_left": left}]))
            marks.append(encoded_before.tile_marks(database))
    assert marks[0] == marks[2] != marks[1]


def test_all_that_a_stage_reads_of_curate_itself_is_its_code() -> None:
    package = Path(proofs.__file__).parent
    kinds = {path.suffix for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    shown = {".js", ".css"}  # on pages, which no stage makes
    published = {".csv", ".toml"}  # of the sources, also in an installed package: what of them is read is hashed itself
    assert kinds - shown - published == set(fitness.READ)
