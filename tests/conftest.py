"""What the tests share: the real files, what is made once in a run, and the command line as a stranger types it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import demo_corpus
import drawn_shards
import pytest

from curate import Workspace, transfer

ROOT = Path(__file__).parent.parent
FIXTURES = Path(__file__).parent / "fixtures"

# A shell that is not interactive starts what it puts into the background deaf to Ctrl-C, and every child inherits that:
# the tests that interrupt a command would then wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what needs the real files, and end with what needs TensorFlow, the largest file of each first.

    A build of the real files takes longest: begun late, it keeps one process busy when the others are done. A process
    that has loaded TensorFlow is a bad one to fork the children from that other tests keep short of memory.
    """
    tests = Counter(item.path for item in items)
    items.sort(
        key=lambda item: (
            item.get_closest_marker("tf") is not None,
            item.get_closest_marker("real") is None,
            -tests[item.path],
        )
    )


Curate = Callable[..., "subprocess.CompletedProcess[str]"]
Once = Callable[[str, Callable[[Path], object]], Path]


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


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return the folder of that name with what `make` puts there; of a run's processes the first to ask makes it."""
    base: Path = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        made = run / name
        with (run / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                begun = run / f"{name} in the making"
                shutil.rmtree(begun, ignore_errors=True)
                make(begun)
                begun.rename(made)
        return made

    return folder


@pytest.fixture(scope="module")
def demo(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The corpus of the drawn world, built, in a root of this file's own."""
    made = once("demo corpus", demo_corpus.build)
    return Workspace(shutil.copytree(made, tmp_path_factory.mktemp("demo") / "root"), workers=2)


@pytest.fixture(scope="module")
def trained(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this file's own with the drawn shards and a run of training on them: see `drawn_shards.trained`."""
    return Path(shutil.copytree(once("drawn run", drawn_shards.trained), tmp_path_factory.mktemp("trained") / "drawn"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a host that misbehaves be left after milliseconds, not minutes."""
    quick = transfer.Patience(tries=2, backoff=0.001, connect=2, read=2)
    monkeypatch.setitem(transfer.fetch.__kwdefaults__, "patience", quick)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A new root, with a folder for manifests of its own."""
    root = tmp_path / "root"
    (root / "manifests").mkdir(parents=True)
    return root


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Path]:
    """Put files into a folder of that name, and return the folder."""

    def place(folder: str, **files: bytes) -> Path:
        for name, data in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / folder

    return place
