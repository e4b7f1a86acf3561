"""The commands that hold what others published against the corpus: audit, selftest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curate.cli.skin import Skin, cli, example, words

if TYPE_CHECKING:
    from curate.workspace import Workspace

_LISTED = 3  # examples of each finding on the terminal; --json lists all


@cli.command(
    short_help="Say what leaks between the splits of a CSV.",
    help="Say what leaks between the splits of any CSV with a row per picture: by id, official list, bytes, near "
    "duplicate, lesion and patient. Label files suffice, but for bytes and near duplicates. Exit code 1 on a leak."
    + example(
        "curate audit split.csv", "curate audit fed_isic2019_train_test_split.csv --split-column fold --by center"
    ),
)
@click.argument("file", metavar="SPLIT.csv", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--id-column", metavar="NAME", help="The column of picture names (default: image, image_id, id, ...).")
@click.option("--split-column", metavar="NAME", help="The column of splits (default: split, fold, set, ...).")
@click.option("--by", metavar="COLUMN", help="Count for each value of this column of the file too.")
@words
def audit(skin: Skin, file: Path, id_column: str | None, split_column: str | None, by: str | None) -> None:
    """Audit a split."""
    from curate.audit.split_words import lines
    from curate.audit.splits import audit as run

    found = run(
        skin.workspace(),
        file,
        id_column=id_column,
        split_column=split_column,
        by=by,
        listed=None if skin.json else _LISTED,
    )
    skin.say("\n".join(lines(found)))
    skin.give(found)
    if found["leaks"]:
        click.get_current_context().exit(1)


@cli.command(
    short_help="Compute every published number again.",
    help="Compute every number that others published again, and say equal or not. With --from, from the label files "
    "and published lists below that folder; without, from the label files of this root. What is not here is skipped. "
    "Exit code 1 where a number is not equal." + example("curate selftest", "curate selftest --from downloads"),
)
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of the label files and the published lists.",
)
@words
def selftest(skin: Skin, folder: Path | None) -> None:
    """Run the self-test."""
    from curate.audit.published import lines
    from curate.audit.published import selftest as run

    here = skin.workspace()
    if folder is None:
        found = run(here, pictures=here)
    else:
        with tempfile.TemporaryDirectory(prefix="curate-selftest-") as root:
            found = run(_labels(skin, Path(root), folder), lists=folder, pictures=here)
    skin.say("\n".join(lines(found)))
    skin.give(found)
    if found["not_equal"]:
        click.get_current_context().exit(1)


def _labels(skin: Skin, root: Path, folder: Path) -> Workspace:
    """Build a root of the label files below a folder, up to the claims; a source that is not there is left out."""
    from curate import pipeline
    from curate.workspace import Workspace

    workspace = Workspace(root, progress=skin.progress)
    fetched = pipeline.run("fetch", workspace, sources=workspace.sources(), labels_only=True, from_=[folder])
    if not skin.quiet:
        for problem in fetched.problems:
            click.echo(problem, err=True)
    pipeline.run("parse", workspace, labels_only=True)
    return workspace
