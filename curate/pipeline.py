"""The order of the stages: the one place that knows it."""

from __future__ import annotations

import copy
import importlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from curate import freshness, proofs
from curate.db import Database
from curate.errors import UsageError
from curate.report import Report
from curate.scratch import scratch
from curate.workspace import Workspace

STAGES = ("fetch", "parse", "inspect", "dedup", "label", "split", "shard")
"""What `curate build` does, in this order; `train` and `quantize` follow on the shards, by their own commands."""

_COUNTED = {
    "parse": ("claims", ("claims", "sheets", "cases", "listed_pairs")),
    "inspect": ("files", ("members",)),
    "dedup": ("pairs", ("candidates",)),
    "label": ("records", ("records",)),
    "split": ("pictures", ("corpus",)),
}
"""What the report of a stage counts, and the tables in which that is."""


def build(
    workspace: Workspace,
    sources: Sequence[str] = (),
    *,
    labels_only: bool = False,
    until: str = STAGES[-1],
    accept_license: bool = False,
) -> Iterator[Report]:
    """Run the stages up to `until`, yielding each one's report when it is done; only what is not done yet is done.

    A stage is passed over where it is proven that it would leave what is there; see `curate.proofs`.
    Without names, the sources that are here are built; in a root where none is, all that can be downloaded are.
    What could not be fetched does not keep the rest from being built; any other stage with problems is the last one.
    What it has left stands, and the same words go on from there. Raises CorpusError where another curate works on this
    root: until the last report is taken, no other can begin.
    """
    if until not in STAGES:
        raise UsageError(f"there is no stage {until!r}", expected=", ".join(STAGES), hint="curate build --help")
    workspace.sources(sources)  # in a root that is none, wrong words leave no trace
    with workspace.turn:  # from the first stage to the last, so that no other writes between two of them
        yield from _build(workspace, sources, until, labels_only, accept_license)


def _build(
    workspace: Workspace, sources: Sequence[str], until: str, labels_only: bool, accept_license: bool
) -> Iterator[Report]:
    proofs.code()
    chosen, absent = _choose(workspace, sources)
    standing: dict[str, Report] = {}
    for stage in STAGES[: STAGES.index(until) + 1]:
        started = time.monotonic()
        if stage == "fetch":
            report = _fetch(workspace, chosen, labels_only, accept_license)
            report.notes += [f"{name} is left out: nobody promises a download; see curate sources" for name in absent]
            standing = _standing(workspace, labels_only)
        elif stage in standing:
            report = standing[stage]
        elif stage == "parse":
            report = run(stage, workspace, labels_only=labels_only)
        elif stage == "shard" and labels_only:
            report = Report("shard", "shards", notes=["a corpus of labels only has no pictures to write"])
        elif stage == "shard":
            report = _shard(workspace)
        else:
            report = run(stage, workspace)
        report.seconds = time.monotonic() - started
        yield report
        # What could not be fetched is said, and ends in exit code 3; what is here is built all the same.
        if report.problems and (stage != "fetch" or not any(workspace.tree(name) for name in chosen)):
            return


def run(stage: str, workspace: Workspace, **options: object) -> Report:
    """Run one stage by its name; its module is imported only now.

    Raises CorpusError where another curate works on this root, and the stage is one of `STAGES`.
    """
    started = time.monotonic()
    with _turn(workspace, stage):
        report: Report = importlib.import_module(f"curate.stages.{stage}").run(workspace, **options)
    report.seconds = time.monotonic() - started
    return report


def _turn(workspace: Workspace, stage: str) -> AbstractContextManager[object]:
    """Return the turn in which a stage runs; none for one that is not of `STAGES`.

    Where there is no data_cache yet, only a fetch makes one: any other stage is refused, and leaves no trace.
    """
    return workspace.turn if stage in STAGES and (stage == "fetch" or workspace.cache.is_dir()) else nullcontext()


