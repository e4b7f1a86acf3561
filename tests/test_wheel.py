"""The wheel holds all that the checkout has, and works from it alone, outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_manifests_maps_sql_and_glyphs_are_inside(unpacked: Path) -> None:
    for folder in ("manifests", "label_maps"):
        names = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        there = unpacked / "curate"
        assert names == {path.relative_to(there) for path in (there / folder).rglob("*") if path.is_file()}
        assert len(names) >= 10
    packaged = {path.relative_to(ROOT) for path in (ROOT / "curate").rglob("*") if path.is_file()}
    wanted = {path for path in packaged if "__pycache__" not in path.parts}
    assert {path for path in wanted if not (unpacked / path).is_file()} == set()
    assert not (unpacked / "tests").exists()


def test_it_works_from_the_wheel_alone(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "CURATE_ROOT": str(tmp_path / "root")}
    code = "import curate.cli, sys; print(curate.cli.__file__, file=sys.stderr); curate.cli.main()"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    listed = run("sources", "--json")
    assert str(unpacked) in listed.stderr
    assert len(json.loads(listed.stdout)["sources"]) == 10
    fixtures = ROOT / "tests" / "fixtures" / "ph2"
    assert run("fetch", "ph2", "--from", str(fixtures)).returncode == 0
    done = run("build", "--labels-only")
    assert done.returncode == 0, done.stderr
    assert json.loads(run("status", "--json").stdout)["balances"]
