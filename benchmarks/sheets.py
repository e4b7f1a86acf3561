"""What the sheets give, and how fast: every tile, label cell and case, on the real sheets and on the whole stream.

    python benchmarks/sheets.py --from ../shared/data

Needs the real files: `severance/` (workbook, list of cases, some of the 380 sheets) and `asan/` (list of sheets, some
sheets). Prints two tables and one time.

1. All 380 Severance sheets: those that are given, and the others drawn in the true geometry from the list of cases
   (label cells in the typeface of the sheets, pictures cycled from the tiles of the given ones, JPEG at quality 94).
   Tiles, label cells and cases found, of how many. A case is found when every tile of it is in `records` with the
   label, sex and age of its row in the workbook.
2. The given sheets, after each change that a program may have done to them: sheets refused, tiles found, the worst
   pixel by which any side of any tile is off (half a pixel where the true place lies between two), and label cells
   read whole, read but for a few letters, not read, and misread. True places are those of the format for Severance; for
   ASAN and Hallym those found on the unchanged sheet, each held against the known greys of border and shadow.
3. Seconds for the 380 sheets on two processes, against the limit of 60: reading the file, decoding the JPEG, cutting it
   and reading its label cells (`codec.decode`, `montage.cut`), as `inspect` does; not the fingerprint and appearance
   of each tile, which `inspect` takes in the same pass. And seconds for the SQL that makes records of the cells.

`--changes half` does only the changes with that word in their name, `--every N` takes each N-th sheet for table 2.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image

from curate.db import Database
from curate.errors import UnreadablePicture
from curate.files import Files
from curate.images import codec, glyphs, montage
from curate.records import Box, Case, Tile
from curate.sources import severance

SHEETS, COLUMNS, CELLS, FIRST, PITCH, SIDE = 380, 15, 120, 5, 105, 100
LIMIT_S = 60
PROCESSES = 2

Pixels = codec.Pixels
Change = Callable[[Pixels], Pixels]
Wanted = list[str | None]  # of each cell of a sheet what its label prints, "" for bare paper, None for a picture


def jpeg(quality: int, pixels: Pixels) -> Pixels:
    """Save as JPEG and open again."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data).convert("RGB"))


def resized(factor: float, filters: Image.Resampling | int, pixels: Pixels) -> Pixels:
    """Scale by Pillow's filter, or by OpenCV's where it is a plain number."""
    height, width = pixels.shape[:2]
    size = round(width * factor), round(height * factor)
    if isinstance(filters, Image.Resampling):
        return np.asarray(Image.fromarray(pixels).resize(size, filters))
    return np.asarray(cv2.resize(pixels, size, interpolation=filters), np.uint8)


def bordered(grey: int, pixels: Pixels) -> Pixels:
    """Add one pixel all around."""
    return np.pad(pixels, ((1, 1), (1, 1), (0, 0)), constant_values=grey)


def one_after_the_other(steps: list[Change], pixels: Pixels) -> Pixels:
    """Do several changes."""
    for step in steps:
        pixels = step(pixels)
    return pixels


def changes() -> dict[str, tuple[Change, float, float]]:
    """Return by name what is done to a sheet, the factor by which it grows, and the pixels added at left and top."""
    q75 = partial(jpeg, 75)
    found: dict[str, tuple[Change, float, float]] = {"as it is": (np.asarray, 1, 0), "JPEG 75": (q75, 1, 0)}
    for name, grey in (("black", 0), ("white", 255), ("grey", 128)):
        found[f"{name} border"] = partial(bordered, grey), 1, 1
        found[f"{name} border, JPEG 75"] = partial(one_after_the_other, [partial(bordered, grey), q75]), 1, 1
    kinds: dict[str, Image.Resampling | int] = {
        "area": cv2.INTER_AREA,
        "OpenCV linear": cv2.INTER_LINEAR,
        "OpenCV cubic": cv2.INTER_CUBIC,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "Lanczos": Image.Resampling.LANCZOS,
    }
    for word, factor in (("twice", 2.0), ("half", 0.5)):
        for name, filters in kinds.items():
            scale = partial(resized, factor, filters)
            found[f"{word}, {name}"] = scale, factor, 0
            found[f"{word}, {name}, JPEG 75"] = partial(one_after_the_other, [scale, q75]), factor, 0
        scale = partial(resized, factor, Image.Resampling.BICUBIC)
        found[f"JPEG 75, {word}, bicubic"] = partial(one_after_the_other, [q75, scale]), factor, 0
        found[f"{word}, bicubic, black border"] = partial(one_after_the_other, [scale, partial(bordered, 0)]), factor, 1
    return found


