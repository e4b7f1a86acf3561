"""The drawn world of all sources at its smallest, built as the demo builds it, but without training."""

from __future__ import annotations

from pathlib import Path

from curate import Workspace, pipeline
from curate.demo.server import serve
from curate.demo.world import make
from curate.manifest import read_all
from curate.workspace import shipped


def build(folder: Path) -> None:
    """Draw the world in `folder` and build its corpus there."""
    world = make(folder, size="tiny")
    with serve(world.served) as address:
        world.write_manifests(address, read_all(shipped("manifests")))
        workspace = Workspace(folder, workers=2)
        for report in pipeline.build(workspace, list(workspace.manifests), accept_license=True):
            assert not report.problems, report.problems
