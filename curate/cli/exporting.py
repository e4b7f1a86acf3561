"""The command that hands the corpus on to other tools: export."""

from __future__ import annotations

from pathlib import Path

import click

from curate.cli.skin import Place, Skin, cli, example, finish, spread_options, tell, words
from curate.export import FORMATS


@cli.command(
    short_help="Hand the corpus on to other tools.",
    help="Write the corpus to a new folder in FORMAT, with attribution, licences and a data card beside it."
    "\n\n\b\n"
    "tfrecord     the shards, as they are\n"
    "croissant    Croissant 1.1 metadata, with pictures and records as Parquet\n"
    "parquet      every record, those left out with their reason; no pictures\n"
    "webdataset   tar files of pictures and JSON\n"
    "imagefolder  pictures by split and category, with metadata.csv\n"
    "splits       plain CSV: id, split, fold, family, subtype, category, source"
    + example(
        "curate export splits --out splits",
        "curate export imagefolder --out lesions --license-allow CC0-1.0 --license-allow CC-BY-4.0",
    ),
)
@click.argument("form", metavar="FORMAT", type=click.Choice(FORMATS))
@click.option(
    "--out",
    required=True,
    type=Place(path_type=Path),
    help="The new folder, or an address such as s3://bucket/prefix; it must not hold anything.",
)
@click.option(
    "--license-allow",
    "allow",
    multiple=True,
    metavar="LICENSE",
    help="Leave out what is under any other licence; may be given several times.",
)
@spread_options
@words
def export(
    skin: Skin, form: str, out: Path, allow: tuple[str, ...], workers: int | None, scheduler: str | None
) -> None:
    """Export the corpus."""
    from curate.export.handover import run

    report = run(skin.workspace(workers, scheduler), form, out, allow=allow)
    tell(skin, report)
    skin.chat(f"written to {out}: {report.details['files']:,} files; read DATA_CARD.md first")
    finish(skin, [report])
