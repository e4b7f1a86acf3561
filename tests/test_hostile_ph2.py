"""What spoils PH2's text on its way: read as if nothing were, or told with its line; its Readme is none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from parsing import FIXTURES, complaint, labels, parse_these

TEXT = (FIXTURES / "ph2" / "PH2Dataset" / "PH2_dataset.txt").read_text(encoding="ascii")
HARMLESS: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "line ends of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "line ends of an old Mac": lambda text: text.replace("\n", "\r").encode(),
    "mixed line ends": lambda text: text.replace("\n", "\r", 2).replace("\n", "\r\n", 1).encode(),
    "the Ctrl-Z of DOS": lambda text: text.encode() + b"\x1a",
    "spaces around rows": lambda text: text.replace("||\n", "||  \n  ").encode(),
}
# The spoilt text, the beginning of the message, the line that it names.
HARMFUL: dict[str, tuple[Callable[[str], bytes], str, int]] = {
    "Latin-1": (lambda text: text.replace("Dysplastic", "Dysplàstic").encode("latin-1"), "a text file is not in", 3),
    "a NUL": (lambda text: text.replace("Dysplastic", "Dysplas\0ic").encode(), "a text file holds a NUL byte", 3),
    "an escape": (lambda text: text.replace("Dysplastic", "\x1b[2J").encode(), "a text file holds a control", 3),
    "a row without its beginning": (lambda text: text.replace("|| IMD902", "IMD902").encode(), "the table is not", 3),
    "a row with half its beginning": (lambda text: text.replace("|| IMD902", "| IMD902").encode(), "the table is", 3),
    "cut in the last cell": (lambda text: text[: text.index("4 ||\n|| IMD903") + 2].encode(), "the table is not", 3),
    "a header in the middle": (
        lambda text: text.replace("|| IMD902", text.splitlines()[0] + "\n|| IMD902").encode(),
        "the table is not in PH2's form",
        3,
    ),
    "two rows in one line": (
        lambda text: text.replace("||\n|| IMD903", "|| || IMD903").encode(),
        "the table is not",
        3,
    ),
    "10 MB in one cell": (lambda text: text.replace("Dysplastic", "x" * (10 << 20)).encode(), "the table is not", 3),
    "100,000 cells": (lambda text: text.replace("|| IMD902", "||" * 100_000 + " IMD902").encode(), "the table is", 3),
    "a bar too many": (lambda text: text.replace("|| IMD902", "||| IMD902").encode(), "the table is not", 3),
    "a line of bars": (lambda text: text.replace("|| IMD902", "|||\n|| IMD902").encode(), "the table is not", 3),
}


@pytest.mark.parametrize("how", HARMLESS)
def test_what_changes_no_word_changes_no_claim(tmp_path: Path, how: str) -> None:
    spoilt = parse_these("ph2", tmp_path / "a", {"PH2_dataset.txt": HARMLESS[how](TEXT)})
    assert spoilt == parse_these("ph2", tmp_path / "b", {"PH2_dataset.txt": TEXT})


@pytest.mark.parametrize("how", HARMFUL)
def test_what_changes_words_is_told_with_its_line(tmp_path: Path, how: str) -> None:
    spoil, what, line = HARMFUL[how]
    assert spoil(TEXT) != TEXT.encode()
    error = complaint("ph2", tmp_path, {"PH2_dataset.txt": spoil(TEXT)})
    assert error.what.startswith(what), str(error)
    assert str(error.where).startswith(f"PH2_dataset.txt, line {line}")
    assert len(str(error)) < 2000


def test_the_readme_in_latin_1_is_not_read(tmp_path: Path) -> None:
    files = {"PH2_dataset.txt": TEXT, "Readme.txt": "PH² Dataset contents:\n".encode("latin-1")}
    assert labels(parse_these("ph2", tmp_path, files)) == {"IMD901": "0", "IMD902": "1", "IMD903": "2"}
