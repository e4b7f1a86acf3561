"""The skin: words become calls, results become text. The only file that prints."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from curate import __version__
from curate.errors import CurateError, UsageError
from curate.report import Advance, Report

if TYPE_CHECKING:
    from curate.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])


class Skin:
    """The global words of one call: where, how loud, in which form."""

    def __init__(self) -> None:
        self.root = Path()
        self.json = False
        self.quiet = False

    def workspace(self, workers: int | None = None) -> Workspace:
        """Open the root that was named."""
        from curate.workspace import Workspace

        return Workspace(self.root, workers=workers, progress=self.progress)

    @contextmanager
    def progress(self, title: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Show a bar on stderr, unless it is no terminal or nobody wants one."""
        from tqdm import tqdm

        scale = unit in ("B", "bytes")
        with tqdm(
            total=total,
            desc=f"{title:<9}",
            unit="B" if scale else f" {unit}",
            unit_scale=scale,
            disable=True if self.quiet or self.json else None,
            leave=False,
            file=sys.stderr,
        ) as bar:
            yield bar.update

    def say(self, text: str = "") -> None:
        """Print a line of the result, unless the result is wanted as JSON or not at all."""
        if not self.json and not self.quiet:
            click.echo(text)

    def give(self, document: Any) -> None:
        """Print the result as one JSON document, if that is wanted."""
        if self.json:
            click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def words(command: Command) -> Command:
    """Give a command the global words too, so that they may stand before or after its name."""

    @functools.wraps(command)
    def wrapped(*arguments: Any, root: Path | None, as_json: bool, quiet: bool, **options: Any) -> Any:
        skin = click.get_current_context().ensure_object(Skin)
        skin.root = root or skin.root
        skin.json = skin.json or as_json
        skin.quiet = skin.quiet or quiet
        return command(skin, *arguments, **options)

    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress and no text; errors still speak."),
        click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on stdout."),
        click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The folder of the corpus."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def example(*lines: str) -> str:
    """Return the end of a help text: examples that can be typed as they stand."""
    return "\n\n\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Rebuild one merged, harmonised skin-lesion corpus from public sources, and prove it."
    + example("curate demo", "curate --root corpus build", "curate --root corpus status"),
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    envvar="CURATE_ROOT",
    help="The folder of the corpus (default: here, or CURATE_ROOT).",
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no text; errors still speak.")
@click.version_option(__version__, prog_name="curate")
@click.pass_context
def cli(context: click.Context, root: Path, as_json: bool, quiet: bool) -> None:
    """Take the global words."""
    skin = context.ensure_object(Skin)
    skin.root, skin.json, skin.quiet = root, as_json, quiet


def _sources(command: Command) -> Command:
    return click.argument("sources", nargs=-1, metavar="[SOURCE]...")(command)


_workers = click.option("--workers", type=click.IntRange(1), help="Processes (default: all processors).")
_labels_only = click.option("--labels-only", is_flag=True, help="Only what needs no picture.")
_accept = click.option("--accept-license", is_flag=True, help="Accept the terms of the sources that ask for it.")


def _finish(skin: Skin, reports: Sequence[Report], **more: Any) -> None:
    """End a command of stages: the JSON document, and the exit code of the gravest outcome."""
    skin.give({"reports": [report.as_dict() for report in reports], **more})
    code = max((report.exit_code for report in reports), default=0)
    if code:
        click.get_current_context().exit(code)


def _tell(skin: Skin, report: Report) -> None:
    """Print one stage in a line or a few."""
    left = ", ".join(f"{count:,} {reason}" for reason, count in report.left_out.items())
    skin.say(
        f"{report.stage:<8} {report.made:>9,} {report.unit} made, {report.there:,} there already"
        + (f"; left out: {left}" if left else "")
        + f"  ({report.seconds:.1f} s)"
    )
    for note in report.notes:
        skin.say(f"         {note}")
    for problem in report.problems:
        click.echo(problem, err=True)


