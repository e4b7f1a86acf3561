"""The notebooks: stored without outputs or logic of their own, and each runs whole on a corpus of the drawn world."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from curate import Workspace

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = ["auditor", "steward", "trainer"]
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.Try, ast.With)


@pytest.fixture(scope="module")
def root(demo: Workspace) -> Path:
    return demo.root


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return document


def test_there_are_three() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_is_short_and_holds_neither_outputs_nor_logic(name: str) -> None:
    cells = [cell for cell in read(name)["cells"] if cell["cell_type"] == "code"]
    lines = 0
    for cell in cells:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        source = "".join(cell["source"])
        lines += len(source.splitlines())
        assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, LOGIC)], source
    assert lines < 50


def run(name: str, root: Path, folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """Run the notebook from a folder of its own, and return what its cells said."""
    nbclient = pytest.importorskip("nbclient", reason="pip install '.[test]' brings what runs notebooks")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    here = folder / "here"
    here.mkdir()
    patch.setenv("CURATE_ROOT", str(root))
    patch.setenv("PYTHONPATH", str(FOLDER.parent))
    for word in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):  # nothing is left in the home of who runs the tests
        patch.setenv(word, str(folder / word.lower()))
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    resources = {"metadata": {"path": str(here)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    assert not list(here.iterdir())
    said = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            said.append(str(output.get("text") or output.get("data", {}).get("text/plain", "")))
    return said


def test_the_steward_finds_nothing_to_do_and_all_whole(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("steward", root, tmp_path, monkeypatch)
    assert "fetch" in said[0]
    assert "shard" in said[0]
    assert said[2].startswith("(True,")  # it balances
    assert "copy" in said[3]
    assert "report.html" in said[-1]


def test_the_auditor_reads_every_view(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("auditor", root, tmp_path, monkeypatch)
    assert "class_balance" in said[0]
    assert "malignant" in said[1]
    assert "Empty DataFrame" in said[4]  # nothing leaks
    assert "no leak" in said[-2].lower()
    assert "CC0-1.0" in said[-1]


@pytest.mark.tf
def test_the_trainer_gets_a_model_for_phones(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("trainer", root, tmp_path, monkeypatch)
    assert "accuracy" in " ".join(said)
    assert "int8" in said[-1]
    assert list((root / "data_cache" / "runs").glob("*/model_int8.tflite"))
