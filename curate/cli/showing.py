"""The command that shows the whole way: demo."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curate.cli.skin import Skin, cli, example, finish, tell, words, workers_option
from curate.cli.tables import show_forms, show_ledger

if TYPE_CHECKING:
    from curate.report import Report
    from curate.tour import Outcome


@cli.command(
    short_help="Go the whole way on a small drawn world of all sources.",
    help="Make a small drawn world of all sources in DIR (default: curate-demo), serve it over HTTP on loopback, and "
    "go the whole way: fetch, build, train, quantize, report. Needs no network and no accounts."
    + example("curate demo", "curate demo /tmp/demo --size small"),
)
@click.argument(
    "folder", metavar="[DIR]", default=Path("curate-demo"), type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--size", type=click.Choice(["tiny", "small", "demo"]), default="demo", help="Default: demo.")
@click.option("--epochs", type=click.IntRange(1), default=12, help="Epochs of the training (default: 12).")
@workers_option
@words
def demo(skin: Skin, folder: Path, size: Any, epochs: int, workers: int | None) -> None:
    """Show the whole way on a drawn world."""
    from curate.report import Report
    from curate.tour import tour

    reports: list[Report] = []
    outcome: Outcome | None = None
    for step in tour(folder, size=size, epochs=epochs, workers=workers, progress=skin.progress):
        if isinstance(step, Report):
            tell(skin, step)
            reports.append(step)
        else:
            outcome = step
    if outcome is not None:
        skin.say()
        show_ledger(skin, outcome.ledger)
        skin.say()
        show_forms(skin, outcome.forms)
        skin.say()
        skin.say(f"corpus   {folder / 'data_cache' / 'corpus.duckdb'}")
        skin.say(f"run      {outcome.run}")
        skin.say(f"report   {outcome.page}")
        skin.say(f"The whole way took {outcome.seconds:.0f} s. Drawn lesions: the figures show that it works, no more.")
        skin.say()
        root = shlex.quote(str(folder))
        skin.say("Three to try next:")
        skin.say(f"  curate --root {root} status")
        skin.say(f'  curate --root {root} sql "select * from category_by_skin_tone"')
        skin.say(f"  curate --root {root} explain {outcome.example}")
    more: dict[str, Any] = {}
    if outcome is not None:
        more = {"ledger": outcome.ledger, "metrics": outcome.metrics, "forms": outcome.forms}
        more |= {"run": outcome.run, "page": outcome.page, "seconds": outcome.seconds}
    finish(skin, reports, **more)
