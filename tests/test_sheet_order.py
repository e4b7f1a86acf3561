"""Whatever happened to the sheets or to the workbook: a tile gets its own case, or a reason that names its sheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from drawn_sheets import CHANGES, resaved
from hypothesis import given, settings
from hypothesis import strategies as st
from sheet_stream import Read, built

from curate.files import Files
from curate.images import codec, montage
from curate.records import Case
from curate.sources import severance

Sheet = tuple[str, list[Read]]  # the name of its bytes, and what was read of its cells
LABELS = ("wart", "seborrheickeratosis", "melanocyticnevus")
SIZE = 12  # cells of a sheet


def case(number: int) -> dict[str, Any]:
    """A row of the workbook unlike its neighbours."""
    label, sex = LABELS[number % 3], "MF"[number % 2]
    return {"number": number, "source_label": label, "age": f"{number % 90 + 5}.0", "sex": sex}


def says(number: int) -> str:
    row = case(number)
    return f"{number}, {row['sex']}/{row['age'].removesuffix('.0')}, {row['source_label']}"


def stream(pictures: list[int]) -> tuple[dict[int, Sheet], dict[str, list[int]]]:
    """Return the sheets by position, and by the name of a sheet's bytes whose picture stands in each cell."""
    cells = [(kind, number) for number, count in enumerate(pictures, 1) for kind in ["label"] + ["picture"] * count]
    sheets: dict[int, Sheet] = {}
    truth = {}
    for start in range(0, len(cells), SIZE):
        part, place = cells[start : start + SIZE], start // SIZE + 1
        read: list[Read] = [(kind, says(number) if kind == "label" else None) for kind, number in part]
        read += [("blank", None)] * (SIZE - len(part))
        sheets[place] = f"bytes{place}", read
        truth[f"bytes{place}"] = [number for _, number in part] + [0] * (SIZE - len(part))
    return sheets, truth


def changed(sheets: dict[int, Sheet], truth: dict[str, list[int]], draw: st.DataObject) -> dict[int, Sheet]:
    """Do to the sheets, once to four times, what may happen to files, or to what is read of them."""
    sheets = dict(sheets)
    for turn in range(draw.draw(st.integers(1, 4))):
        one, other = (draw.draw(st.sampled_from(sorted(sheets))) for _ in range(2))
        free = draw.draw(st.sampled_from([n for n in range(1, max(sheets) + 3) if n not in sheets]))
        what = draw.draw(st.sampled_from(["miss", "copy", "save again", "swap", "rename", "cell"]))
        name, cells = sheets[one]
        again = f"{name} again {turn}"
        if what == "miss" and len(sheets) > 1:
            del sheets[one]
        elif what == "copy":
            sheets[free] = sheets[one]
        elif what == "save again":
            truth[again] = truth[name]
            sheets[free] = again, cells
        elif what == "swap":
            sheets[one], sheets[other] = sheets[other], sheets[one]
        elif what == "rename":
            sheets[free] = sheets.pop(one)
        elif what == "cell":
            place = draw.draw(st.integers(0, SIZE - 1))
            kind, text = cells[place]
            if kind == "label" and text is not None:
                number = int(text.partition(",")[0])
                # Not to be told from the workbook alone is a label cell that says another whole case: the order tells.
                read = draw.draw(
                    st.sampled_from(
                        [
                            ("label", None),
                            ("label", says(number + 1)),
                            ("label", says(number + 7)),
                            ("label", text.replace("e", "?")),
                            ("label", text.replace("e", "o").replace("wart", "worm")),
                            ("blank", None),
                        ]
                    )
                )
                truth[again] = truth[name]
                sheets[one] = again, [*cells[:place], read, *cells[place + 1 :]]
    return sheets


def check(found: dict[str, dict[str, Any]], sheets: dict[int, Sheet], truth: dict[str, list[int]]) -> None:
    """Every picture is a record once; it has its own case, or a reason with the name of a sheet."""
    assert len(found) == sum(kind == "picture" for _, cells in sheets.values() for kind, _ in cells)
    for row in found.values():
        position = int(row["location"].removeprefix("place"))
        number = truth[sheets[position][0]][row["cell"] - 1]
        if row["problem"] is None:
            assert row["lesion_id"] == str(number)
            wanted = case(number)
            assert (row["source_label"], row["age"], row["sex"]) == (
                wanted["source_label"],
                wanted["age"],
                wanted["sex"],
            )
        else:
            assert row["problem"] in ("sheet unreadable", "no label cell")
            assert f"{position:03}.jpg" in row["problem_detail"] or f"{position - 1:03}.jpg" in row["problem_detail"]
            assert row["source_label"] is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=12, max_size=24), st.data())
