"""Real pictures give the same shards whatever the workers, the folder and the order; one more changes its own shard."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from curate import Workspace, pipeline
from curate.ml import shards
from curate.vocabulary import SPLITS
from curate.workers import worth

pytestmark = pytest.mark.real

FOLDERS = {
    "asan": ["asan"],
    "hallym": ["asan"],
    "isic_2017": ["isic/metadata", "isic/images/isic2017_256x256"],
    "ph2": ["ph2"],
    "pad_ufes_20": ["pad_ufes_20"],
}
# The slow search by places chooses what is in the corpus, not how it is written.
RECIPE = "[dedup]\nby_places = false\n[shard]\npictures_per_shard = 16\n"


def fetched(root: Path, folders: dict[str, list[Path]], *, workers: int = 2) -> Workspace:
    root.mkdir(parents=True)
    (root / "curate.toml").write_text(RECIPE, encoding="utf-8")
    workspace = Workspace(root, workers=workers)
    for source, places in folders.items():
        pipeline.run("fetch", workspace, sources=[source], from_=places)
    return workspace


def hashes(workspace: Workspace) -> dict[str, str]:
    """Return the sha256 of each shard by its name, of the bytes themselves and as `index.json` has it."""
    folder = shards.latest(workspace.cache / "shards")
    index = shards.read_index(folder)
    said = {each["file"]: each["sha256"] for split in index["shards"].values() for each in split}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.tfrecord-*")}
    assert found == said
    return found


def test_workers_folder_and_order_of_sources_change_no_byte(real: Path, tmp_path: Path) -> None:
    places = {source: [real / folder for folder in folders] for source, folders in FOLDERS.items()}
    one = fetched(tmp_path / "one", places, workers=1)
    for report in pipeline.build(one, list(places)):
        assert not report.problems
    other = fetched(tmp_path / "deeper" / "four", dict(reversed(places.items())), workers=4)
    for source in reversed(places):
        list(pipeline.build(other, [source], until="dedup"))
    for report in pipeline.build(other, list(places)):
        assert not report.problems
    with one.database(read_only=True) as database:
        assert worth(4, database.count("corpus")) == 4  # fewer pictures would not be spread over four processes
    assert hashes(other) == hashes(one)
    assert len(hashes(one)) > 16


def test_one_picture_more_changes_the_shard_that_it_is_in(real: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(real / FOLDERS["isic_2017"][1], pictures)
    places = {"isic_2017": [real / FOLDERS["isic_2017"][0], pictures]}
    more = fetched(tmp_path / "more", places)
    list(pipeline.build(more, ["isic_2017"]))
    with more.database(read_only=True) as database:
        rows = sorted(database.table("corpus").to_pylist(), key=lambda row: str(row["id"]))
    families = [row["family"] for row in rows]
    added = next(row for row in rows if row["split"] == "train" and families.count(row["family"]) == 1)
    (pictures / f"{added['isic_id']}.jpg").unlink()
    less = fetched(tmp_path / "less", places)
    list(pipeline.build(less, ["isic_2017"]))
    with less.database(read_only=True) as database:
        assert {row["id"] for row in database.table("corpus").to_pylist()} == {row["id"] for row in rows} - {
            added["id"]
        }

    before, after = hashes(less), hashes(more)
    train = [row for row in rows if row["split"] == "train"]
    train.sort(key=lambda row: shards.place(row["id"]))
    number = next(
        number
        for number, _, members in shards.dealt(train, len(train), 16)
        if added["id"] in [row["id"] for row in members]
    )
    count = shards.count_of(len(train), 16)
    assert before.keys() == after.keys()
    assert {name for name in after if after[name] != before[name]} == {
        shards.file_name("curate", "train", number, count)
    }

    # One shard holds exactly what was there before: one picture more makes two shards of it.
    for workspace in (less, more):
        (workspace.root / "curate.toml").write_text(RECIPE.replace("16", str(len(train) - 1)))
        pipeline.run("shard", Workspace(workspace.root))
    before, after = hashes(less), hashes(more)
    assert {name for name in before if "-train." in name} == {"curate-train.tfrecord-00000-of-00001"}
    assert {name for name in after if "-train." in name} == {f"curate-train.tfrecord-0000{n}-of-00002" for n in (0, 1)}
    others = [split for split in SPLITS if split != "train"]
    assert all(after[name] == before[name] for name in before for split in others if f"-{split}." in name)