@cli.command(help="Say what each source is, what of it is here, and what to do for the rest." + example("curate sources"))
@words
def sources(skin: Skin) -> None:
    """List the sources."""
    from curate.audit.inventory import inventory
    from curate.text_table import text_table

    entries = inventory(skin.workspace())
    rows = [
        {
            "source": entry["source"],
            "pictures": entry["pictures"],
            "size": _size(entry["bytes"], entry["bytes_known"]),
            "licence": entry["license"],
            "access": entry["access"],
            "here": entry["here"] + (f" ({entry['files_here']:,} files)" if entry["files_here"] else ""),
        }
        for entry in entries
    ]
    skin.say(text_table(rows))
    for entry in entries:
        if entry["todo"]:
            skin.say()
            skin.say(f"{entry['source']}: {entry['title']}")
            skin.say(f"  {entry['todo']}")
    skin.give({"sources": entries})


@cli.command(
    help="Download, resume and verify sources; or adopt files that lie somewhere already (copied or linked, never moved)."
    + example("curate fetch isic_2019 --labels-only", "curate fetch severance --from ~/Downloads/severance")
)
@_sources
@_labels_only
@click.option(
    "--from",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder to adopt files from; may be given several times.",
)
@_accept
@words
def fetch(skin: Skin, sources: tuple[str, ...], labels_only: bool, folders: tuple[Path, ...], accept_license: bool) -> None:
    """Fetch sources."""
    from curate import pipeline

    workspace = skin.workspace()
    report = pipeline.run(
        "fetch",
        workspace,
        sources=workspace.sources(sources),
        labels_only=labels_only,
        from_=folders,
        accept_license=accept_license,
    )
    _tell(skin, report)
    _finish(skin, [report])


@cli.command(
    help="Fetch, parse, inspect, dedup, label, split and shard: only what is not done yet."
    + example("curate build isic_2018 isic_2019", "curate build --labels-only", "curate build --until split")
)
@_sources
@_labels_only
@click.option("--until", default="shard", metavar="STAGE", help="The last stage to run (default: shard).")
@_workers
@_accept
@words
def build(
    skin: Skin, sources: tuple[str, ...], labels_only: bool, until: str, workers: int | None, accept_license: bool
) -> None:
    """Build the corpus."""
    from curate import pipeline

    reports = []
    for report in pipeline.build(
        skin.workspace(workers), sources, labels_only=labels_only, until=until, accept_license=accept_license
    ):
        _tell(skin, report)
        reports.append(report)
    _finish(skin, reports)
    skin.say("next: curate status, curate report, curate train")


def _stage(name: str, does: str, *options: Callable[[Command], Command]) -> None:
    """Add the command of one stage alone."""

    def command(skin: Skin, **given: Any) -> None:
        from curate import pipeline

        workers = given.pop("workers", None)
        report = pipeline.run(name, skin.workspace(workers), **given)
        _tell(skin, report)
        _finish(skin, [report])

    wrapped = words(command)
    for option in options:
        wrapped = option(wrapped)  # type: ignore[arg-type]
    cli.command(name, help=does + example(f"curate {name}"))(wrapped)


_stage("parse", "Read the label files of every source into claims, and build the records.")
_stage("inspect", "Look once at every file that is claimed: hashes, tiles, fingerprints, tone, quality.", _workers)
_stage("dedup", "Find which records are one picture, with the evidence for each pair.", _workers)
_stage("split", "Place whole families in train, validation and test; name why each other record is out.")
_stage("shard", "Write the corpus as TFRecord shards.", _workers)


