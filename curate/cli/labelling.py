"""How `curate label` shows what is missing in the maps, and what other maps would change."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from curate.cli.skin import Skin, finish, tell
from curate.workspace import Workspace


def show_missing(skin: Skin, workspace: Workspace) -> None:
    """Print the lines to add to the maps; exit code 1 where there are any."""
    from curate import unmapped

    with workspace.database(read_only=True) as database:
        database.require("records", "parse")
        found = unmapped.missing(database, workspace)
    if found:
        skin.say("\n".join(unmapped.lines(found, workspace)))
    else:
        skin.say("every label that occurs is mapped")
    skin.give({"missing": [each.as_dict() for each in found]})
    if found:
        click.get_current_context().exit(1)


def show_changes(skin: Skin, workspace: Workspace, old: Path | None, first: int) -> None:
    """Print what the maps change; nothing is changed, and exit code 1 says that something would be."""
    found = _changes(skin, workspace, old, first)
    if not old:
        skin.say()
        command = (
            f"curate --root {shlex.quote(str(skin.root))} label --label-maps {shlex.quote(str(workspace.given_maps))}"
        )
        skin.say(f"nothing was changed; to keep these maps in the root and label by them:\n  {command} --apply")
    skin.give(found)
    if not found["equal"]:
        click.get_current_context().exit(1)


def apply(skin: Skin, workspace: Workspace, first: int) -> None:
    """Print what the maps change, keep them in the root, and label by them."""
    from curate import pipeline

    with workspace.turn:
        found = _changes(skin, workspace, None, first)
        kept = workspace.keep_maps()
        skin.say()
        skin.say(f"kept in {workspace.root / 'label_maps'}: {', '.join(path.name for path in kept)}")
        report = pipeline.run("label", workspace)
    tell(skin, report)
    skin.chat("next: curate build   (the corpus, its splits and shards follow)")
    finish(skin, [report], changes=found, kept=[str(path) for path in kept])


def _changes(skin: Skin, workspace: Workspace, old: Path | None, first: int) -> dict[str, Any]:
    from curate import pipeline
    from curate.label_changes import lines

    found = pipeline.label_changes(workspace, old=old, first=first)
    skin.say("\n".join(lines(found)))
    return found
