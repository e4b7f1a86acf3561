"""What spoils a CSV on its way, tried on every CSV of every source: read as if nothing were, or told with its line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from parsing import FIXTURES, complaint, parse_these, records

from curate.files import Files

# Of two versions of one table the later alone is read: the earlier one is tried without it.
INSTEAD = {"ISIC_2020_Training_GroundTruth.csv": "ISIC_2020_Training_GroundTruth_v2.csv"}
SOURCES = ("isic_2016", "isic_2017", "isic_2018", "isic_2019", "isic_2020", "pad_ufes_20")


@dataclass(frozen=True)
class Table:
    """One CSV of a source's fixture, and the other label files that lie beside it."""

    source: str
    name: str
    lines: tuple[str, ...]
    others: dict[str, bytes]

    @property
    def headed(self) -> bool:
        return self.source != "isic_2016"

    @property
    def good(self) -> dict[str, str | bytes]:
        return {**self.others, self.name: "\n".join(self.lines) + "\n"}


def tables() -> list[Table]:
    found = []
    for source in SOURCES:
        files = Files.of_folder(FIXTURES / source)
        here = {path.rsplit("/", 1)[-1]: files.read(path) for path in files.matching("*.csv")}
        for name, data in here.items():
            others = {other: here[other] for other in here if other not in (name, INSTEAD.get(name))}
            found.append(Table(source, name, tuple(data.decode().splitlines()), others))
    return found


every_table = pytest.mark.parametrize("table", tables(), ids=lambda table: table.name.removesuffix(".csv"))


def test_the_fixtures_have_csvs_of_every_source() -> None:
    assert {table.source for table in tables()} == set(SOURCES)
    assert all(len(table.lines) > table.headed for table in tables())


def text(lines: tuple[str, ...], end: str = "\n") -> str:
    return end.join(lines) + end


def mixed(lines: tuple[str, ...]) -> str:
    return "".join(line + ("\r\n", "\r", "\n", "\r\r\n", "\n\n")[at % 5] for at, line in enumerate(lines))


def quoted(lines: tuple[str, ...]) -> str:
    return text(tuple(",".join(f'"{cell}"' for cell in line.split(",")) for line in lines))


def spaced(lines: tuple[str, ...]) -> str:
    return text(tuple(",".join(f' "{cell}"' if cell else "  " for cell in line.split(",")) for line in lines))


# How a spreadsheet, an editor or a copy leaves a table whose words are all still there.
HARMLESS: dict[str, Callable[[tuple[str, ...]], str | bytes]] = {
    "a byte order mark": lambda lines: "\ufeff" + text(lines),
    "UTF-16, little end first": lambda lines: b"\xff\xfe" + text(lines, "\r\n").encode("utf-16-le"),
    "UTF-16, big end first": lambda lines: b"\xfe\xff" + text(lines).encode("utf-16-be"),
    "Excel's Unicode text": lambda lines: text(lines, "\r\n").replace(",", "\t").encode("utf-16"),
    "line ends of an old Mac": lambda lines: text(lines, "\r"),
    "mixed line ends": mixed,
    "the Ctrl-Z of DOS": lambda lines: text(lines, "\r\n") + "\x1a",
    "semicolons": lambda lines: text(lines).replace(",", ";"),
    "tabs": lambda lines: text(lines).replace(",", "\t"),
    "quotes everywhere": quoted,
    "spaces before quotes": spaced,
    "empty lines": lambda lines: "\n \n" + text(lines, "\n\n"),
    "rows of nothing but commas": lambda lines: text(lines) + ("," * lines[0].count(",") + "\r\n") * 3,
}


@every_table
@pytest.mark.parametrize("how", HARMLESS)
def test_what_changes_no_word_changes_no_claim(tmp_path: Path, table: Table, how: str) -> None:
    spoilt = {**table.good, table.name: HARMLESS[how](table.lines)}
    assert parse_these(table.source, tmp_path / "spoilt", spoilt) == parse_these(
        table.source, tmp_path / "good", table.good
    )


def last(lines: tuple[str, ...], change: Callable[[str], str]) -> str:
    return text((*lines[:-1], change(lines[-1])))


