"""`python -m soak FOLDER SEED...`: plays the trials of these seeds, and writes what each came to as a line of JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Play the trials that are named by their seeds."""
    # Only here: each worker process of a build loads this module once more, and would load all of them with it.
    from curate.demo.server import serve
    from soak import children
    from soak.trials import Finding, Ground, Played

    folder = Path(sys.argv[1])
    (folder / "worlds").mkdir(parents=True)

    def server(say: Callable[[str], None]) -> None:
        with serve(folder / "worlds") as address:
            say(address)
            time.sleep(86_400)

    with children.beside(server) as address:
        ground = Ground(folder, address)
        for seed in map(int, sys.argv[2:]):
            started = time.monotonic()
            try:
                played = ground.play(seed)
            except Finding as found:  # in the undisturbed build
                played = Played(seed, "none", "nothing", outcome="FINDING", finding=str(found))
            line = dataclasses.asdict(played) | {"seconds": round(time.monotonic() - started, 2)}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
