"""How well lesion and skin are told apart without a mask, on the pictures whose masks people drew.

    python benchmarks/lesions.py --from ../shared/data

Looks below the folder for lesion masks (`<name>_lesion.bmp` of PH2, `<name>_[Ss]egmentation.png` of ISIC) whose picture
is there too. Prints for each, and as the mean of each source: the intersection over union of the lesion found and the
lesion drawn, and the share of what was taken for skin that lies in the drawn lesion; then the skin's angle (ITA) with
the built-in separation, with the mask, and their difference in degrees. Exit code 1 where the mean intersection over
union of a source is below 0.75.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from curate.images import codec
from curate.images.scene import DECODED, scene
from curate.images.tone import tone
from curate.text_table import text_table

LEAST = 0.75
_MASK = re.compile(r"(?P<name>.+)_(lesion\.bmp|segmentation\.png)", re.IGNORECASE)


def pairs(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield (source, picture, mask) of each mask whose picture is there."""
    pictures = {path.stem: path for form in ("jpg", "bmp") for path in sorted(root.rglob(f"*.{form}"))}
    for path in sorted(path for form in ("bmp", "png") for path in root.rglob(f"*.{form}")):
        named = _MASK.fullmatch(path.name)
        if named and named["name"] in pictures:
            yield path.relative_to(root).parts[0], pictures[named["name"]], path


def main() -> int:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="folder", type=Path, required=True, help="the folder with the real files")
    lines: list[dict[str, Any]] = []
    for source, picture, mask in pairs(words.parse_args().folder):
        pixels = codec.decode(picture.read_bytes(), min_side=DECODED).pixels
        drawn = codec.decode(mask.read_bytes()).pixels[..., 0] > 127
        alone, told = scene(pixels), scene(pixels, drawn)
        size = alone.grey.shape[::-1]
        lesion = cv2.resize(drawn.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
        angles = tone(pixels, alone).ita_deg, tone(pixels, told).ita_deg
        line: dict[str, Any] = {"source": source, "picture": picture.stem}
        line["IoU"] = float((alone.lesion & lesion).sum() / (alone.lesion | lesion).sum())
        line["of skin in lesion"] = float((alone.skin & lesion).sum() / max(1, alone.skin.sum()))
        line |= {"ITA": angles[0], "ITA with mask": angles[1]}
        line["apart"] = None if None in angles else abs(float(angles[0] or 0) - float(angles[1] or 0))
        lines.append(line)
    print(text_table(lines))
    good = bool(lines)
    for source in sorted({line["source"] for line in lines}):
        mean = float(np.mean([line["IoU"] for line in lines if line["source"] == source]))
        count = sum(line["source"] == source for line in lines)
        print(f"\n{source}: mean intersection over union {mean:.3f} of {count} pictures (at least {LEAST})")
        good &= mean >= LEAST
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
