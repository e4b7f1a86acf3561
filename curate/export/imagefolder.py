"""imagefolder: pictures as files, by split and category, with a `metadata.csv` in each split."""

from __future__ import annotations

from pathlib import Path

from curate import encoded
from curate.csv_rows import CsvRows
from curate.export.pictures import COLUMNS, file_stem, suffix, values
from curate.export.selection import Selection

NEEDS_PICTURES = True


def write(chosen: Selection, folder: Path) -> None:
    """Write `<split>/<category>/<file name>` and `<split>/metadata.csv`, whose `file_name` is relative to the split.

    The form is the one that `load_dataset("imagefolder", data_dir=...)` of Hugging Face reads:
    https://huggingface.co/docs/datasets/image_dataset#imagefolder
    """
    rows = {str(row["id"]): row for row in chosen.rows}
    for row in chosen.rows:
        (folder / row["split"] / row["category"]).mkdir(parents=True, exist_ok=True)
    names: dict[str, str] = {}
    for picture, each in encoded.stream(chosen.workspace, chosen.rows, "export"):
        row = rows[picture]
        name = f"{row['category']}/{file_stem(picture)}{suffix(each.data)}"
        with (folder / row["split"] / name).open("xb") as file:
            file.write(each.data)
        names[picture] = name
    for split, members in chosen.splits.items():
        with (folder / split / "metadata.csv").open("w", encoding="utf-8", newline="") as table:
            out = CsvRows(table)
            out.row(("file_name", *COLUMNS))
            out.rows((names[str(row["id"])], *values(row).values()) for row in members)
