"""The lists that others published: where they lie, or fetched by their own manifests; each read in its own form."""

from __future__ import annotations

import ast
import csv
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate import transfer
from curate.adoption import placed_in
from curate.errors import CorpusError, FetchError
from curate.manifest import Publication, RemoteFile, read_publication
from curate.workspace import Workspace

FED_ISIC = "fed_isic2019_train_test_split.csv"

_CASSIDY = re.compile(r"(\d\d) - .*_deleted(_\(all but newest\))?\.txt")
_DELETED = re.compile(r".*/(20\d\d)/(train|test)/(?:.*/)?([^/]+)/([^/]+)\.jpg")
_HIERARCHY = "diagnosis_hierarchical.py"

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Form:
    """A list that the self-test's scripts read as a table: its columns, a CSV that has them, or how else it is read."""

    title: str
    columns: tuple[str, ...]
    csv: str
    others: Callable[[Mapping[str, Path]], Rows] | None = None


def publications(workspace: Workspace) -> list[Publication]:
    """Return the publications whose lists the self-test reads, by name."""
    return [read_publication(path) for path in workspace.facts("manifests/published", "*.toml").values()]


def lists_in(workspace: Workspace, folder: Path) -> dict[str, Path]:
    """Return where each published list lies below the folder. Raises FetchError where two of one name differ."""
    wanted = {file.name for publication in publications(workspace) for file in publication.files}
    wanted |= {form.csv for form in FORMS.values()}
    found: dict[str, Path] = {}
    for placed in placed_in([folder]):
        if placed.name in wanted:
            first = found.setdefault(placed.name, placed.path)
            if first != placed.path and first.read_bytes() != placed.path.read_bytes():
                raise FetchError(
                    f"two files of one name differ: {placed.name}",
                    where=f"{first} and {placed.path}",
                    hint="curate selftest --from the folder of the right one",
                )
    return found


def fetch_lists(workspace: Workspace) -> tuple[dict[str, Path], list[str]]:
    """Fetch into `data_cache/published` what is not there yet; return where the lists are, and what failed."""
    folder = workspace.cache / "published"
    files = [file for publication in publications(workspace) for file in publication.files]
    found: dict[str, Path] = {}
    problems: list[str] = []
    unreachable: set[str] = set()
    with workspace.progress("lists", len(files), "files") as advance:
        for file in files:
            path = folder / file.name
            try:
                if not _is_whole(path, file):
                    part = folder / f"{file.name}.part"
                    transfer.fetch(
                        file.urls, part, name=file.name, size=file.bytes, pin=file.pin, unreachable=unreachable
                    ).path.replace(path)
                found[file.name] = path
            except FetchError as error:
                problems.append(str(error))
            advance(1)
    return found, problems


def tables(files: Mapping[str, Path]) -> tuple[dict[str, pa.Table], set[str]]:
    """Return the tables for the scripts, without rows where a list is not here, and the titles of those that are."""
    made: dict[str, pa.Table] = {}
    here: set[str] = set()
    for name, form in FORMS.items():
        rows: Rows = []
        if form.csv in files:
            rows = _csv(files[form.csv], form.columns)
        elif form.others is not None:
            rows = form.others(files)
        if rows:
            here.add(form.title)
        made[name] = pa.table({word: pa.array([row[word] for row in rows], pa.string()) for word in form.columns})
    return made, here


def _is_whole(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _csv(path: Path, columns: Sequence[str]) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not set(columns) <= set(reader.fieldnames or ()):
            raise CorpusError(
                "a published list has other columns",
                where=str(path),
                expected=", ".join(columns),
                found=", ".join(reader.fieldnames or ()),
                hint="put the published file there",
            )
        return list(reader)


def _cassidy(files: Mapping[str, Path]) -> Rows:
    """Read the twelve lists of deleted files; all of them or none. The folder says which pictures were downsampled."""
    lists = {found[1]: path for name, path in files.items() if (found := _CASSIDY.fullmatch(name))}
    if len(lists) < 12:
        return []
    rows = []
    for number, path in sorted(lists.items()):
        for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
            found = _DELETED.fullmatch(line)
            if found is None:
                raise _unread(path, line)
            year, split, folder, image = found.groups()
            suffix = "_downsampled" if folder == "downsampled" else ""
            rows.append({"list": number, "year": year, "split": split, "image": image + suffix})
    return rows


def _hierarchy(files: Mapping[str, Path]) -> Rows:
    """Read the terms, which stand in a Python file as the values of an enumeration; nothing of it is run."""
    if _HIERARCHY not in files:
        return []
    try:
        module = ast.parse(files[_HIERARCHY].read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as broken:
        raise CorpusError(
            "a published list cannot be read", where=str(files[_HIERARCHY]), found=str(broken),
            hint="put the published file there",
        ) from broken  # fmt: skip
    terms = [
        statement.value.value
        for block in module.body
        if isinstance(block, ast.ClassDef)
        for statement in block.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    ]
    paths = [term for term in terms if isinstance(term, str)]
    return [{"diagnosis_1": path.split(":")[0], "term": path.split(":")[-1], "path": path} for path in paths]


def _unread(path: Path, found: str) -> CorpusError:
    return CorpusError(
        "a published list cannot be read", where=str(path), found=found, hint="put the published file there"
    )


FORMS = {
    "cassidy": Form(
        "the lists of Cassidy et al. 2022", ("list", "year", "split", "image"), "cassidy2022_removed.csv", _cassidy
    ),
    "ham_pairs": Form(
        "ham10000_newly_discovered_duplicates.csv", ("from_img", "to_img"), "ham10000_newly_discovered_duplicates.csv"
    ),
    "pad_kept": Form("pad_ufes_20_cleaned_file_list.csv", ("file_name",), "pad_ufes_20_cleaned_file_list.csv"),
    "hierarchy": Form(
        "the ISIC diagnosis hierarchy", ("diagnosis_1", "term", "path"), "isic_diagnosis_hierarchy.csv", _hierarchy
    ),
}
"""The published lists by the name under which the scripts know them."""
