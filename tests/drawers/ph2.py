"""Drawn trees of PH2: a text, a workbook, or both."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.demo import ph2
from curate.demo.archive import Cell, workbook
from curate.files import Files
from curate.records import Record
from drawers import books
from drawers.drawing import PIXELS, Tree, filled, lines, numbered

BARLESS = books.TYPED.filter(lambda text: "|" not in text)

FEATURES = ("asymmetry", "pigment_network", "dots_globules", "streaks", "regression_areas", "blue_whitish_veil")


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    listed = draw(st.lists(st.integers(0, 99).map("IMD{:03}".format), unique=True, max_size=5))
    in_text, in_book = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    text, cells, claims = [ph2.HEADER], [], []
    files: dict[str, bytes] = {}
    for name in listed:
        code, histology = draw(st.sampled_from("012")), draw(BARLESS)
        features = [draw(BARLESS) for _ in FEATURES]
        colours = sorted(draw(st.sets(st.sampled_from("123456"))))
        text.append(f"|| {name} || {histology} || {code} || {' | '.join(features)} || {'  '.join(colours)} ||")
        cells.append(_ph2_cells(name, histology, code, features, colours))
        picture, mask = draw(st.booleans()), draw(st.booleans())
        files |= {f"{name}.bmp": PIXELS} if picture else {}
        files |= {f"{name}_lesion.bmp": PIXELS} if mask else {}
        words = dict(zip(FEATURES, features, strict=True)) | {"colors": " ".join(colours)}
        claims.append(
            Record(
                image_id=name,
                file=f"{name}.bmp" if picture else None,
                mask=f"{name}_lesion.bmp" if mask else None,
                source_label=code,
                diagnosis_method="clinical diagnosis",
                modality="dermoscopic",
                claims=filled({"histological_diagnosis": histology, **words}),
            )
        )
    if in_text:
        end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
        files["PH2_dataset.txt"] = (end.join(text) + ph2.LEGEND.replace("\n", end)).encode()
    if in_book:
        above: list[tuple[Cell, ...]] = [(None,), (None, None, "Legends")] * draw(st.integers(0, 3))
        files["PH2_dataset.xlsx"] = workbook("Folha1", [*above, ph2.COLUMNS, *draw(st.permutations(cells))])
    return Tree({**files, "Readme.txt": "PH²".encode("latin-1")}, claims)


def _ph2_cells(name: str, histology: str, code: str, features: list[str], colours: list[str]) -> tuple[Cell, ...]:
    crosses = tuple("X" if code == word else None for word in "012")
    shades = tuple("X" if word in colours else None for word in "123456")
    return (name, histology or None, *crosses, *features, *shades)


def names(files: Files) -> Iterable[str]:
    text = [line.strip().strip("|").split("||")[0].strip() for line in lines(files, "PH2_dataset.txt") if "|" in line]
    rows = books.read(files, ("PH2_dataset.xlsx",))
    start = next((at for at, row in enumerate(rows, 1) if row[0] == "Image Name"), len(rows))
    return {*numbered(text[1:]), *numbered(str(row[0]).strip() for row in rows[start:] if any(row))}
