"""`curate parse` on spoilt files: a message in the house's form, exit code 3, and what was there before stays."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from parsing import FIXTURES

from curate import cli
from curate.errors import ParseError
from curate.files import Files
from curate.stages import fetch, parse
from curate.workspace import Workspace

CLAIMED = ("claims", "sheets", "cases", "listed_pairs", "records", "parsed", "sources", "mode")
HTML = b"<!doctype html><html><body>Please sign in</body></html>"

# The file that is spoilt, how, and what the message begins with.
SPOILT: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "isic_2016": (
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv",
        lambda old: old[:20] + b"\0",
        "a text file holds a NUL",
    ),
    "isic_2017": (
        "ISIC-2017_Training_Part3_GroundTruth.csv",
        lambda old: old + b"\xe9,1.0,0.0\r\n",
        "a text file is not",
    ),
    "isic_2018": ("HAM10000_metadata.csv", lambda old: b'"' + old, "a cell runs over several lines"),
    "isic_2019": ("ISIC_2019_Training_Metadata.csv", lambda old: old + old, "the header stands there twice"),
    "isic_2020": ("ISIC_2020_Training_GroundTruth_v2.csv", lambda old: old + b"x" * (10 << 20), "a cell is longer"),
    "pad_ufes_20": ("metadata.csv", lambda old: old.replace(b"POMERANIA", b"POMER\xc2NIA"), "a text file is not in"),
    "ph2": ("PH2_dataset.txt", lambda old: old[: old.index(b"|| IMD903") + 40], "the table is not in PH2's form"),
    "severance": ("SeveranceA.xlsx", lambda old: HTML, "that is a web page (HTML), not a workbook"),
    "asan": ("L#12dx#train-asan90#biopsy#\x1b[2J.png", lambda old: old, "the name of a sheet does not say"),
    "hallym": ("L#12dx#hallym#back .png", lambda old: old, "the name of a sheet does not say"),
}


def spoil(source: str, folder: Path) -> None:
    """Write the source's fixture with one file spoilt; where there is none of that name, it is one more."""
    name, change, _ = SPOILT[source]
    files = Files.of_folder(FIXTURES / source)
    for path in files:
        at = folder / path.rpartition("/")[2]
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(change(files.read(path)) if at.name == name else files.read(path))
    if not (folder / name).exists():
        (folder / name).write_bytes(files.read(next(iter(files))))
    if source == "pad_ufes_20":
        pack(folder, "zr7vgbcyr2-1.zip")


def pack(folder: Path, name: str) -> None:
    """Put the files into the archive by whose name the source is known."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
            path.unlink()
    (folder / name).write_bytes(out.getvalue())


def tables(workspace: Workspace) -> dict[str, list[dict[str, object]]]:
    with workspace.database(read_only=True) as database:
        return {name: database.table(name).to_pylist() for name in CLAIMED}


@pytest.mark.parametrize("source", sorted(SPOILT))
def test_a_spoilt_file_is_told_and_changes_nothing(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    workspace = Workspace(root, workers=1)
    fetch.run(workspace, [source], from_=[FIXTURES / source])
    parse.run(workspace, labels_only=True)
    before = tables(workspace)
    assert before["claims"] or before["sheets"]

    spoil(source, tmp_path / "spoilt")
    fetch.run(workspace, [source], from_=[tmp_path / "spoilt"])
    with pytest.raises(ParseError) as caught:
        parse.run(workspace)
    assert caught.value.what.startswith(SPOILT[source][2])
    assert tables(workspace) == before

    monkeypatch.setattr(sys, "argv", ["curate", "--root", str(root), "parse"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert ended.value.code == 3
    assert told.err.startswith(f"curate: {SPOILT[source][2]}")
    assert "\n  where:    " in told.err
    assert told.err.rstrip().rpartition("\n")[2].startswith("  next:     ")
    assert not set(told.err) & set("\0\x1b\r")
    assert told.out == ""
    assert tables(workspace) == before