@cli.command(
    help="Give every label a meaning through the label maps." + example("curate label", "curate label --missing")
)
@click.option("--missing", is_flag=True, help="Print the lines to add for labels nobody mapped, with counts.")
@words
def label(skin: Skin, missing: bool) -> None:
    """Label the records."""
    from curate import pipeline

    workspace = skin.workspace()
    if missing:
        from curate.stages.label import missing as missing_lines

        with workspace.database(read_only=True) as database:
            database.require("labels", "label")
            found = missing_lines(database)
        for line in found:
            skin.say(line)
        if not found:
            skin.say("every label that occurs is mapped")
        skin.give({"missing": found})
        if found:
            click.get_current_context().exit(1)
        return
    report = pipeline.run("label", workspace)
    _tell(skin, report)
    _finish(skin, [report])


@cli.command(help="Show the ledger: per source, claimed = kept + left out, by reason." + example("curate status"))
@words
def status(skin: Skin) -> None:
    """Show the ledger."""
    from curate.audit.ledger import ledger

    book = ledger(skin.workspace())
    _ledger(skin, book)
    for note in book["notes"]:
        skin.say(note)
    skin.give(book)
    if not book["balances"]:
        click.get_current_context().exit(1)


@cli.command(
    help="Tell one picture's whole story: claimed by whom, copy of which, labelled how, why in or out."
    + example("curate explain isic_2019:ISIC_0000001_downsampled", "curate explain severance:6481/2")
)
@click.argument("name", metavar="ID")
@words
def explain(skin: Skin, name: str) -> None:
    """Explain one picture."""
    from curate.audit.story import lines, story

    told = story(skin.workspace(), name)
    skin.say("\n".join(lines(told)))
    skin.give(told)


@cli.command(
    help="Ask the corpus in SQL, read-only."
    + example('curate sql "select * from class_balance"', "curate sql --views", 'curate sql "from corpus" --format csv')
)
@click.argument("query", required=False)
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", help="Default: table."
)
@click.option("--views", "list_views", is_flag=True, help="List the views, each with one sentence.")
@words
def sql(skin: Skin, query: str | None, form: str, list_views: bool) -> None:
    """Answer a query."""
    from curate import db
    from curate.text_table import text_table

    if list_views:
        listed = {name: db.sentence(f"views/{name}") for name in db.views()}
        width = max(len(name) for name in listed)
        for name, sentence in listed.items():
            skin.say(f"{name:<{width}}  {sentence}")
        skin.give({"views": listed})
        return
    if query is None:
        raise UsageError("no query was given", hint='curate sql "select * from class_balance"')
    table = db.ask(skin.workspace().database_path, query)
    if skin.json:
        form = "json"
    if form == "table":
        skin.say(text_table(table.to_pylist(), table.column_names))
        skin.say(f"({table.num_rows:,} rows)")
    elif form == "json":
        click.echo(json.dumps(table.to_pylist(), indent=2, ensure_ascii=False, default=str))
    elif form == "csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(table, sys.stdout.buffer)
    else:
        if sys.stdout.isatty():
            raise UsageError(
                "Parquet is no text for a terminal", hint='curate sql "from corpus" --format parquet > corpus.parquet'
            )
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, sys.stdout.buffer)


@cli.command(help="Write the report: one HTML page that works offline." + example("curate report --out report.html"))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: data_cache/reports/report.html.")
@words
def report(skin: Skin, out: Path | None) -> None:
    """Write the report."""
    from curate.audit.report import write

    made = write(skin.workspace(), out)
    for note in made.notes:
        skin.say(note)
    _finish(skin, [made])


@cli.command(help="Hold everything under data_cache against its hashes; no network." + example("curate verify"))
@words
def verify(skin: Skin) -> None:
    """Verify what is here."""
    from curate.audit.verify import run

    made = run(skin.workspace())
    _tell(skin, made)
    _finish(skin, [made])


