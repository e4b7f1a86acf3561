"""The command that holds two corpora against each other: diff."""

from __future__ import annotations

from pathlib import Path

import click

from curate.cli.skin import Skin, cli, example, words


@cli.command(
    short_help="Say what changed between two corpora, and why.",
    help="Say what changed from corpus A to corpus B, and why. Each is a root, or a corpus.duckdb alone. Exit code 0: "
    "equal, 1: different." + example("curate diff last-year this-year", "curate diff old/data_cache/corpus.duckdb ."),
)
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--first", type=click.IntRange(0), default=5, help="How many ids of each kind of change (default: 5).")
@words
def diff(skin: Skin, before: Path, after: Path, first: int) -> None:
    """Compare two corpora."""
    from curate.audit.difference import difference, lines

    found = difference(before, after, first=first)
    skin.say("\n".join(lines(found)))
    skin.give(found)
    if not found["equal"]:
        click.get_current_context().exit(1)