BIG = "x" * (10 << 20)
# The spoilt text, the beginning of the message, and the line that it names (from 1; below 0: from the end).
HARMFUL: dict[str, tuple[Callable[[tuple[str, ...]], str | bytes], str, int]] = {
    # An é of Latin-1 may as well be a letter of another code page: it is not guessed, not even in free text.
    "Latin-1": (lambda lines: last(lines, lambda row: row + "é").encode("latin-1"), "a text file is not in", -1),
    "half a surrogate": (
        lambda lines: last(lines, lambda row: "\ud800" + row).encode("utf-8", "surrogatepass"),
        "a text file is not in its encoding",
        -1,
    ),
    "UTF-16 without its mark": (lambda lines: text(lines).encode("utf-16-le"), "a text file holds a NUL byte", 1),
    "UTF-16 cut in a letter": (
        lambda lines: text(lines).encode("utf-16") + b"\0",
        "a text file is not in its encoding",
        0,
    ),
    "a NUL in a name": (lambda lines: last(lines, lambda row: "\0" + row), "a text file holds a NUL byte", -1),
    "a NUL in the last cell": (lambda lines: last(lines, lambda row: row + "\0"), "a text file holds a NUL byte", -1),
    "an escape": (
        lambda lines: last(lines, lambda row: row + "\x1b[2J"),
        "a text file holds a control character",
        -1,
    ),
    "10 MB in one cell": (lambda lines: last(lines, lambda row: row + BIG), "a cell is longer than 131,072", -1),
    "10 MB in one quoted cell": (
        lambda lines: last(lines, lambda row: row.rpartition(",")[0] + f',"{BIG}"'),
        "a cell is longer than 131,072",
        -1,
    ),
    "10 MB in the first cell": (lambda lines: BIG + text(lines), "a cell is longer than 131,072", 1),
    "a quote that is never closed, before 10 MB": (
        lambda lines: '"' + text(lines) + (lines[-1] + "\n") * (len(BIG) // (len(lines[-1]) + 1)),
        "a cell runs over several lines",
        1,
    ),
    "a quote over two rows": (
        lambda lines: text((*lines[:-1], f'"{lines[-1]}', f'{lines[-1]}"')),
        "a cell runs over several lines",
        -1,
    ),
    "100,000 cells in a row": (
        lambda lines: last(lines, lambda row: row + "," * 100_000),
        "a row has the wrong number of cells",
        -1,
    ),
    "a cell less": (lambda lines: last(lines, lambda row: row.partition(",")[2]), "a row has the wrong number of", -1),
}
HARMFUL_HEADERS: dict[str, tuple[Callable[[tuple[str, ...]], str | bytes], str, int]] = {
    "100,000 other columns": (lambda lines: ",".join(f"c{n}" for n in range(100_000)) + "\n", "the column", 1),
    "100,000 columns without a name": (
        lambda lines: text((lines[0] + "," * 100_000, *lines[1:])),
        "the column '' stands there twice",
        1,
    ),
    "one column of a long name": (lambda lines: "x" * 100_000 + "\n", "the column", 1),
    "a column twice": (
        lambda lines: text(tuple(f"{line},{line.split(',')[0]}" for line in lines)),
        "the column",
        1,
    ),
    "two files put together": (lambda lines: text((*lines, lines[0])), "the header stands there twice", 0),
    "two files with marks put together": (
        lambda lines: text((*lines, "\ufeff" + lines[0])),
        "the header stands there twice",
        0,
    ),
}


@every_table
@pytest.mark.parametrize("how", [*HARMFUL, *HARMFUL_HEADERS])
def test_what_changes_words_is_told_with_its_line(tmp_path: Path, table: Table, how: str) -> None:
    if how in HARMFUL_HEADERS and not table.headed:
        pytest.skip("this file has no header")
    spoil, what, line = (HARMFUL | HARMFUL_HEADERS)[how]
    begun = time.perf_counter()
    error = complaint(table.source, tmp_path, {**table.good, table.name: spoil(table.lines)})
    assert time.perf_counter() - begun < 60, "seconds, where it was minutes"
    assert error.what.startswith(what), str(error)
    number = line if line > 0 else len(table.lines) + line + 1
    assert re.match(rf"{re.escape(table.name)}, line {number}\b", str(error.where)), str(error)
    assert error.hint
    assert len(str(error)) < 2000, "a message is for a person"
    assert not re.search("[\x00\x1b\r]", str(error)), "and does not steer the terminal"


def test_latin_1_names_the_byte_and_what_to_do(tmp_path: Path) -> None:
    """Free text of PAD-UFES-20, whose official file is UTF-8: `POMERÂNIA` is not guessed from another code page."""
    header = "patient_id,lesion_id,background_father,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    row = "PAT_1,2,POMERÂNIA,3,,,ARM,NEV,PAT_1_2_3.png,True\n"
    error = complaint("pad_ufes_20", tmp_path / "a", {"metadata.csv": (header + row).encode("latin-1")})
    assert (error.where, error.expected) == (f"metadata.csv, line 2, byte {len(header) + 13}", "UTF-8")
    assert str(error.found).startswith("0xc2")
    assert "UTF-8" in str(error.hint)
    (record,) = records(parse_these("pad_ufes_20", tmp_path / "b", {"metadata.csv": header + row}))
    assert record.claims["background_father"] == "POMERÂNIA"


def test_two_rows_cut_in_one_column_are_not_one_row(tmp_path: Path) -> None:
    """A stray quote in each of two rows makes one row of the right width of them, and a picture would be lost."""
    header = "patient_id,lesion_id,background_father,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    rows = 'PAT_1,2,"POMERANIA,3,,,ARM,NEV,PAT_1_2_3.png,True\nPAT_4,2,GERMANY",3,,,ARM,NEV,PAT_4_2_3.png,True\n'
    error = complaint("pad_ufes_20", tmp_path, {"metadata.csv": header + rows})
    assert error.where == "metadata.csv, line 2 to 3"


def test_a_picture_of_no_name(tmp_path: Path) -> None:
    header = "patient_id,lesion_id,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    error = complaint("pad_ufes_20", tmp_path, {"metadata.csv": header + "PAT_1,2,3,,,ARM,NEV,.png,True\n"})
    assert error.what == "a row has no name"