def test_no_tile_ever_gets_a_case_that_is_not_its_own(pictures: list[int], data: st.DataObject) -> None:
    sheets, truth = stream(pictures)
    sheets = changed(sheets, truth, data)
    check(built(sheets, [case(number) for number in range(1, len(pictures) + 1)]), sheets, truth)


PICTURES = [3, 4, 2, 5, 1, 6, 2, 3, 4, 5, 3, 2]


def problems(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: row["problem_detail"] for name, row in found.items() if row["problem"] is not None}


def test_all_is_found_where_nothing_was_changed() -> None:
    sheets, truth = stream(PICTURES)
    found = built(sheets, [case(number) for number in range(1, 13)])
    check(found, sheets, truth)
    assert problems(found) == {}
    assert sorted(found) == sorted(f"severance:{n}/{k}" for n, c in enumerate(PICTURES, 1) for k in range(1, c + 1))


@pytest.mark.parametrize(("word", "value"), [("sex", "X"), ("age", "104.0"), ("source_label", "angiosarcoma")])
def test_one_edited_row_of_the_workbook_costs_its_own_case_alone(word: str, value: str) -> None:
    sheets, _truth = stream(PICTURES)
    rows = [case(number) | ({word: value} if number == 6 else {}) for number in range(1, 13)]
    found = built(sheets, rows)
    assert len(problems(found)) == PICTURES[5]
    assert all("row 6 of the workbook says" in why for why in problems(found).values())
    assert {row["lesion_id"] for row in found.values()} == {None} | {str(n) for n in range(1, 13) if n != 6}


def test_rows_of_the_workbook_that_are_shifted_cost_every_case_from_there_on() -> None:
    sheets, truth = stream(PICTURES)
    rows = [case(number if number < 5 else number + 1) | {"number": number} for number in range(1, 13)]
    found = built(sheets, rows)
    check(found, sheets, truth)
    assert {row["lesion_id"] for row in found.values() if row["problem"] is None} == {"1", "2", "3", "4"}


def test_tiles_after_an_unread_label_cell_are_not_given_to_the_case_before() -> None:
    sheets, _truth = stream(PICTURES)
    for kind in ("label", "picture", "blank"):  # what the label cell of case 2, in cell 5, may be taken for
        name, cells = sheets[1]
        hidden = sheets | {1: (name, [*cells[:4], (kind, None), *cells[5:]])}
        found = built(hidden, [case(number) for number in range(1, 13)])
        assert not {"severance:2/1", "severance:1/4"} & set(found), kind
        lost = [row for row in found.values() if row["problem"] and row["location"] == "place001"]
        assert {5 + n for n in range(1, 5)} <= {row["cell"] for row in lost}, kind
        assert all("001.jpg" in row["problem_detail"] for row in lost)


def test_a_letter_that_was_not_sure_does_not_matter_and_one_that_is_wrong_does() -> None:
    sheets, _ = stream(PICTURES)
    name, cells = sheets[1]
    for word, kept in (("seborrh?ickeratosis", False), ("mel?nocyticnev??", True), ("mel?nocyticnovus", False)):
        assert cells[4][1] == "2, M/7, melanocyticnevus"
        read = {1: (name, [*cells[:4], ("label", f"2, M/7, {word}"), *cells[5:]])}
        found = built(sheets | read, [case(number) for number in range(1, 13)])
        assert ("severance:2/1" in found) is kept, word


@pytest.mark.parametrize("saved_again", [False, True])
def test_a_doubled_sheet_is_taken_where_its_neighbours_say_it_belongs(saved_again: bool) -> None:
    sheets, truth = stream(PICTURES)
    name, cells = sheets[3]
    copy = "again" if saved_again else name
    truth[copy] = truth[name]
    # In the gap of a sheet that is missing the copy comes first, and stands out of order there.
    doubled = {place: sheet for place, sheet in sheets.items() if place != 1} | {1: (copy, cells)}
    found = built(doubled, [case(number) for number in range(1, 13)])
    check(found, doubled, truth)
    lost = {row["location"] for row in found.values() if row["problem"]}
    assert "place001" in lost
    assert lost <= {"place001", "place002"}
    kept = {row["location"] for row in found.values() if not row["problem"]}
    assert kept == {f"place{place:03}" for place in sheets if place != 1}


