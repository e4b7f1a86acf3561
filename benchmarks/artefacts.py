"""How well artefacts are seen on real pictures, beside what was seen on them by eye.

    python benchmarks/artefacts.py --from ../shared/data [--choose]

The truth is `artefacts_seen.csv` beside this file, as one observer saw it, without a second reading: the path of each
picture below the folder (of a tile: its sheet, and the cell on it), and for each artefact 1 (seen), 0 (not seen) or
nothing (cannot be decided by eye, and not counted). What was called seen: `ruler` a ruler or its marks; `ink` what a
pen drew, of any colour; `vignette` a corner that the lens leaves dark; `hair` at least two hairs, or one across the
picture; `highlight` a reflection or a bubble of gel; `border` a plain band of at least one hundredth of the side along
an edge; `blur` the lesion out of focus; `exposure` so dark or so light that the skin can hardly be judged; `text`
letters or digits, those of a ruler too.

Pictures of round 1 were taken as they come, but for badly exposed and blurred ones, which are rare: tiles that are
among the darkest, the lightest or the least sharp were looked at too. The sha256 of each name puts it into one of two
halves (all sizes of one picture into the same): one chose the thresholds, the other reports. Round 2 are tiles drawn by
the sha256 of their names, and looked at after everything was chosen: of round 1 both halves were before the eyes of
whoever chose between ways to measure.

Prints for the half that reports, for round 2, and for both together (`RIGHT` of curate.images.artefacts), for each
artefact: its threshold, pictures with and without it, sensitivity, specificity with 95 % intervals (Wilson 1927), and
the area under the ROC curve; then the milliseconds of a look. `--choose`: for the half that chose, the same with the
threshold at which sensitivity + specificity is greatest (Youden 1950).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import time
from pathlib import Path

import numpy as np

from curate.images import codec, montage
from curate.images.artefacts import NAMES, THRESHOLDS, artefacts
from curate.images.scene import DECODED, scene
from curate.images.tone import tone
from curate.records import Layout
from curate.text_table import text_table

TRUTH = Path(__file__).with_name("artefacts_seen.csv")
Row = dict[str, str]


def chooses(row: Row) -> bool:
    """Tell whether the picture of round 1 is in the half on which thresholds were chosen."""
    name = f"{Path(row['file']).stem.split('_aug')[0]}/{row['tile']}"
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 0


def pictures(root: Path, rows: list[Row], min_side: int | None = None) -> dict[tuple[str, str], codec.Pixels]:
    """Return the pixels of each picture by file and tile; with `min_side` as `codec.decode` does, sheets whole."""
    found: dict[tuple[str, str], codec.Pixels] = {}
    for file in sorted({row["file"] for row in rows}):
        cells = [row["tile"] for row in rows if row["file"] == file]
        pixels = codec.decode((root / file).read_bytes(), min_side=min_side if cells == [""] else None).pixels
        if cells == [""]:
            found[file, ""] = pixels
            continue
        layout: Layout = "captioned" if file.startswith("severance") else "plain"
        boxes = {str(tile.cell): tile.box for tile in montage.cut(pixels, layout)}
        found |= {(file, cell): codec.crop(pixels, boxes[cell]) for cell in cells}
    return found


def area(with_it: list[float], without: list[float]) -> float | None:
    """Return the area under the ROC curve: how often a picture with the artefact has the greater number."""
    if not with_it or not without:
        return None
    seen, clean = np.array(with_it)[:, None], np.array(without)
    return float((seen > clean).mean() + (seen == clean).mean() / 2)


def wilson(hits: int, of: int) -> str:
    """Return a share with its 95 % interval (Wilson 1927)."""
    if not of:
        return "–"
    share, z = hits / of, 1.959964
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return f"{share:.2f} ({max(0.0, middle - half):.2f}-{min(1.0, middle + half):.2f})"


def best(with_it: list[float], without: list[float]) -> float:
    """Return the number from which calling it seen is right most often on both sides (Youden 1950)."""
    chances = sorted({*with_it, *without} - {0.0})
    right = [
        sum(x >= at for x in with_it) / len(with_it) - sum(x >= at for x in without) / len(without) for at in chances
    ]
    return chances[int(np.argmax(right))]


def main() -> None:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="folder", type=Path, required=True, help="the folder with the real files")
    words.add_argument("--choose", action="store_true", help="the best thresholds on the other half")
    asked = words.parse_args()
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = pictures(asked.folder, rows, DECODED)
    measured = {key: artefacts(pixels) for key, pixels in found.items()}
    first = [row for row in rows if row["round"] == "1"]
    chosen = [row for row in first if chooses(row)]
    if asked.choose:
        print(f"{len(chosen)} pictures, on which the thresholds were chosen\n")
        print(_table(chosen, measured, asked.choose))
        return
    reports, second = [row for row in first if not chooses(row)], [row for row in rows if row["round"] == "2"]
    for words_, some in (
        ("the half of round 1 that reports", reports),
        ("round 2, looked at after everything was chosen", second),
        ("both together, as the report and artefact_bias say it", reports + second),
    ):
        print(f"{len(some)} pictures: {words_}\n\n{_table(some, measured, asked.choose)}\n")
    _time(list(found.values()))


def _table(rows: list[Row], measured: dict[tuple[str, str], dict[str, float]], choose: bool) -> str:
    lines = []
    for name in NAMES:
        with_it, without = (
            [measured[row["file"], row["tile"]][name] for row in rows if row[name] == said] for said in ("1", "0")
        )
        hits = sum(value >= THRESHOLDS[name] for value in with_it)
        clean = sum(value < THRESHOLDS[name] for value in without)
        line: dict[str, object] = {"artefact": name, "threshold": THRESHOLDS[name]}
        line |= {"with it": len(with_it), "without": len(without)}
        line |= {"sensitivity (95 %)": wilson(hits, len(with_it)), "specificity (95 %)": wilson(clean, len(without))}
        line |= {"AUC": area(with_it, without)}
        lines.append(line | ({"best threshold": best(with_it, without)} if choose else {}))
    return text_table(lines)


def _time(found: list[codec.Pixels]) -> None:
    large = [pixels for pixels in found if min(pixels.shape[:2]) >= 256]
    started = time.perf_counter()
    scenes = [scene(pixels) for pixels in large]
    seen = time.perf_counter()
    for pixels, one in zip(large, scenes, strict=True):
        tone(pixels, one)
        artefacts(pixels, one)
    done = time.perf_counter()
    each = 1000 / len(large)
    print(
        f"milliseconds a picture, {len(large)} pictures of 256 pixels or more on the short side, one process: "
        f"{(seen - started) * each:.1f} for where what lies, {(done - seen) * each:.1f} for tone and artefacts"
    )


if __name__ == "__main__":
    main()
