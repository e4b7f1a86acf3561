"""A parser run on a folder of small files, and what is asked of its claims."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from openpyxl import Workbook

from curate.errors import FetchError, ParseError
from curate.files import Files
from curate.records import Claim, Record

FIXTURES = Path(__file__).parent / "fixtures"
CLASSES_2018 = "MEL,NV,BCC,AKIEC,BKL,DF,VASC"
CLASSES_2019 = "MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK"
TRAIN_2016 = "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"
TEST_2016 = "ISBI2016_ISIC_Part3_Test_GroundTruth.csv"
TRAIN_2017 = "ISIC-2017_Training_Part3_GroundTruth.csv"
TRAIN_2018 = "ISIC2018_Task3_Training_GroundTruth.csv"
TRAIN_2019 = "ISIC_2019_Training_GroundTruth.csv"
TRAIN_2020 = "ISIC_2020_Training_GroundTruth_v2.csv"
HEADER_2017 = "image_id,melanoma,seborrheic_keratosis\n"
HEADER_2018 = f"image,{CLASSES_2018}\n"
HEADER_2019 = f"image,{CLASSES_2019}\n"
HEADER_2020 = (
    "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\n"
)


def parse(source: str, folder: Path) -> list[Claim]:
    parser: Iterator[Claim] = importlib.import_module(f"curate.sources.{source}").parse(Files.of_folder(folder))
    return list(parser)


def parse_these(source: str, folder: Path, files: Mapping[str, str | bytes]) -> list[Claim]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse(source, folder)


def records(claims: list[Claim]) -> list[Record]:
    return [claim for claim in claims if isinstance(claim, Record)]


def labels(claims: list[Claim]) -> dict[str, str | None]:
    return {record.image_id: record.source_label for record in records(claims)}


def complaint(source: str, folder: Path, files: Mapping[str, str | bytes]) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_these(source, folder, files)
    assert caught.value.where, "every complaint says where"
    assert caught.value.hint, "and what to type next"
    return caught.value


Answer = TypeVar("Answer")


def told(act: Callable[[], Answer]) -> Answer | ParseError | FetchError:
    """Return what comes of it, or one of the two errors that a source's tree may meet, held to the house's form."""
    try:
        return act()
    except (ParseError, FetchError) as error:
        caught = error
    assert caught.where, f"every complaint says where: {caught}"
    assert caught.hint or isinstance(caught, FetchError), f"and what to type next: {caught}"
    assert len(str(caught)) < 3000, "for a person"
    return caught


def book(rows: list[list[object]]) -> bytes:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()
