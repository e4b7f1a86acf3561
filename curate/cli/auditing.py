"""The commands that hold what others published against the corpus: audit, selftest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curate.cli.skin import Skin, accept_option, cli, example, words

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
    "and published lists below that folder, and nothing is fetched; without, the lists are fetched, and the label "
    "files are those of this root, or fetched too where it has none: a few MB. What is not here is skipped. "
    "Exit code 1 where a number is not equal."
    + example("curate selftest --accept-license", "curate selftest --from downloads", "curate selftest --markdown"),
)
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of the label files and the published lists.",
)
@click.option("--markdown", is_flag=True, help="Print the numbers as a table for a README.")
@accept_option
@words
def selftest(skin: Skin, folder: Path | None, markdown: bool, accept_license: bool) -> None:
    """Run the self-test."""
    from curate.audit.published import lines, markdown_lines
    from curate.audit.published import selftest as run
    from curate.audit.published_lists import fetch_lists, lists_in
    from curate.workspace import Workspace

    here = skin.workspace()
    problems: list[str] = []
    if folder is not None:
        with tempfile.TemporaryDirectory(prefix="curate-selftest-") as root:
            labels = Workspace(root, progress=skin.progress)
            _complain(skin, _labels(labels, from_=[folder]))
            found = run(labels, lists=lists_in(here, folder), pictures=here)
    else:
        lists, problems = fetch_lists(here)
        labels = here
        if not here.remembered():
            labels = Workspace(here.cache / "selftest", progress=skin.progress)
            problems += _labels(labels, accept_license=accept_license)
        _complain(skin, problems)
        found = run(labels, lists=lists, pictures=here)
    skin.say("\n".join((markdown_lines if markdown else lines)(found)))
    skin.give(found | {"problems": problems})
    if found["not_equal"]:
        click.get_current_context().exit(1)
    if folder is None and problems and not found["equal"]:
        click.get_current_context().exit(3)


def _complain(skin: Skin, problems: list[str]) -> None:
    """Say what could not be had: of each, the rows of the self-test say only that it is not here."""
    for problem in problems if not skin.quiet else ():
        click.echo(problem, err=True)


def _labels(workspace: Workspace, **how: Any) -> list[str]:
    """Build a root of label files alone, up to the claims; return what of them could not be had."""
    from curate import pipeline

    fetched = pipeline.run("fetch", workspace, sources=workspace.sources(), labels_only=True, **how)
    if any(workspace.tree(source) for source in workspace.sources()):
        pipeline.run("parse", workspace, labels_only=True)
    return fetched.problems
