"""The skin: words become calls, results become text. The only part of curate that prints."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading

import click

# In the order in which the help lists their commands.
from curate.cli import showing, building, asking, auditing, comparing, exporting, modelling  # isort: skip
from curate.cli import plain
from curate.cli.skin import ReaderGone, cli
from curate.errors import CurateError
from curate.refusals import explained

__all__ = ["asking", "auditing", "building", "cli", "comparing", "exporting", "main", "modelling", "showing"]


def main() -> None:
    """Run the command line; every end has its exit code, and no end that a user can cause is a traceback."""
    wants_json = "--json" in sys.argv
    sys.unraisablehook = _unraised
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = _end({"what": "stopped", "next": "type the same again to go on"}, 130, wants_json)
        click.echo("stopped; type the same again to go on", err=True)
    except click.ClickException as wrong:
        code = _end({"what": wrong.format_message()}, wrong.exit_code, wants_json)
        wrong.show()
    except CurateError as error:
        code = _end(error.parts(), error.exit_code, wants_json)
        click.echo(f"curate: {error}", err=True)
    except (ReaderGone, BrokenPipeError):
        # What is still in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        told = explained(error)
        if told is None and not isinstance(error, OSError):
            raise
        refused = told or CurateError(
            "the operating system refused",
            where=str(getattr(error, "filename", None) or ""),
            found=getattr(error, "strerror", None) or str(error),
            done="nothing half-written stands under a final name",
            hint="make room or mend the permissions, then type the same again",
        )
        code = _end(refused.parts(), refused.exit_code, wants_json)
        click.echo(f"curate: {refused}", err=True)
    # All is done and said: a Ctrl-C while Python takes itself down would only lose the exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code if isinstance(code, int) else 0)


def _unraised(lost: sys.UnraisableHookArgs) -> None:
    """Hear a Ctrl-C again that fell into a moment in which Python can raise nothing, such as the end of an object."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)


def _end(parts: dict[str, str], code: int, wants_json: bool) -> int:
    """Print how it ended as one JSON document, if that is wanted; return the exit code."""
    if wants_json:
        click.echo(plain.document({"error": parts, "exit_code": code}))
    return code