@pytest.fixture(scope="module")
def real_stream(real: Path) -> tuple[dict[int, Sheet], list[dict[str, Any]], dict[str, list[int]]]:
    folder = real / "severance"
    starts = {}
    for row in csv.DictReader((folder / "severance_cases.csv").open(encoding="utf-8")):
        starts[(int(row["sheet"][:3]) - 1) * 120 + int(row["row"]) * 15 + int(row["col"])] = int(row["case_id"])
    owners, owner = [], 0
    for place in range(380 * 120):
        owner = starts.get(place, owner)
        owners.append(owner)
    sheets: dict[int, Sheet] = {}
    for path in sorted((folder / "SeveranceA_Thumbnails").glob("*.jpg")):
        tiles = montage.cut(codec.decode(path.read_bytes()).pixels, "captioned")
        sheets[int(path.stem)] = path.stem, [(tile.kind, tile.text) for tile in tiles]
    cases = [
        {"number": claim.number, "source_label": claim.source_label, "age": claim.age, "sex": claim.sex}
        for claim in severance.parse(Files.of_folder(folder))
        if isinstance(claim, Case)
    ]
    return sheets, cases, {f"{n:03}": owners[120 * (n - 1) : 120 * n] for n in range(1, 381)}


CHANGED = {
    "as it is": ({}, 24),
    "missing": ({4: None}, None),
    "doubled beyond the end": ({381: 380}, None),
    "two swapped": ({50: 51, 51: 50}, None),
    "renamed into a gap": ({9: 3, 3: None}, None),
}


@pytest.mark.real
@pytest.mark.parametrize("change", CHANGED)
def test_the_real_stream(real_stream: tuple[Any, Any, Any], change: str) -> None:
    sheets, cases, owners = real_stream
    moves, lost = CHANGED[change]
    stirred = {place: sheets[moves.get(place, place)] for place in {*sheets, *moves} if moves.get(place, place)}
    found = built(stirred, cases)
    rows = {row["number"]: row for row in cases}
    assert len(found) == sum(kind == "picture" for _, cells in stirred.values() for kind, _ in cells)
    for row in found.values():
        position = int(row["location"].removeprefix("place"))
        if row["problem"] is None:
            number = owners[stirred[position][0]][row["cell"] - 1]
            wanted = rows[number]
            assert row["lesion_id"] == str(number)
            assert (row["source_label"], row["age"], row["sex"]) == (
                wanted["source_label"],
                wanted["age"],
                wanted["sex"],
            )
        else:
            assert f"{position:03}.jpg" in row["problem_detail"] or f"{position - 1:03}.jpg" in row["problem_detail"]
    left_out = sum(row["problem"] is not None for row in found.values())
    assert left_out == lost if lost is not None else 0 < left_out < 250


@pytest.mark.real
def test_a_real_sheet_of_another_size_or_quality_in_the_middle(real: Path, real_stream: tuple[Any, Any, Any]) -> None:
    sheets, cases, _ = real_stream
    wanted = {(name, row["lesion_id"]) for name, row in built(sheets, cases).items() if row["problem"] is None}
    pixels = codec.decode((real / "severance" / "SeveranceA_Thumbnails" / "005.jpg").read_bytes()).pixels
    for change in ("JPEG 75", "twice", "half"):
        tiles = montage.cut(CHANGES[change][0](pixels), "captioned")
        stirred = sheets | {5: ("changed", [(tile.kind, tile.text) for tile in tiles])}
        assert {
            (name, row["lesion_id"]) for name, row in built(stirred, cases).items() if row["problem"] is None
        } == wanted
    # Halved and saved again, some label cells are not read: less may be believed, but nothing wrongly.
    tiles = montage.cut(resaved(CHANGES["half"][0](pixels)), "captioned")
    found = built(sheets | {5: ("changed", [(tile.kind, tile.text) for tile in tiles])}, cases)
    kept = {(name, row["lesion_id"]) for name, row in found.items() if row["problem"] is None}
    assert kept <= wanted
    assert len(kept) > len(wanted) - 100
