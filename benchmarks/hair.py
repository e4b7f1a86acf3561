"""What hair removal paints over on real pictures, beside where hair was seen by eye.

    python benchmarks/hair.py --from ../shared/data [--look FOLDER]

The truth is the column `hair` of `artefacts_seen.csv` beside this file, and the pictures are those of it; the
thresholds of `curate.images.hair` were chosen on them, so what is printed describes them and is no measure of others.
Pictures with a short side below 128 pixels are not touched, and stand in lines of their own.

Prints for dermoscopy and for photographs, with hair and without: how many pictures are changed, and which share of the
changed ones is painted over (the middle one, and the most); then the milliseconds that a picture takes.
`--look`: writes each changed picture as PNG: as it was, what is painted over in green, and as it comes out.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from artefacts import TRUTH, pictures

from curate.images import codec
from curate.images.hair import SMALLEST, hair, without_hair
from curate.text_table import text_table

SIDE = 256
DERMOSCOPY = ("isic/", "ph2/")


def main() -> None:
    """Print the table, and write what was asked for."""
    words = argparse.ArgumentParser(description="What hair removal paints over on real pictures.")
    words.add_argument("--from", dest="root", type=Path, required=True, help="the folder of the pictures")
    words.add_argument("--look", type=Path, help="write the changed pictures there")
    chosen = words.parse_args()
    with TRUTH.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["hair"] in ("0", "1")]
    known = pictures(chosen.root, rows)
    groups: dict[tuple[str, str], list[float]] = {}
    taken = 0.0
    for number, row in enumerate(rows):
        pixels = codec.scale(known[row["file"], row["tile"]], SIDE)
        started = time.perf_counter()
        changed = without_hair(pixels)
        taken += time.perf_counter() - started
        mask = hair(pixels)
        kind = "dermoscopy" if row["file"].startswith(DERMOSCOPY) else "photographs"
        kind = kind if min(pixels.shape[:2]) >= SMALLEST else f"below {SMALLEST} px"
        groups.setdefault((kind, row["hair"]), []).append(0.0 if changed is None else float(mask.mean()))
        if chosen.look and changed is not None:
            marked = pixels.copy()
            marked[mask] = (0, 255, 0)
            chosen.look.mkdir(parents=True, exist_ok=True)
            name = f"{kind} {row['hair']} {number:03d} {Path(row['file']).stem}.png"
            (chosen.look / name).write_bytes(codec.encode(np.hstack([pixels, marked, changed]), "PNG"))
    print(text_table([_told(*key, shares) for key, shares in sorted(groups.items())]))
    print(f"{1000 * taken / len(rows):.0f} ms a picture")


def _told(kind: str, seen: str, shares: list[float]) -> dict[str, object]:
    changed = [share for share in shares if share]
    return {
        "pictures": kind,
        "hair seen": "yes" if seen == "1" else "no",
        "of": len(shares),
        "changed": len(changed),
        "painted over (middle)": f"{100 * np.median(changed):.1f} %" if changed else "",
        "(most)": f"{100 * max(changed):.1f} %" if changed else "",
    }


if __name__ == "__main__":
    main()