@cli.command(
    help="Train a model for phones on the shards, or distil it from teachers."
    + example("curate train", "curate train --model efficientnet_lite0 --side 96 --epochs 12")
)
@click.option("--model", metavar="NAME", help="mobilenet_v3_small (default), mobilenet_v3_large, efficientnet_lite0 ...")
@click.option("--target", type=click.Choice(["category", "subtype"]), help="What is learnt (default: category).")
@click.option("--teacher", "teachers", multiple=True, metavar="RUN", help="A run to distil from; may be given several times.")
@click.option("--epochs", type=int, help="Passes over the pictures for training.")
@click.option("--side", type=int, help="Side of the model's square input, in pixels.")
@click.option("--batch", type=int, help="Pictures in a step.")
@click.option("--seed", type=int, help="Another seed, another draw of weights and augmentation.")
@click.option("--weights", type=click.Choice(["imagenet"]), help="Start from published weights (needs a network).")
@words
def train(skin: Skin, **options: Any) -> None:
    """Train a model."""
    from curate import pipeline

    report = pipeline.run("train", skin.workspace(), **options)
    _tell(skin, report)
    skin.say(f"next: curate quantize {Path(report.details['run']).name}")
    _finish(skin, [report])


@cli.command(
    help="Score a run on a split: as a whole, per class, per source." + example("curate evaluate", "curate evaluate RUN --split validation")
)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--split", default="test", help="Default: test.")
@click.option("--form", "mode", default="keras", help="keras (default), float, float16, dynamic or int8.")
@words
def evaluate(skin: Skin, run: str | None, split: str, mode: str) -> None:
    """Score a run."""
    from curate import pipeline

    report = pipeline.run("evaluate", skin.workspace(), run=run, split=split, mode=mode)
    _tell(skin, report)
    _scores(skin, report.details["scores"])
    _finish(skin, [report])


@cli.command(
    help="Ask a run about pictures, or folders of pictures. Not a medical device."
    + example("curate predict RUN picture.jpg", "curate predict RUN folder --form int8")
)
@click.argument("run", metavar="RUN")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PICTURE...")
@click.option("--form", "mode", default="keras", help="keras (default), float, float16, dynamic or int8.")
@words
def predict(skin: Skin, run: str, pictures: tuple[Path, ...], mode: str) -> None:
    """Answer for single pictures."""
    from curate.ml import runs
    from curate.stages.evaluate import predict_pictures
    from curate.text_table import text_table

    workspace = skin.workspace()
    folder = runs.find(workspace.cache / "runs", run)
    rows = predict_pictures(folder, pictures, short_side=workspace.recipe.shard.short_side, mode=mode)
    skin.say(text_table(rows, ["picture", "label", "probability", "problem"]))
    skin.say("a research model, no medical device: it must not be used to judge a person's skin")
    skin.give({"pictures": rows})
    if any("problem" in row for row in rows):
        click.get_current_context().exit(1)


@cli.command(
    help="Make a run's model smaller: float16, dynamic range and int8, measured side by side."
    + example("curate quantize", "curate quantize RUN --mode int8")
)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--mode", "modes", multiple=True, help="float16, dynamic or int8; may be given several times (default: all).")
@words
def quantize(skin: Skin, run: str | None, modes: tuple[str, ...]) -> None:
    """Quantize a run."""
    from curate import pipeline

    report = pipeline.run("quantize", skin.workspace(), run=run, **({"modes": modes} if modes else {}))
    _tell(skin, report)
    _forms(skin, report.details["table"])
    skin.say(f"in {report.details['run']}")
    _finish(skin, [report])


