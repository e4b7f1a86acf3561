"""The skin: words become calls, results become text. The only part of curate that prints."""

from __future__ import annotations

import json
import sys

import click

# In the order in which the help lists their commands.
from curate.cli import showing, building, asking, modelling  # isort: skip
from curate.cli.skin import cli
from curate.errors import CurateError

__all__ = ["asking", "building", "cli", "main", "modelling", "showing"]


def main() -> None:
    """Run the command line; every end has its exit code, and no end that a user can cause is a traceback."""
    wants_json = "--json" in sys.argv
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = _stopped()
    except click.ClickException as wrong:
        if wants_json:
            click.echo(json.dumps({"error": {"what": wrong.format_message()}, "exit_code": wrong.exit_code}, indent=2))
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
