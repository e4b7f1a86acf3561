"""`python -m curate` is `curate`."""

from __future__ import annotations

import sys


def main() -> None:
    """Load the command line and run it; Ctrl-C while it loads ends as it does later."""
    try:
        from curate.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("stopped; type the same again to go on\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
