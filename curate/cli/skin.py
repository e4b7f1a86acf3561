"""The global words of every command, how its outcome is told, and how it ends."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from curate import __version__
from curate.cli import plain
from curate.report import Advance, Report

if TYPE_CHECKING:
    from curate.workers import Workers
    from curate.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])


class ReaderGone(Exception):  # noqa: N818 - no error: who reads has enough, as `| head` does
    """Who reads the output has left. Click ends with 1 on a broken pipe, which says that something was found."""


class Skin:
    """The global words of one call: where, how loud, in which form."""

    def __init__(self) -> None:
        self.root = Path()
        self.json = False
        self.quiet = False
        self.wait = False

    def workspace(
        self, workers: int | None = None, scheduler: str | None = None, *, label_maps: Path | None = None
    ) -> Workspace:
        """Open the root that was named, with so many processes or the workers of a scheduler."""
        from curate.workspace import Workspace

        return Workspace(
            self.root,
            workers=hands(workers, scheduler, self.root),
            progress=self.progress,
            label_maps=label_maps,
            wait=self.say_now if self.wait else None,
        )

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

            def grow(more: int) -> None:
                bar.total = (bar.total or 0) + more
                bar.refresh()

            yield Advance(bar.update, grow)

    def say(self, text: str = "") -> None:
        """Print a line of the result, unless the result is wanted as JSON."""
        if not self.json:
            click.echo(text)

    def chat(self, text: str = "") -> None:
        """Print a line about how it went, unless nobody wants one."""
        if not self.json and not self.quiet:
            click.echo(text)

    def say_now(self, text: str) -> None:
        """Print a line on stderr while the work goes on, above its bar; not where a bar would not be wanted."""
        from tqdm import tqdm

        if not self.json and not self.quiet:
            tqdm.write(text, file=sys.stderr)

    def give(self, document: Any) -> None:
        """Print the result as one JSON document, if that is wanted."""
        if self.json:
            click.echo(plain.document(document))


class Place(click.Path):
    """A path, or an address on object storage: `s3://bucket/prefix`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; Raises CurateError for an address that cannot be meant."""
        from curate import storage

        if isinstance(value, str) and storage.is_address(value):
            found = storage.place(value)
            if storage.is_remote(found):
                return found
            value = str(found)
        return super().convert(value, param, ctx)


class Root(click.Path):
    """The folder of a corpus, which has to lie on a disk of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; raises UsageError for an address."""
        from curate import storage

        if isinstance(value, str) and storage.is_address(value):
            from curate.workspace import no_root

            raise no_root(value)
        return super().convert(value, param, ctx)


root_folder = Root(path_type=Path, file_okay=False)


def words(command: Command) -> Command:
    """Give a command the global words too, so that they may stand before or after its name."""

    @functools.wraps(command)
    def wrapped(*arguments: Any, root: Path | None, as_json: bool, quiet: bool, **options: Any) -> Any:
        skin = click.get_current_context().ensure_object(Skin)
        skin.root = root or skin.root
        skin.json = skin.json or as_json
        skin.quiet = skin.quiet or quiet
        try:
            return command(skin, *arguments, **options)
        except BrokenPipeError as gone:
            raise ReaderGone from gone

    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress and no chatter; results and errors speak."),
        click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on stdout."),
        click.option("--root", type=root_folder, help="The folder of the corpus."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def example(*lines: str) -> str:
    """Return the end of a help text: examples that can be typed as they stand."""
    return "\n\n\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class Ordered(click.Group):
    """A group whose commands are listed as they were added: in the order in which one uses them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names as they were added."""
        return list(self.commands)


@click.group(
    cls=Ordered,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Rebuild one merged, harmonised skin-lesion corpus from public sources, and prove it."
    + example("curate demo", "curate --root corpus build", "curate --root corpus status"),
)
@click.option(
    "--root",
    type=root_folder,
    default=Path(),
    envvar="CURATE_ROOT",
    help="The folder of the corpus (default: here, or CURATE_ROOT).",
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no chatter; results and errors speak.")
@click.version_option(__version__, prog_name="curate")
@click.pass_context
def cli(context: click.Context, root: Path, as_json: bool, quiet: bool) -> None:
    """Take the global words."""
    skin = context.ensure_object(Skin)
    skin.root, skin.json, skin.quiet = root, as_json, quiet


def named_sources(command: Command) -> Command:
    """Give a command the names of sources as its arguments."""
    return click.argument("sources", nargs=-1, metavar="[SOURCE]...")(command)


def hands(workers: int | None, scheduler: str | None, folder: Path, *, read: bool = False) -> Workers | int | None:
    """Return who does the work on pictures until the command ends; `read`: `folder` is no root, but only read."""
    context = click.get_current_context()
    if workers and scheduler:
        if context.get_parameter_source("scheduler") is not ParameterSource.ENVIRONMENT:
            raise click.UsageError(
                "--workers counts processes of this machine, and a cluster has its own: leave one out"
            )
        scheduler = None  # what is typed goes before what the environment says
    if not scheduler:
        return workers
    from curate import cluster

    connect = cluster.connect_to_read if read else cluster.connect
    return context.with_resource(connect(scheduler, folder))


workers_option = click.option("--workers", type=click.IntRange(1), help="Processes (default: all processors).")
wait_option = click.option(
    "--wait",
    is_flag=True,
    expose_value=False,
    callback=lambda context, option, wait: setattr(context.ensure_object(Skin), "wait", wait),
    help="Where another curate works on the root, wait until it has ended.",
)


def spread_options(command: Command) -> Command:
    """Give a command the words for who does its work on pictures: `workers`, `scheduler`; see `hands`."""
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        envvar="CURATE_SCHEDULER",
        help="A Dask cluster does the work, not this machine (or CURATE_SCHEDULER); see docs/cluster.md.",
    )
    return workers_option(scheduler(command))


labels_only_option = click.option("--labels-only", is_flag=True, help="Only what needs no picture.")
accept_option = click.option("--accept-license", is_flag=True, help="Accept the terms of the sources that ask for it.")


def finish(skin: Skin, reports: Sequence[Report], **more: Any) -> None:
    """End a command of stages: the JSON document, and the exit code of the gravest outcome."""
    skin.give({"reports": [report.as_dict() for report in reports], **more})
    code = max((report.exit_code for report in reports), default=0)
    if code:
        click.get_current_context().exit(code)


def tell(skin: Skin, report: Report) -> None:
    """Print one stage in a line or a few."""
    left = ", ".join(f"{count:,} {reason}" for reason, count in report.left_out.items())
    there = f"{report.did}, {report.there:,} there already" if report.did == "made" else report.did
    if report.anew:
        there = "(tables built anew)"
    if report.nothing_new:
        there = "there already, nothing new"
    skin.chat(
        f"{report.stage:<8} {report.there if report.nothing_new else report.made:>9,} {report.unit} {there}"
        + (f"; left out: {left}" if left else "")
        + (f"  ({report.seconds:.1f} s)" if report.seconds else "")
    )
    for note in report.notes:
        skin.chat(f"         {note}")
    for problem in report.problems:
        click.echo(problem, err=True)