@cli.command(
    help="Make a small drawn world of all sources in DIR (default: curate-demo), serve it over HTTP on loopback, and go the "
    "whole way: fetch, build, train, quantize, report. Needs no network and no accounts."
    + example("curate demo", "curate demo /tmp/demo --size small")
)
@click.argument("folder", metavar="[DIR]", default=Path("curate-demo"), type=click.Path(path_type=Path, file_okay=False))
@click.option("--size", type=click.Choice(["tiny", "small", "demo"]), default="demo", help="Default: demo.")
@click.option("--epochs", type=click.IntRange(1), default=12, help="Epochs of the training (default: 12).")
@_workers
@words
def demo(skin: Skin, folder: Path, size: Any, epochs: int, workers: int | None) -> None:
    """Show the whole way on a drawn world."""
    from curate.report import Report
    from curate.tour import Outcome, tour

    reports: list[Report] = []
    outcome: Outcome | None = None
    for step in tour(folder, size=size, epochs=epochs, workers=workers, progress=skin.progress):
        if isinstance(step, Report):
            _tell(skin, step)
            reports.append(step)
        else:
            outcome = step
    if outcome is not None:
        skin.say()
        _ledger(skin, outcome.ledger)
        skin.say()
        _forms(skin, outcome.forms)
        skin.say()
        skin.say(f"corpus   {folder / 'data_cache' / 'corpus.duckdb'}")
        skin.say(f"run      {outcome.run}")
        skin.say(f"report   {outcome.page}")
        skin.say(f"The whole way took {outcome.seconds:.0f} s. Lesions are drawn: the figures show that it works, nothing more.")
        skin.say()
        skin.say("Three to try next:")
        skin.say(f"  curate --root {folder} status")
        skin.say(f'  curate --root {folder} sql "select * from category_by_skin_tone"')
        skin.say(f"  curate --root {folder} explain {outcome.example}")
    _finish(skin, reports)


def _ledger(skin: Skin, book: dict[str, Any]) -> None:
    """Print the ledger: a row per source, a column per reason."""
    from curate.text_table import text_table

    reasons = list(book["total"]["left_out"])
    rows = [
        {
            "source": entry["source"],
            "claimed": entry["claimed"],
            "kept": entry["kept"],
            **{reason: entry["left_out"].get(reason, 0) for reason in reasons},
        }
        for entry in [*book["sources"], book["total"]]
    ]
    skin.say(text_table(rows))
    skin.say("claimed = kept + left out: " + ("balances to the last row" if book["balances"] else "DOES NOT BALANCE"))
    skin.say("splits: " + ", ".join(f"{name} {count:,}" for name, count in book["splits"].items()))
    if book["labels_only"]:
        skin.say("built from labels only: no picture was looked at")


def _forms(skin: Skin, table: list[dict[str, Any]]) -> None:
    """Print the quantized forms side by side."""
    from curate.text_table import text_table

    skin.say(text_table(table))


def _scores(skin: Skin, scores: dict[str, Any]) -> None:
    """Print the scores of a run: the whole, then each class and source."""
    from curate.text_table import text_table

    for name, value in scores.items():
        if isinstance(value, int | float):
            skin.say(f"{name:<18} {value:.4g}")
    for name in ("per_class", "per_source"):
        if isinstance(scores.get(name), dict):
            skin.say()
            skin.say(text_table([{name[4:]: key, **row} for key, row in scores[name].items()]))


def _size(count: int, is_whole: bool) -> str:
    if not count:
        return "unknown"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{'' if is_whole else '> '}{size:.{0 if unit == 'B' else 1}f} {unit}"


def main() -> None:
    """Run the command line; every end has its exit code, and no end that a user can cause is a traceback."""
    wants_json = "--json" in sys.argv
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = _stopped()
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except CurateError as error:
        code = _refused(error, wants_json)
    except KeyboardInterrupt:
        code = _stopped()
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except OSError as error:
        refused = CurateError(
            "the operating system refused",
            where=str(error.filename or ""),
            found=error.strerror or str(error),
            done="nothing half-written stands under a final name",
            hint="make room or mend the permissions, then type the same again",
        )
        code = _refused(refused, wants_json)
    sys.exit(code if isinstance(code, int) else 0)


def _stopped() -> int:
    click.echo("stopped; type the same again to go on", err=True)
    return 130


def _refused(error: CurateError, wants_json: bool) -> int:
    if wants_json:
        click.echo(json.dumps({"error": error.parts(), "exit_code": error.exit_code}, indent=2, ensure_ascii=False))
    click.echo(f"curate: {error}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
