"""What the drawn workbooks share: cells that a workbook takes for text, and how a stranger reads one."""

from __future__ import annotations

import io

import openpyxl

from curate.files import Files
from drawers.drawing import WORDS

# A workbook takes what begins with "=" for a formula, and has eight words for its errors.
TYPED = WORDS.filter(lambda text: not text.lstrip().startswith(("=", "#")))


def read(files: Files, names: tuple[str, ...]) -> list[tuple[object, ...]]:
    for name in names:
        for path in files:
            if path.rpartition("/")[2] == name:
                book = openpyxl.load_workbook(io.BytesIO(files.read(path)), data_only=True)
                return list(book.worksheets[0].iter_rows(values_only=True))
    return []
