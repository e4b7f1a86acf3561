"""The PH2 tree of the demo: two tables that agree, BMP pictures, 1-bit masks; a zip, since nothing free writes RAR."""

from __future__ import annotations

from itertools import cycle, islice

from curate.demo import bitmap
from curate.demo.archive import Cell, pack, workbook
from curate.demo.lesion import draw_outlined
from curate.demo.truth import Part, Planted, category

COUNTS = {"tiny": 5, "small": 10, "demo": 40}
KINDS = (("0", "melanocytic_nevus"), ("1", "atypical_nevus"), ("2", "melanoma"))
WIDTH, HEIGHT = 255, 190  # pixels; as odd as the real 765 x 572, so that the rows of a BMP are padded
LEGEND = """

Legends for Clinical Diagnosis: 
   0 - Common Nevus;
   1 - Atypical Nevus;
   2 - Melanoma.

Legends for Asymmetry: 
   0 - Fully Symmetric;
   1 - Symetric in 1 axe;
   2 - Fully Asymmetric;
"""  # noqa: W291 - the spaces and the spelling stand in the real file
HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | Dots/Globules | "
    "Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
COLUMNS = (
    *("Image Name", "Histological Diagnosis", "Common Nevus", "Atypical Nevus", "Melanoma", "Asymmetry\n(0/1/2)"),
    *("Pigment Network\n(AT/T)", "Dots/Globules\n(A/AT/T)", "Streaks\n(A/P)", "Regression Areas\n(A/P)"),
    *("Blue-Whitish Veil\n(A/P)", "White", "Red", "Light-Brown", "Dark-Brown", "Blue-Gray", "Black"),
)
TOP = "PH2Dataset"


def make(seed: int, size: str) -> Part:
    """Return PH2Dataset.zip, the text table beside it, and the records; the third histology is left empty."""
    members: list[tuple[str, bytes]] = []
    lines, cells, records = [HEADER], [], []
    for number, (code, subtype) in enumerate(sorted(islice(cycle(KINDS), COUNTS[size]))):
        name = f"IMD{(number * 37 + 3) % 435:03}"
        histology = "" if code != "2" or number % 3 == 0 else "Melanoma"
        features = ("2", "AT", "AT", "P", "P", "P") if code == "2" else (code, "T", "T", "A", "A", "A")
        colours = ("3", "4", "5", "6") if code == "2" else ("4",)
        lines.append(_line(name, histology, code, features, colours))
        cells.append(_cells(name, histology, code, features, colours))
        members += _files(seed, subtype, name, roi=number % 4 == 0)
        records.append(
            Planted(
                id=f"ph2:{name}",
                source="ph2",
                source_label=code,
                subtype=subtype,
                category=category(subtype),
                photograph=f"{seed}/ph2/{name}/1",
                side=HEIGHT,
            )
        )
    text = ("\n".join(lines) + "\n" + LEGEND).encode("ascii")
    above: list[tuple[Cell, ...]] = [(None,)] * 11
    above[2] = (*(None,) * 5, "Asymmetry", 0, "Fully Simmetric")
    book = workbook("Folha1", [*above, (None, None, "Clinical Diagnosis", *(None,) * 8, "Colors"), COLUMNS, *cells])
    members += [
        (f"{TOP}/PH2_dataset.txt", text),
        (f"{TOP}/PH2_dataset.xlsx", book),
        (f"{TOP}/Readme.txt", "PH² Dataset contents:\n".encode("latin-1")),
    ]
    files = {"PH2Dataset.zip": pack(sorted(members), deflate=True), "PH2_dataset.txt": text}
    return Part({"ph2": files}, records, {"ph2": {"records": len(records), "pictures": len(records)}})


def _files(seed: int, subtype: str, name: str, *, roi: bool) -> list[tuple[str, bytes]]:
    pixels, mask = draw_outlined(subtype, lesion=f"{seed}/ph2/{name}", view="1", width=WIDTH, height=HEIGHT)
    folder = f"{TOP}/PH2 Dataset images/{name}"
    files = [
        (f"{folder}/{name}_Dermoscopic_Image/{name}.bmp", bitmap.bmp(pixels)),
        (f"{folder}/{name}_lesion/{name}_lesion.bmp", bitmap.bmp_mask(mask)),
    ]
    if roi:
        files.append((f"{folder}/{name}_roi/{name}_R1_Label4.bmp", bitmap.bmp_mask(mask)))
    return files


def _line(name: str, histology: str, code: str, features: tuple[str, ...], colours: tuple[str, ...]) -> str:
    widths = (9, 15, 13, 7, 16, 17)
    middle = " | ".join(f"{value:>{width}}" for value, width in zip(features, widths, strict=True))
    return f"|| {name} || {histology:>22} || {code:>18} || {middle} || {'  '.join(colours):>16} ||"


def _cells(
    name: str, histology: str, code: str, features: tuple[str, ...], colours: tuple[str, ...]
) -> tuple[Cell, ...]:
    crosses = tuple("X" if code == word else None for word in "012")
    shades = tuple("X" if word in colours else None for word in "123456")
    return (name, histology or None, *crosses, int(features[0]), *features[1:], *shades)