def wanted_cells(folder: Path) -> list[Wanted]:
    """Return of each of the 380 sheets what stands in each cell, as the list of cases says."""
    cells: Wanted = [""] * (SHEETS * CELLS)
    with (folder / "severance_cases.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            start = (int(row["sheet"][:3]) - 1) * CELLS + int(row["row"]) * COLUMNS + int(row["col"])
            cells[start] = f"{row['case_id']}, {row['sex']}/{row['age']}, {row['label']}"
            cells[start + 1 : start + 1 + int(row["images"])] = [None] * int(row["images"])
    return [cells[CELLS * n : CELLS * (n + 1)] for n in range(SHEETS)]


def place(cell: int) -> Box:
    """Return where the content of a cell of a Severance sheet lies."""
    row, column = divmod(cell, COLUMNS)
    return Box(FIRST + PITCH * column, FIRST + PITCH * row, SIDE, SIDE)


def drawn(wanted: Wanted, given: Path) -> bytes:
    """Draw a sheet in the true geometry, with the pictures of a given one."""
    donor = codec.decode(given.read_bytes()).pixels
    tiles = [tile.box for tile in montage.cut(donor, "captioned") if tile.kind == "picture"]
    sheet = np.full((850, 1580, 3), 255, np.uint8)
    for cell, text in enumerate(wanted):
        box = place(cell)
        top, left, bottom, right = box.top, box.left, box.top + SIDE, box.left + SIDE
        content = codec.crop(donor, tiles[cell % len(tiles)]) if text is None else glyphs.draw(text) if text else 255
        sheet[top - 1 : bottom, left - 1 : right] = 249
        for step, grey in enumerate((149, 218, 249)):
            sheet[top - 1 + step : bottom + step + 1, right + step] = grey
            sheet[bottom + step, left - 1 + step : right + step + 1] = grey
        sheet[top:bottom, left:right] = content
    return codec.encode(sheet, "JPEG", 94)


def draw_to(path: Path, wanted: Wanted, given: Path) -> None:
    """Draw a sheet into a file (in a process of its own)."""
    path.write_bytes(drawn(wanted, given))


def cut(path: Path) -> list[Tile]:
    """Read, decode and cut one captioned sheet: what is timed."""
    return montage.cut(codec.decode(path.read_bytes()).pixels, "captioned")


def off(tile: Tile, box: Box, factor: float, shift: float) -> float:
    """Return by how many pixels the worst side of a tile lies from where it should."""
    got = (tile.box.left, tile.box.top, tile.box.left + tile.box.width, tile.box.top + tile.box.height)
    true = (box.left, box.top, box.left + box.width, box.top + box.height)
    return max(abs(one - (other * factor + shift)) for one, other in zip(got, true, strict=True))


def judged(tiles: list[Tile], wanted: Wanted, factor: float = 1, shift: float = 0) -> Counter[str]:
    """Count what was found of a captioned sheet; "worst" is in tenths of a pixel."""
    counts: Counter[str] = Counter()
    for cell, (tile, text) in enumerate(zip(tiles, wanted, strict=True)):
        counts["worst"] = max(counts["worst"], round(10 * off(tile, place(cell), factor, shift)))
        kind = "picture" if text is None else "label" if text else "blank"
        counts["tiles"] += tile.kind == kind == "picture"
        counts["wrong kind"] += tile.kind != kind
        if kind == "label" and text is not None:
            said = tile.text
            alike = said is not None and re.fullmatch(re.escape(said).replace(r"\?", "."), text) is not None
            counts["unread" if said is None else "whole" if said == text else "partly" if alike else "misread"] += 1
    return counts


def captioned(path: Path, wanted: Wanted, names: list[str]) -> dict[str, Counter[str]]:
    """Count what each change leaves of a captioned sheet."""
    pixels = codec.decode(path.read_bytes()).pixels
    found = {}
    for name in names:
        change, factor, shift = changes()[name]
        try:
            found[name] = judged(montage.cut(change(pixels), "captioned"), wanted, factor, shift)
        except UnreadablePicture:
            found[name] = Counter({"refused": 1, "unread": sum(bool(text) for text in wanted)})
    return found


def framed(pixels: Pixels, box: Box) -> bool:
    """Return whether the unchanged sheet has the greys of border and shadow around the box, and none within."""
    part = pixels[box.top - 1 : box.top + box.height + 3, box.left - 1 : box.left + box.width + 3].min(axis=2)
    lines = (part[box.height // 2], part[:, box.width // 2])
    return all((line[0], *line[-3:]) == (249, 149, 218, 249) for line in lines)


def plain(path: Path, names: list[str]) -> dict[str, Counter[str]]:
    """Count what each change leaves of a plain sheet."""
    pixels = codec.decode(path.read_bytes()).pixels
    boxes = [tile.box for tile in montage.cut(pixels, "plain") if framed(pixels, tile.box)]
    found = {}
    for name in names:
        change, factor, shift = changes()[name]
        found[name] = counts = Counter[str]()
        try:
            tiles = montage.cut(change(pixels), "plain")
        except UnreadablePicture:
            counts["refused"] += 1
            continue
        counts["tiles"] = len(tiles)
        if len(tiles) == len(boxes):
            far = [off(tile, box, factor, shift) for tile, box in zip(tiles, boxes, strict=True)]
            counts["worst"], counts["off"] = round(10 * max(far)), sum(one > 0.5 for one in far)
        else:
            counts["worst"] = 10_000
    return found


def cases_found(sheets: list[list[Tile]], folder: Path, wanted: list[Wanted]) -> tuple[int, float]:
    """Make `records` of the cells by the SQL of `inspect`; return how many cases came out right, and the seconds."""
    rows = [claim for claim in severance.parse(Files.of_folder(folder)) if isinstance(claim, Case)]
    names = [f"{n:03}" for n in range(1, SHEETS + 1)]
    tables: dict[str, list[dict[str, object]]] = {
        "members": [{"location": name, "sha256": name, "bytes": 1} for name in names],
        "sheets_cut": [{"sha256": name, "layout": "captioned", "version": montage.VERSION} for name in names],
        "tiles": [
            {"sha256": name, "version": montage.VERSION, "cell": tile.cell, "kind": tile.kind, "text": tile.text}
            for name, tiles in zip(names, sheets, strict=True)
            for tile in tiles
        ],
        "sheets": [
            {"source": "severance", "name": name, "file": f"{name}.jpg", "location": name, "layout": "captioned",
             "position": int(name), "claims": "{}"}
            for name in names
        ],
        "cases": [
            {"source": "severance", "number": row.number, "source_label": row.source_label, "age": row.age,
             "sex": row.sex, "claims": "{}"}
            for row in rows
        ],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as place, Database(Path(place) / "c.duckdb", create=True) as database:
        database.build("facts")
        database.replace("mode", pa.table({"labels_only": [False]}))
        database.replace("sources", pa.table({"source": ["severance"], "modality": ["clinical"]}))
        database.replace("algorithms", pa.table({"montage": [montage.VERSION]}))
        for name, made in tables.items():
            schema = database.table(name).schema
            part = pa.Table.from_pylist(made, schema=pa.schema([schema.field(word) for word in made[0]]))
            if name in ("sheets", "cases"):
                database.replace_source(name, "severance", part)
            else:
                database.insert(name, part)
        start = time.perf_counter()
        database.build("records")
        seconds = time.perf_counter() - start
        records = database.table("records").to_pylist()
    right: Counter[str] = Counter()
    for row in records:
        if row["problem"] is None:
            said = f"{row['lesion_id']}, {row['sex']}/{round(float(row['age']))}, {row['source_label']}"
            right[said] += 1
    owed: Counter[str] = Counter()
    owner = ""
    for text in (text for sheet in wanted for text in sheet):
        owner = text or owner
        owed[owner] += text is None
    return sum(right[case] == count for case, count in owed.items()), seconds


def table(head: list[str], rows: Iterator[list[object]]) -> None:
    """Print a table, the first column to the left."""
    lines = [head, *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (value.rjust(width) for value, width in zip(line, widths, strict=True))
        print("  ".join([line[0].ljust(len(first)), *others]))


def summed(parts: Iterator[dict[str, Counter[str]]]) -> dict[str, Counter[str]]:
    """Add the counts of all sheets, and keep the worst of "worst"."""
    whole: dict[str, Counter[str]] = {}
    for part in parts:
        for name, counts in part.items():
            before = whole.setdefault(name, Counter())
            worst = max(before["worst"], counts["worst"])
            before.update(counts)
            before["worst"] = worst
    return whole


def main() -> int:
    """Run it."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--from", dest="folder", type=Path, default=Path("../shared/data"), help="the real files")
    words.add_argument("--changes", default="", metavar="WORD", help="only changes with this in their name")
    words.add_argument("--every", type=int, default=1, metavar="N", help="each N-th given sheet for the changes")
    chosen = words.parse_args()
    folder = chosen.folder / "severance"
    if not (folder / "severance_cases.csv").is_file():
        print(f"the real files are not in {chosen.folder}: name their folder with --from", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)  # two processes are two cores
    wanted = wanted_cells(folder)
    given = sorted((folder / "SeveranceA_Thumbnails").glob("*.jpg"))
    sheets = sorted((chosen.folder / "asan").rglob("*.png"))
    names = [name for name in changes() if chosen.changes in name]
    with ProcessPoolExecutor(PROCESSES) as pool, tempfile.TemporaryDirectory() as made:
        paths = [folder / "SeveranceA_Thumbnails" / f"{n:03}.jpg" for n in range(1, SHEETS + 1)]
        lacking = [n for n, path in enumerate(paths) if not path.is_file()]
        for n in lacking:
            paths[n] = Path(made) / f"{n + 1:03}.jpg"
        donors = [given[n % len(given)] for n in lacking]
        list(pool.map(draw_to, [paths[n] for n in lacking], [wanted[n] for n in lacking], donors))
        start, load = time.perf_counter(), os.getloadavg()[0]
        found = list(pool.map(cut, paths, chunksize=4))
        seconds = time.perf_counter() - start
        whole = sum((judged(tiles, cells) for tiles, cells in zip(found, wanted, strict=True)), Counter[str]())
        right, sql_seconds = cases_found(found, folder, wanted)
        cells = Counter("tile" if text is None else "label" if text else "blank" for part in wanted for text in part)
        print(f"All {SHEETS} Severance sheets: {len(given)} given, {len(lacking)} drawn")
        print(f"  tiles        {whole['tiles']:,} of {cells['tile']:,}")
        print(f"  label cells  {whole['whole']:,} of {cells['label']:,} read, {whole['misread']} misread")
        print(f"  cases        {right:,} of {cells['label']:,} whole and with their row of the workbook")
        print(
            f"  cut and read in {seconds:.1f} s on {PROCESSES} processes, limit {LIMIT_S} s (load before: {load:.1f})"
        )
        print(f"  records made in {sql_seconds:.1f} s")
        given = given[:: chosen.every]
        cut_up = summed(pool.map(captioned, given, [wanted[int(p.stem) - 1] for p in given], [names] * len(given)))
        print(f"\nThe {len(given)} given Severance sheets, changed")
        columns = ["refused", "tiles", "wrong kind", "worst", "whole", "partly", "unread", "misread"]
        table(["change", *columns], ([name, *_shown(cut_up[name], columns)] for name in names))
        counts = summed(pool.map(plain, sheets, [names] * len(sheets)))
        print(f"\nThe {len(sheets)} given ASAN and Hallym sheets, changed (off: tiles by more than half a pixel)")
        columns = ["refused", "tiles", "worst", "off"]
        table(["change", *columns], ([name, *_shown(counts[name], columns)] for name in names))
    return 0 if seconds <= LIMIT_S else 1


def _shown(counts: Counter[str], columns: list[str]) -> list[object]:
    return [f"{counts[name] / 10:.1f}" if name == "worst" else counts[name] for name in columns]


if __name__ == "__main__":
    sys.exit(main())
