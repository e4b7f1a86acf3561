"""What the tests share: the real files beside the project, and a call of the command line as a stranger types it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FIXTURES = Path(__file__).parent / "fixtures"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is fast first: then what needs the real files, then what needs TensorFlow."""
    items.sort(
        key=lambda item: (item.get_closest_marker("tf") is not None, item.get_closest_marker("real") is not None)
    )


Curate = Callable[..., "subprocess.CompletedProcess[str]"]


def shared_folder() -> Path | None:
    """Return the folder with the real files: `CURATE_SHARED`, or `../shared` from the project's root."""
    named = os.environ.get("CURATE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if (folder / "data").is_dir() else None


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder `data` of the real files; the test is skipped where it is not there."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the real files are not here: put them in ../shared, or name their folder in CURATE_SHARED")
    return folder / "data"


@pytest.fixture(scope="session")
def curate(tmp_path_factory: pytest.TempPathFactory) -> Curate:
    """Run the command line in a process of its own, away from the checkout; returns it finished, its output as text."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*words: str | Path, root: Path | None = None, timeout: float = 300, **environment: str) -> object:
        command = [sys.executable, "-m", "curate", *(["--root", str(root)] if root else []), *map(str, words)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **environment},
            check=False,
            cwd=elsewhere,
        )

    return run  # type: ignore[return-value]