def rehearse(workspace: Workspace, stages: Sequence[str] = ("dedup", "label", "split")) -> dict[str, Any]:
    """Run stages on a copy of the corpus database, and return in what the corpus would differ; nothing is changed.

    `reports` of the stages, and what `curate.audit.difference.difference` says, `before` being the corpus as it is.
    Where there is no corpus yet, all that is said is the reports. The second looks at pairs are done, and forgotten.
    Raises CorpusError where the stage before the first of them has not run, or another curate works on this root.
    """
    from curate.audit.difference import difference

    with (
        _turn(workspace, stages[0]),  # else a build could change the corpus after it was copied, before it is compared
        workspace.database(read_only=True) as database,
        scratch(workspace.cache, ".dry-run-") as folder,
    ):
        freshness.require(database, STAGES[STAGES.index(stages[0]) - 1])
        is_built = database.has("corpus")
        rehearsed = copy.copy(workspace)
        rehearsed.database_path = folder / workspace.database_path.name
        rehearsed.lock_path = folder / workspace.lock_path.name
        shutil.copyfile(workspace.database_path, rehearsed.database_path)
        reports = [run(stage, rehearsed).as_dict() for stage in stages]
        found: dict[str, Any] = {"changes": None}
        if is_built:
            found = difference(workspace.database_path, rehearsed.database_path)
    found["equal"] = found["changes"] == []  # a cause that changes nothing is none
    return found | {"reports": reports, "before": "as it is", "after": "as it would be", "notes": []}


def label_changes(workspace: Workspace, *, old: Path | None = None, first: int = 5) -> dict[str, Any]:
    """Say which pictures other label maps would call otherwise; nothing is changed. See `curate.label_changes.changes`.

    With `old` (a folder of maps, or another corpus): from those maps to the ones of this workspace. Without: from the
    maps of this root to the ones that the workspace was given beside it. Both are held against the records as they are.
    Raises CorpusError where dedup has not run or another curate works on this root, LabelMapError where a map
    contradicts itself or misses a label.
    """
    from curate import label_changes as between
    from curate.stages import label

    before = between.maps_at(old, workspace) if old else between.maps_of(Workspace(workspace.root))
    after = between.maps_of(workspace)
    with (
        _turn(workspace, "label"),  # as in `rehearse`
        workspace.database(read_only=True) as database,
        scratch(workspace.cache, ".label-changes-") as folder,
    ):
        freshness.require(database, "dedup")
        paths = {name: folder / f"{name}.duckdb" for name in ("before", "after")}
        for maps, (side, path) in zip((before, after), paths.items(), strict=True):
            shutil.copyfile(workspace.database_path, path)
            with Database(path, said_of=workspace.database_path) as copied:
                label.build(copied, maps, on_conflict=workspace.recipe.label.on_conflict)
                if side == "after":
                    label.require_all_mapped(copied, workspace, done="nothing was changed")
                copied.build("early_reasons", "keepers", methods=list(workspace.recipe.corpus.diagnosis_methods))
        return between.changes(paths["before"], paths["after"], first=first)


def _choose(workspace: Workspace, sources: Sequence[str]) -> tuple[list[str], list[str]]:
    if sources:
        return workspace.sources(sources), []
    here = workspace.remembered()
    if here:
        return here, []
    everything = workspace.sources()
    manual = [name for name in everything if workspace.manifests[name].access == "manual"]
    return [name for name in everything if name not in manual], manual


def _fetch(workspace: Workspace, sources: Sequence[str], labels_only: bool, accept_license: bool) -> Report:
    fetch = importlib.import_module("curate.stages.fetch")
    locks = workspace.locked()
    waiting = [name for name in sources if fetch.needs(workspace, name, labels_only=labels_only, locks=locks)]
    if not waiting:
        return Report("fetch", "sources", there=len(sources), nothing_new=True)
    report: Report = fetch.run(workspace, waiting, labels_only=labels_only, accept_license=accept_license)
    return report


def _standing(workspace: Workspace, labels_only: bool) -> dict[str, Report]:
    """Return the reports of those stages from `parse` to `split` that have nothing to do."""
    stages = proofs.standing(workspace, labels_only=labels_only)
    if not stages:
        return {}
    reports = {}
    with workspace.database(read_only=True) as database:
        for stage in stages:
            unit, tables = _COUNTED[stage]
            reports[stage] = Report(stage, unit, there=sum(map(database.count, tables)), nothing_new=True)
    return reports


def _shard(workspace: Workspace) -> Report:
    home = importlib.import_module("curate.stages.shard").standing(workspace)
    if home is None:
        return run("shard", workspace)
    with workspace.database(read_only=True) as database:
        report = Report("shard", "pictures", there=database.count("corpus"), nothing_new=True)
    report.details |= {"folder": str(home), "key": home.name}
    return report
