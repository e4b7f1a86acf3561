"""The sheet names of the ASAN and Hallym thumbnails: the class stands nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from curate.errors import ParseError
from curate.files import Files
from curate.records import PublishedSplit, Sheet
from curate.sources import csv_table

_ASAN = re.compile(r"L#12dx#(train|test)-asan\d+#(biopsy|non-biopsy)#(\S(?:.*\S)?)\.png")
_HALLYM = re.compile(r"L#12dx#hallym#(\S+) (\S(?:.*\S)?)\.png")
_SPLITS: dict[str, PublishedSplit] = {"train": "train", "test": "test"}


def sheets(files: Files, wanted: Literal["asan", "hallym"]) -> Iterator[Sheet]:
    """Yield the sheets of one of the two sources, by path; the other's are passed over.

    Raises ParseError for a PNG whose name fits neither, for two sheets of one name, and for a test sheet in the
    training folder or the other way round. A tree without sheets (labels only) has nothing to say.
    """
    seen: dict[str, str] = {}
    paths = files.matching("*.png")
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        # The class becomes a label: what cannot be printed (half a letter of another system's name) is none.
        asan, hallym = (form.fullmatch(name) if name.isprintable() else None for form in (_ASAN, _HALLYM))
        if asan is not None:
            if wanted == "asan":
                yield _asan_sheet(path, asan, seen)
        elif hallym is not None:
            if wanted == "hallym":
                part, token = hallym.groups()
                yield Sheet(
                    name=csv_table.once(seen, f"{part}-{token}".replace(" ", "-"), path),
                    file=path,
                    layout="plain",
                    source_label=token,
                    published_split="test",
                    modality="clinical",
                    claims={"part": part},
                )
        else:
            raise ParseError(
                "the name of a sheet does not say what is on it",
                where=path,
                expected="L#12dx#<train-asan90|test-asan10>#<biopsy|non-biopsy>#<class>.png "
                "or L#12dx#hallym#<part> <class>.png",
                found=name,
                hint="give the sheet its official name and fetch again",
            )


def _asan_sheet(path: str, match: re.Match[str], seen: dict[str, str]) -> Sheet:
    subset, verification, token = match.groups()
    folders = path.lower().rsplit("/", 1)[0] if "/" in path else ""
    contrary = {"train": "asan test dataset", "test": "asan training dataset"}[subset]
    if contrary in folders:
        raise ParseError(
            "a sheet lies in the folder of the other subset",
            where=path,
            expected=f"{subset}, as its name says",
            found=contrary,
            hint="move it to its own folder and fetch again",
        )
    return Sheet(
        name=csv_table.once(seen, f"{subset}-{verification}-{token}".replace(" ", "-"), path),
        file=path,
        layout="plain",
        source_label=token,
        published_split=_SPLITS[subset],
        modality="clinical",
        diagnosis_method=verification,
    )
