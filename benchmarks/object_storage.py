"""What a picture costs that lies in a zip on object storage, beside the same zip on this disk.

    python benchmarks/object_storage.py [--from FOLDER]

FOLDER: any folder with zips, such as one of a source; by default the zips of the small drawn world. They are put into
a bucket of an S3-compatible server on loopback (moto, in a process of its own: `tests/s3_server.py`), and every picture
in them is read once, in the order in which `inspect` reads them, by the same function, from there and from this disk.

Prints for each zip, and for all: the pictures and their bytes; the requests that were sent, by picture, and those that
were sent before the first picture came (what the archive is, how long, its list of members, and the same of the zips in
it); bytes that were asked for, by byte of a picture (less than 1 where they are packed); and the milliseconds of a
picture from this disk and from there, read in turn. The server is written in Python: its milliseconds are its own.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path, PurePosixPath

from curate import storage
from curate.archive import Member, members_of, read_member
from curate.demo.world import make
from curate.text_table import text_table

SERVER = Path(__file__).parent.parent / "tests" / "s3_server.py"
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description="What a picture costs that lies in a zip on object storage.")
    words.add_argument("--from", dest="folder", type=Path, help="a folder with zips (default: drawn ones)")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = chosen.folder or make(Path(drawn), size="small").served
        command = [sys.executable, str(SERVER), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            for _ in range(5):
                name, value = server.stdout.readline().removeprefix("export ").strip().split("=", 1)
                os.environ[name] = value
            try:
                rows = [_row(folder, path) for path in sorted(folder.rglob("*.zip"))]
            finally:
                server.terminate()
    rows = [row for row in rows if row["pictures"]]
    print(text_table([_said(row) for row in [*rows, {"zip": "all", **_total(rows)}]]))


def _row(folder: Path, path: Path) -> dict[str, float]:
    there = storage.place("s3://lesions/sources") / path.relative_to(folder).as_posix()
    pictures = [member for member in members_of(path) if PurePosixPath(member.name).suffix.lower() in PICTURES]
    pictures.sort(key=lambda member: member.members)
    if not pictures:
        return {"pictures": 0}
    seconds_here = _read(path, pictures)
    before = len(_asked())
    first = _read(there, pictures[:1])
    opened = len(_asked()) - before
    seconds = first + _read(there, pictures[1:])
    asked = _asked()[before:]
    return {
        "zip": path.name,
        "pictures": len(pictures),
        "bytes": sum(member.size for member in pictures),
        "requests": len(asked),
        "opening": opened - 1,
        "fetched": sum(_span(line) for line in asked),
        "here": seconds_here,
        "there": seconds,
    }


def _total(rows: list[dict[str, float]]) -> dict[str, float]:
    return {word: sum(row[word] for row in rows) for word in rows[0] if word != "zip"}


def _said(row: dict[str, float]) -> dict[str, str]:
    return {
        "zip": str(row["zip"]),
        "pictures": f"{row['pictures']:,}",
        "MB": f"{row['bytes'] / 1e6:.1f}",
        "requests a picture": f"{row['requests'] / row['pictures']:.2f}",
        "before the first": f"{row['opening']:.0f}",
        "bytes asked, by byte": f"{row['fetched'] / row['bytes']:.2f}",
        "ms here": f"{1e3 * row['here'] / row['pictures']:.2f}",
        "ms there": f"{1e3 * row['there'] / row['pictures']:.2f}",
    }


def _read(path: Path, pictures: list[Member]) -> float:
    started = time.perf_counter()
    for member in pictures:
        read_member(path, member.members, path.name)
    return time.perf_counter() - started


def _asked() -> list[str]:
    with urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/-/asked") as answer:
        return answer.read().decode().splitlines()


def _span(line: str) -> int:
    found = re.search(r"bytes=(\d+)-(\d+)$", line)
    return int(found[2]) - int(found[1]) + 1 if found else 0


if __name__ == "__main__":
    main()
