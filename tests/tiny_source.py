"""A source of two pictures and one label file, with which the tests of fetching try everything."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curate import lock
from curate.manifest import Manifest, RemoteFile, dump
from curate.report import Report
from curate.stages import fetch
from curate.workspace import Workspace

LABELS = b"image,label\r\nT_1,nevus\r\nT_2,melanoma\r\n"
PICTURES = {f"Train/T_{number}.jpg": bytes([number]) * 500 for number in (1, 2)}
PLAIN = Manifest(
    name="tiny",
    title="Tiny",
    parser="pad_ufes_20",
    namespace="tiny",
    released=2024,
    modality="clinical",
    license="CC0-1.0",
    license_url="https://example.org/licence",
    redistribution="yes",
    attribution="Tiny",
    citation=("Tiny 2024",),
    homepage="https://example.org",
    access="manual",
    instructions="Place labels.csv and the pictures.",
    expected={"records": 2, "pictures": 2},
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


ZIP = packed(PICTURES | {"Train/T_1_superpixels.png": b"no", "ATTRIBUTION.txt": b"no"})
FILES = (
    RemoteFile("labels.csv", "labels", bytes=len(LABELS), sha256=sha(LABELS), also_named=("labels_table",)),
    RemoteFile("train.zip", "pictures", members=("T_[0-9].jpg", "ages.csv")),
    RemoteFile("extra.csv", "documents", optional=True),
)

Run = Callable[..., Report]


def workspace(root: Path, *files: RemoteFile, **other: Any) -> Workspace:
    made = dataclasses.replace(PLAIN, files=files or FILES, **other)
    (root / "manifests" / f"{made.name}.toml").write_text(dump(made), encoding="utf-8")
    names = sorted(path.stem for path in (root / "manifests").glob("*.toml"))
    (root / "curate.toml").write_text(f"[corpus]\nsources = {names}\n", encoding="utf-8")
    return Workspace(root)


def adopt(here: Workspace, *folders: Path, **options: Any) -> Report:
    return fetch.run(here, ["tiny"], from_=folders, **options)


def tree(here: Workspace) -> dict[str, bytes]:
    files = here.files("tiny")
    assert files is not None
    return {path: files.read(path) for path in files}


def locked(here: Workspace) -> lock.LockedSource:
    return lock.read(here.lock_path)["tiny"]
