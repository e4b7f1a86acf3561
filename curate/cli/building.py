"""The commands that bring a corpus about: sources, fetch, build, and each stage alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from curate.cli.skin import (
    Command,
    Place,
    Skin,
    accept_option,
    cli,
    example,
    finish,
    hands,
    labels_only_option,
    named_sources,
    spread_options,
    tell,
    wait_option,
    words,
)
from curate.cli.tables import show_skipped, size_of


@cli.command(
    short_help="Show the sources, and what of them is here.",
    help="Say what each source is, what of it is here, and what to do for the rest." + example("curate sources"),
)
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
            "size": size_of(entry["bytes"], entry["bytes_known"]),
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
            skin.say(textwrap.indent(entry["todo"], "  "))
    skin.give({"sources": entries})


@cli.command(
    short_help="Download sources, or adopt files that lie somewhere already.",
    help="Download, resume and verify sources; or adopt files that lie somewhere already, linked or copied, not moved. "
    "What was put into placed/SOURCE of the root is adopted by itself."
    + example("curate fetch isic_2019 --labels-only", "curate fetch severance --from ~/Downloads/severance"),
)
@named_sources
@labels_only_option
@click.option(
    "--from",
    "folders",
    multiple=True,
    type=Place(path_type=Path, exists=True, file_okay=False),
    help="A folder to adopt files from, or an address such as s3://bucket/prefix; may be given several times.",
)
@click.option("--masks", is_flag=True, help="Also the lesion masks that are published beside the pictures.")
@accept_option
@wait_option
@words
def fetch(
    skin: Skin,
    sources: tuple[str, ...],
    labels_only: bool,
    folders: tuple[Path, ...],
    masks: bool,
    accept_license: bool,
) -> None:
    """Fetch sources."""
    from curate import pipeline

    workspace = skin.workspace()
    report = pipeline.run(
        "fetch",
        workspace,
        sources=sources,
        labels_only=labels_only,
        masks=masks,
        from_=folders,
        accept_license=accept_license,
    )
    tell(skin, report)
    finish(skin, [report])


@cli.command(
    short_help="Do all that is not done yet, from fetch to shard.",
    help="Fetch, parse, inspect, dedup, label, split and shard: only what is not done yet."
    + example("curate build isic_2018 isic_2019", "curate build --labels-only", "curate build --until split"),
)
@named_sources
@labels_only_option
@click.option("--until", default="shard", metavar="STAGE", help="The last stage to run (default: shard).")
@spread_options
@accept_option
@wait_option
@words
def build(
    skin: Skin,
    sources: tuple[str, ...],
    labels_only: bool,
    until: str,
    workers: int | None,
    scheduler: str | None,
    accept_license: bool,
) -> None:
    """Build the corpus."""
    from curate import pipeline

    reports = []
    workspace = skin.workspace(workers, scheduler)
    for report in pipeline.build(
        workspace, sources, labels_only=labels_only, until=until, accept_license=accept_license
    ):
        tell(skin, report)
        reports.append(report)
    finish(skin, reports)
    skin.chat("next: curate status, curate report" + ("" if labels_only else ", curate train"))


def _stage(name: str, does: str, *options: Callable[[Command], Command]) -> None:
    """Add the command of one stage alone."""

    def command(skin: Skin, **given: Any) -> None:
        from curate import pipeline

        workspace = skin.workspace(given.pop("workers", None), given.pop("scheduler", None))
        report = pipeline.run(name, workspace, **given)
        tell(skin, report)
        finish(skin, [report])

    wrapped = wait_option(words(command))
    for option in options:
        wrapped = option(wrapped)  # type: ignore[arg-type]
    cli.command(name, help=does + example(f"curate {name}"))(wrapped)


_stage("parse", "Read every source's label files into records.")
_stage("inspect", "Look once at every file: hash, tiles, fingerprint, tone.", spread_options)


@cli.command(
    short_help="Find which records are one picture, and why.",
    help="Find which records are one picture, and why; or, with --pictures, which files of any folder are, without a "
    "corpus: exit 1 where there are any pairs."
    + example("curate dedup", "curate dedup --dry-run", "curate dedup --pictures photos --json"),
)
@click.option(
    "--dry-run", is_flag=True, help="Change nothing: say what would change. Exit code 1 where anything would."
)
@click.option("--pictures", type=click.Path(path_type=Path), metavar="DIR", help="Any folder of pictures instead.")
@spread_options
@wait_option
@words
def dedup(skin: Skin, dry_run: bool, pictures: Path | None, workers: int | None, scheduler: str | None) -> None:
    """Find the copies in the corpus, or in a folder."""
    from curate import pipeline

    if pictures is not None:
        if dry_run:
            raise click.UsageError("--pictures changes nothing anyway: leave --dry-run out")
        _dedup_folder(skin, pictures, workers, scheduler)
        return
    workspace = skin.workspace(workers, scheduler)
    if not dry_run:
        report = pipeline.run("dedup", workspace)
        tell(skin, report)
        finish(skin, [report])
        return
    from curate.audit.difference import lines

    found = pipeline.rehearse(workspace)
    for said in found["reports"]:
        for note in said["notes"]:
            skin.chat(note)
    if found["changes"] is not None:
        skin.say("\n".join(lines(found)))
    else:
        copies = found["reports"][-1]["left_out"].get("duplicate", 0)
        skin.say(f"there is no corpus yet; it would leave out {copies:,} copies")
    skin.say("nothing was changed")
    skin.give(found)
    if not found["equal"]:
        click.get_current_context().exit(1)


def _dedup_folder(skin: Skin, folder: Path, workers: int | None, scheduler: str | None) -> None:
    from curate.pictures_alike import alike
    from curate.recipe import DedupRecipe
    from curate.text_table import text_table

    folder = folder.absolute() if scheduler else folder
    found = alike(folder, DedupRecipe(), workers=hands(workers, scheduler, folder, read=True), progress=skin.progress)
    columns = ("first", "second", "kind", "score", "evidence")
    rows = [{name: row[name] for name in columns} | {"score": f"{row['score']:.4f}"} for row in found["pairs"]]
    if rows:
        skin.say(text_table(rows))
    skin.say(f"{found['pictures']:,} pictures, {len(rows):,} {'pair' if len(rows) == 1 else 'pairs'}")
    for row in found["unreadable"]:
        skin.say(f"not read: {row['file']}: {row['reason']}")
    show_skipped(skin, found["skipped"])
    skin.give(found)
    if rows:
        click.get_current_context().exit(1)


@cli.command(
    short_help="Give every label a meaning through the label maps.",
    help="Give every label a meaning through the label maps; or say what other maps would change. With --missing, "
    "--diff, or --label-maps alone nothing is changed, and exit code 1 means that there is something to see."
    + example(
        "curate label",
        "curate label --missing",
        "curate label --diff ../last-year",
        "curate label --label-maps my-maps",
        "curate label --label-maps my-maps --apply",
    ),
)
@click.option("--missing", is_flag=True, help="Print the lines to add for labels nobody mapped, with counts.")
@click.option(
    "--diff",
    "old",
    type=click.Path(path_type=Path),
    metavar="OLD",
    help="Say which pictures change category or subtype from OLD to now: a folder of label maps, or another corpus.",
)
@click.option(
    "--label-maps",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Say what your own maps and categories in DIR would change.",
)
@click.option("--apply", is_flag=True, help="Keep the maps of DIR in the root, and label by them from now on.")
@click.option("--first", type=click.IntRange(0), default=5, help="How many pictures of each change (default: 5).")
@wait_option
@words
def label(skin: Skin, missing: bool, old: Path | None, folder: Path | None, apply: bool, first: int) -> None:
    """Label the records."""
    from curate import pipeline
    from curate.cli import labelling

    if missing and (old or folder or apply):
        raise click.UsageError("--missing stands alone")
    if apply and not folder:
        raise click.UsageError("--apply keeps the maps of a folder: name it with --label-maps DIR")
    if apply and old:
        raise click.UsageError("--diff changes nothing: leave --apply out")
    workspace = skin.workspace(label_maps=folder)
    if missing:
        labelling.show_missing(skin, workspace)
    elif apply:
        labelling.apply(skin, workspace, first)
    elif old or folder:
        labelling.show_changes(skin, workspace, old, first)
    else:
        report = pipeline.run("label", workspace)
        tell(skin, report)
        finish(skin, [report])


_stage("split", "Place whole families; say why each other record is out.")
_stage("shard", "Write the corpus as TFRecord shards.", spread_options)
