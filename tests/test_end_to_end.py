"""The whole way on the drawn world: every trap ends as it must, nothing is done twice, any way gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Curate

from curate import Workspace, pipeline
from curate.audit.ledger import ledger
from curate.audit.story import lines, story
from curate.demo.server import serve
from curate.demo.world import World, make
from curate.manifest import read_all
from curate.workspace import shipped


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make(tmp_path_factory.mktemp("world"), size="tiny")


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serve(world.served) as base:
        world.write_manifests(base, read_all(shipped("manifests")))
        yield base


def root_of(world: World, folder: Path, workers: int = 2) -> Workspace:
    shutil.copytree(world.manifests, folder / "manifests")
    return Workspace(folder, workers=workers)


def build(workspace: Workspace, sources: list[str] | None = None, **words: object) -> list[dict[str, object]]:
    chosen = sources if sources is not None else list(workspace.manifests)
    reports = list(pipeline.build(workspace, chosen, accept_license=True, **words))  # type: ignore[arg-type]
    assert not any(report.problems for report in reports), [report.problems for report in reports]
    return [report.as_dict() for report in reports]


@pytest.fixture(scope="module")
def built(world: World, address: str, demo: Workspace) -> Workspace:
    """The corpus of the same world as two workers built it, in a folder other than where they did."""
    shutil.copytree(world.manifests, demo.root / "manifests", dirs_exist_ok=True)  # with the address of this server
    return demo


def shards(workspace: Workspace) -> dict[str, str]:
    key = (workspace.cache / "shards" / "current").read_text().strip()
    folder = workspace.cache / "shards" / key
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def outcomes(workspace: Workspace) -> dict[str, tuple[str | None, str | None, str | None]]:
    with workspace.database(read_only=True) as database:
        found = {row["id"]: (None, row["category"], row["subtype"]) for row in database.table("corpus").to_pylist()}
        for row in database.table("exclusions").to_pylist():
            assert row["id"] not in found
            found[row["id"]] = (row["reason"], None, None)
    return found


def test_a_lesion_mask_tells_the_skin_where_a_source_has_one(built: Workspace) -> None:
    with built.database(read_only=True) as database:
        pictures = [row for row in database.table("corpus").to_pylist() if row["sha256"] is not None]
        masked = {row["sha256"] for row in database.table("masked_tones").to_pylist()}
    methods = {
        source: {row["tone_ita_method"] for row in pictures if row["source"] == source} for source in ("ph2", "asan")
    }
    assert {method.rpartition("+")[2] for method in methods["ph2"]} == {"mask"}
    assert not any("mask" in method for method in methods["asan"])
    assert masked >= {row["sha256"] for row in pictures if row["source"] == "ph2"}


def test_every_planted_record_is_claimed_and_ends_in_one_place(world: World, built: Workspace) -> None:
    assert set(outcomes(built)) == {record.id for record in world.records}
    assert ledger(built)["balances"]


def test_every_trap_has_the_reason_that_was_planted(world: World, built: Workspace) -> None:
    found = outcomes(built)
    wrong = {
        record.id: (record.reason, found[record.id][0], record.trap)
        for record in world.records
        if record.reason is not None and found[record.id][0] != record.reason
    }
    assert not wrong


def test_of_each_twin_group_one_of_the_largest_is_kept(world: World, built: Workspace) -> None:
    found = outcomes(built)
    for group in world.twins:
        kept = [name for name in group.ids if found[name][0] is None]
        assert len(kept) == 1, (group, {name: found[name] for name in group.ids})
        assert kept[0] in group.survivors
        assert all(found[name][0] == "duplicate" for name in group.ids if name != kept[0])


def test_what_is_no_copy_is_kept(world: World, built: Workspace) -> None:
    found = outcomes(built)
    copies = {name for group in world.twins for name in group.ids}
    alone = [record for record in world.records if record.reason is None and record.id not in copies]
    assert [record.id for record in alone if found[record.id][0] is not None] == []


def test_labels_are_the_planted_ones(world: World, built: Workspace) -> None:
    found = outcomes(built)
    wrong = {
        name: (category, subtype, world.by_id[name])
        for name, (reason, category, subtype) in found.items()
        if reason is None and (category, subtype) != (world.by_id[name].category, world.by_id[name].subtype)
    }
    assert not wrong


def test_no_family_is_torn_and_published_tests_stay_test(world: World, built: Workspace) -> None:
    with built.database(read_only=True) as database:
        assert database.count("leakage") == 0
        splits = {row["id"]: row["split"] for row in database.table("splits").to_pylist()}
    for record in world.records:
        if record.split == "test":
            assert splits[record.id] == "test", record
    families: dict[str, set[str]] = {}
    for name, family in world.families.items():
        families.setdefault(family, set()).add(splits[name])
    assert all(len(found) == 1 for found in families.values())


def test_a_second_build_does_no_work_twice(built: Workspace) -> None:
    before = shards(built)
    started = time.monotonic()
    reports = build(built)
    assert time.monotonic() - started < 30
    assert {str(report["stage"]): report["made"] for report in reports if report["stage"] in _EXPENSIVE} == _EXPENSIVE
    assert shards(built) == before


_EXPENSIVE = {"fetch": 0, "parse": 0, "inspect": 0, "dedup": 0, "shard": 0}


def test_one_worker_other_order_other_folder_same_bytes(world: World, built: Workspace, tmp_path: Path) -> None:
    workspace = root_of(world, tmp_path / "elsewhere", workers=1)
    names = list(workspace.manifests)
    for name in reversed(names):
        build(workspace, [name], until="dedup")
    build(workspace, names)
    assert shards(workspace) == shards(built)
    assert outcomes(workspace) == outcomes(built)


def test_stopped_anywhere_the_same_bytes_come_out(world: World, built: Workspace, tmp_path: Path) -> None:
    root_of(world, tmp_path)
    command = [sys.executable, "-m", "curate", "--root", str(tmp_path), "build", "--accept-license", "-q"]
    command += list(Workspace(tmp_path).manifests)
    chance = random.Random(7)
    for _ in range(6):
        running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
        try:
            running.wait(timeout=chance.uniform(0.6, 5.0))
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shards(Workspace(tmp_path)) == shards(built)
    assert outcomes(Workspace(tmp_path)) == outcomes(built)


def test_every_record_has_a_story(world: World, built: Workspace) -> None:
    traps: dict[str | None, str] = {}
    for record in world.records:
        traps.setdefault(record.reason or record.trap, record.id)
    for name in traps.values():
        told = lines(story(built, name))
        assert told[0] == name
        assert any("outcome" in line for line in told)
    group = world.twins[0]
    found = outcomes(built)
    copy = next(name for name in group.ids if found[name][0] == "duplicate")
    survivor = next(name for name in group.ids if found[name][0] is None)
    assert any(survivor in line for line in lines(story(built, copy)))


def test_the_commands_answer_on_it(built: Workspace, curate: Curate) -> None:
    status = curate("status", "--json", root=built.root)
    assert status.returncode == 0, status.stderr
    book = json.loads(status.stdout)
    assert book["balances"]
    assert book["total"]["claimed"] == book["total"]["kept"] + sum(book["total"]["left_out"].values())
    asked = curate(
        "sql", "select split, sum(pictures)::int as n from class_balance group by split", "--json", root=built.root
    )
    assert sum(row["n"] for row in json.loads(asked.stdout)) == book["total"]["kept"]
    for words in (["explain", "isic_2016:nothing"], ["sql", "drop table corpus"]):
        assert curate(*words, root=built.root).returncode == 2


def test_labels_only_needs_no_picture(world: World, address: str, tmp_path: Path) -> None:
    workspace = root_of(world, tmp_path)
    reports = build(workspace, labels_only=True)
    assert reports[-1]["made"] == 0
    book = ledger(workspace)
    assert book["balances"]
    assert book["labels_only"]
    assert not {"no picture", "unreadable picture", "sheet unreadable"} & set(book["total"]["left_out"])
    with workspace.database(read_only=True) as database:
        ids = set(database.table("records").column("id").to_pylist())
    assert {record.id for record in world.records if record.source.startswith(("isic", "pad", "ph2"))} <= ids


def test_the_cache_may_be_deleted(world: World, built: Workspace, tmp_path: Path) -> None:
    """Only time is lost: what was placed by hand is remembered in the root."""
    workspace = root_of(world, tmp_path / "root")
    from curate.stages import fetch

    fetch.run(workspace, ["ph2"], from_=[world.served / "ph2"])
    build(workspace, ["ph2"], until="split")
    before = outcomes(workspace)
    shutil.rmtree(workspace.cache)
    build(Workspace(tmp_path / "root"), [], until="split")
    assert outcomes(workspace) == before


def test_an_answer_says_what_was_asked(built: Workspace, curate: Curate) -> None:
    twice = curate("sql", "select 1 as a, 2 as a", "--json", root=built.root)
    assert json.loads(twice.stdout) == [{"a": 1, "a_1": 2}]
    odd = curate(
        "sql", "select 'NaN'::double as x, [1.5::decimal(3,1)] as y, 'k'::blob as z", "--json", root=built.root
    )
    assert json.loads(odd.stdout) == [{"x": None, "y": [1.5], "z": "aw=="}]
    none = curate("sql", "select 1 as a where false", "--json", root=built.root)
    assert json.loads(none.stdout) == []
    assert curate("sql", "select [1, 2] as x", "--format", "csv", root=built.root).stdout == 'x\n"[1, 2]"\n'
    assert curate("-q", "sql", "select 7 as x", root=built.root).stdout == "x\n7\n"
    many = curate("sql", "select range as x from range(3000)", root=built.root)
    assert "(the first 1,000 of 3,000 rows" in many.stdout
    refused = curate("sql", "select interval 1 day as x", "--format", "parquet", root=built.root)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr


def test_who_reads_enough_may_leave(built: Workspace) -> None:
    command = (
        f"{sys.executable} -m curate --root '{built.root}' sql 'select * from range(2000000)' --format csv | head -2"
    )
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n0\n", "")


def test_a_stage_does_not_build_on_tables_of_another_time(
    world: World, address: str, tmp_path: Path, curate: Curate
) -> None:
    workspace = root_of(world, tmp_path)
    build(workspace, ["ph2"], until="split")
    pipeline.run("fetch", workspace, sources=["pad_ufes_20"])
    assert curate("status", root=tmp_path).returncode == 0
    assert curate("parse", root=tmp_path).returncode == 0
    for words in (["dedup"], ["label"], ["split"], ["status"], ["explain", "ph2:IMD001"]):
        done = curate(*words, root=tmp_path)
        assert done.returncode == 3, (words, done.stdout)
        assert "curate build" in done.stderr
    build(workspace, ["ph2", "pad_ufes_20"], until="split")
    assert ledger(workspace)["balances"]


def test_what_moved_to_another_split_is_counted(world: World, address: str, tmp_path: Path) -> None:
    workspace = root_of(world, tmp_path)
    build(workspace, ["isic_2019"], until="split")
    with workspace.database(read_only=True) as database:
        before = {row["id"]: row["split"] for row in database.table("splits").to_pylist()}
    reports = build(workspace, ["isic_2017", "isic_2018", "isic_2019"], until="split")
    with workspace.database(read_only=True) as database:
        after = {row["id"]: row["split"] for row in database.table("splits").to_pylist()}
    moved = sum(after[name] != split for name, split in before.items())
    notes = " ".join(str(note) for note in reports[-1]["notes"])  # type: ignore[attr-defined]
    assert (f"{moved} records are in another split" in notes) == (moved > 0)


def test_rejected_pairs_come_apart_or_it_is_said_why_not(world: World, address: str, tmp_path: Path) -> None:
    workspace = root_of(world, tmp_path)
    build(workspace, ["isic_2016", "isic_2017", "isic_2019"], until="split")
    with workspace.database(read_only=True) as database:
        twins = database.table("twins").to_pylist()
        kept = {row["id"] for row in database.table("corpus").to_pylist()}
    groups: dict[str, list[str]] = {}
    for row in twins:
        groups.setdefault(row["twin"], []).append(row["id"])
    three = sorted(next(group for group in groups.values() if len(group) == 3 and kept & set(group)))
    head = "decision,first,second,note\n"
    workspace.decisions_path.write_text(f"{head}reject,{three[0]},{three[1]},\n")
    reports = {str(report["stage"]): report for report in build(workspace, [], until="split")}
    assert any(three[2] in str(note) for note in reports["dedup"]["notes"])  # type: ignore[attr-defined]
    lines = f"reject,{three[0]},{three[1]},\nreject,{three[1]},{three[2]},\n"
    workspace.decisions_path.write_text(head + lines)
    build(workspace, [], until="split")
    assert outcomes(workspace)[three[1]][0] is None
    assert sum(outcomes(workspace)[name][0] is None for name in (three[0], three[2])) == 1


def test_a_withdrawn_label_says_nothing_about_the_copies(world: World, address: str, tmp_path: Path) -> None:
    workspace = root_of(world, tmp_path)
    sources = ["isic_2016", "isic_2017", "isic_2019"]
    build(workspace, sources, until="split")
    conflict = sorted(name for name, (reason, _, _) in outcomes(workspace).items() if reason == "label conflict")
    assert len(conflict) == 3
    workspace.decisions_path.write_text(f"decision,first,second,note\nwithdraw,{conflict[0]},,wrong label\n")
    build(workspace, sources, until="split")
    found = outcomes(workspace)
    assert found[conflict[0]][0] == "rejected"
    assert sorted(found[name][0] or found[name][1] for name in conflict[1:]) == ["duplicate", "malignant"]
