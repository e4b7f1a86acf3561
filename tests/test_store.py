"""Bytes by sha256."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate.errors import FetchError
from curate.store import Store

DATA = b"lesion" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "objects")


@pytest.mark.parametrize("link", [True, False])
def test_a_file_is_adopted_and_left_where_it_was(store: Store, tmp_path: Path, link: bool) -> None:
    original = tmp_path / "a.jpg"
    original.write_bytes(DATA)
    assert store.adopt(original, link=link) == (SHA, len(DATA))
    assert store.adopt(original, link=link) == (SHA, len(DATA))
    assert original.read_bytes() == store.path(SHA).read_bytes() == DATA
    assert (original.stat().st_ino == store.path(SHA).stat().st_ino) == link
    assert list(store) == [SHA]
    assert store.intact(SHA)


def test_bytes_are_adopted(store: Store) -> None:
    assert store.adopt_bytes(DATA) == SHA
    assert store.adopt_bytes(DATA) == SHA
    assert store.path(SHA) == store.folder / SHA[:2] / SHA


def test_a_flipped_bit_is_found(store: Store) -> None:
    store.adopt_bytes(DATA)
    store.path(SHA).write_bytes(b"M" + DATA[1:])
    assert not store.intact(SHA)
    assert not store.intact("0" * 64)


def test_a_verified_file_is_moved_in(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        part = tmp_path / "x.part"
        part.write_bytes(DATA)
        assert store.put_verified(part, SHA).read_bytes() == DATA
        assert not part.exists()


def test_what_a_killed_run_left_never_counts_and_is_swept(store: Store) -> None:
    store.adopt_bytes(DATA)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (store.folder / f".tmp-{int(ended.stdout)}-00ff").write_bytes(DATA[:9])
    mine = store.folder / f".tmp-{os.getpid()}-00ff"
    mine.write_bytes(DATA[:9])
    assert list(store) == [SHA]
    assert store.sweep() == 1
    assert mine.exists()


def test_a_file_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="could not be adopted"):
        store.adopt(tmp_path / "none", link=False)
    assert list(store.folder.iterdir()) == []
