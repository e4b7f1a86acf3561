"""The commands that ask a finished corpus: status, explain, sql, report, review, verify."""

from __future__ import annotations

import re
from pathlib import Path

import click

from curate.cli.rows import FORMS
from curate.cli.skin import Place, Skin, cli, example, finish, tell, words
from curate.cli.tables import show_ledger
from curate.errors import UsageError

_SECONDS = (
    "How long to wait for rows (default: 60). Writing them is not counted; all that the query computes meanwhile is, "
    "against so many seconds on every core and 10 more."
)


@cli.command(
    short_help="Show the ledger: claimed = kept + left out.",
    help="Show the ledger: per source, claimed = kept + left out, by reason." + example("curate status"),
)
@words
def status(skin: Skin) -> None:
    """Show the ledger."""
    from curate.audit.ledger import ledger

    book = ledger(skin.workspace())
    show_ledger(skin, book)
    for note in book["notes"]:
        skin.say(note)
    skin.give(book)
    if not book["balances"]:
        click.get_current_context().exit(1)


@cli.command(
    short_help="Tell one picture's whole story.",
    help="Tell one picture's whole story: claimed by whom, copy of which, labelled how, why in or out."
    + example("curate explain isic_2019:ISIC_0000001_downsampled", "curate explain severance:6481/2"),
)
@click.argument("name", metavar="ID")
@words
def explain(skin: Skin, name: str) -> None:
    """Explain one picture."""
    from curate.audit.story import lines, story

    told = story(skin.workspace(), name)
    skin.say("\n".join(lines(told)))
    skin.give(told)


class Query(click.Command):
    """A command whose argument may begin with `--`, as a remark in SQL does; no option of ours has a space in it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; a space before a query keeps it from being read as an option, and means nothing in SQL."""
        return super().parse_args(ctx, [f" {word}" if re.match(r"--[^=]*?\s", word) else word for word in args])


@cli.command(
    cls=Query,
    short_help="Ask the corpus in SQL, read-only.",
    help="Ask the corpus in SQL: read-only, no other file, at most 2 GB of memory. A table is cut to what the terminal "
    "is wide, and to its first 1,000 rows; the other forms give all. Where the corpus is older than its labels or its "
    "pictures, the answer comes all the same, with a warning on stderr."
    + example(
        'curate sql "select * from class_balance"',
        "curate sql --views",
        'curate sql "from corpus" --format csv > a.csv',
    ),
)
@click.argument("query", required=False)
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="table", help="Default: table.")
@click.option("--views", "list_views", is_flag=True, help="List the views, each with one sentence.")
@click.option("--seconds", type=click.FloatRange(0.1, 86_400), default=60.0, help=_SECONDS)
@words
def sql(skin: Skin, query: str | None, form: str, list_views: bool, seconds: float) -> None:
    """Answer a query."""
    from curate import db

    if list_views:
        listed = {name: db.sentence(f"views/{name}") for name in db.views()}
        width = max(len(name) for name in listed)
        for name, sentence in listed.items():
            skin.say(f"{name:<{width}}  {sentence}")
        skin.give({"views": listed})
        return
    if query is None:
        raise UsageError("no query was given", hint='curate sql "select * from class_balance"')
    workspace = skin.workspace()
    said = workspace.caution()
    if said is not None:
        click.echo(f"curate: {said}", err=True)
    with db.answer(workspace.database_path, query, seconds=seconds) as reader:
        FORMS["json" if skin.json else form](skin, reader)


@cli.command(help="Write the report: one HTML page that works offline." + example("curate report --out report.html"))
@click.option("--out", type=Place(path_type=Path, dir_okay=False), help="Default: data_cache/reports/report.html.")
@words
def report(skin: Skin, out: Path | None) -> None:
    """Write the report."""
    from curate.audit.report import write

    made = write(skin.workspace(), out)
    for note in made.notes:
        skin.say(note)
    finish(skin, [made])


@cli.command(
    short_help="Write the page of pairs that a person has to decide.",
    help="Write the page of pairs that only their look speaks for or against: side by side, the most doubtful first, "
    "each with the lines for decisions.csv that accept or reject it. A pair that is decided is not asked again."
    + example("curate review", "curate review --out review.html --most 20"),
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: data_cache/reports/review.html.")
@click.option("--most", type=click.IntRange(1), default=100, help="How many pairs, the most doubtful (default: 100).")
@words
def review(skin: Skin, out: Path | None, most: int) -> None:
    """Write the review page."""
    from curate.audit.review import write

    made = write(skin.workspace(), out, most=most)
    tell(skin, made)
    skin.chat(f"         {made.details['file']}")
    finish(skin, [made])


@cli.command(
    short_help="Hold everything that is here against its hashes.",
    help="Hold everything under data_cache against its hashes; no network." + example("curate verify"),
)
@words
def verify(skin: Skin) -> None:
    """Verify what is here."""
    from curate.audit.verify import run

    made = run(skin.workspace())
    tell(skin, made)
    finish(skin, [made])
