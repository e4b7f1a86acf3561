"""`corpus.lock.json` in the root: which bytes were taken for which file, from where, under which licence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from curate import whole
from curate.errors import FetchError

Standing = Literal["official", "unpinned", "not the official bytes"]


@dataclass(frozen=True, slots=True)
class LockedFile:
    """The bytes taken for one file of a manifest.

    `pinned`: the manifest knew a hash then; `official`: the bytes have it. `origin` is an address or a path.
    """

    sha256: str
    bytes: int
    pinned: bool
    official: bool
    origin: str

    @property
    def standing(self) -> Standing:
        """What `status` and `verify` call it."""
        if not self.pinned:
            return "unpinned"
        return "official" if self.official else "not the official bytes"

    @property
    def downloaded(self) -> bool:
        """Tell whether the file came over the network (else it was adopted)."""
        return self.origin.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Loose:
    """Unpacked content of archives: how many files and bytes, the sha256 of their sorted listing, their names.

    The names are there to say which file is missing; two are the same content when the listing has the same hash.
    """

    count: int
    bytes: int
    sha256: str
    names: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, listing: Mapping[str, tuple[str, int]]) -> Loose:
        """Summarise `{identity: (sha256, bytes)}`: by final name, or for a steward's own folders by path."""
        lines = "".join(f"{name}\t{sha256}\n" for name, (sha256, _) in sorted(listing.items()))
        size = sum(size for _, size in listing.values())
        return cls(len(listing), size, hashlib.sha256(lines.encode()).hexdigest(), tuple(sorted(listing)))


@dataclass
class LockedSource:
    """What is locked of one source; `folders` are those of `--from`, in the order in which they came.

    `labels_only` names those of them of which only the labels were adopted so far.
    """

    folders: list[str] = field(default_factory=list)
    labels_only: list[str] = field(default_factory=list)
    accepted: dict[str, str] | None = None
    files: dict[str, LockedFile] = field(default_factory=dict)
    loose: Loose | None = None

    def of(self, standing: Standing) -> list[str]:
        """Return the names of the files of that standing, sorted; what lies unpacked, which no hash is published of, is
        counted among the unpinned."""
        names = sorted(name for name, file in self.files.items() if file.standing == standing)
        if standing == "unpinned" and self.loose is not None:
            names.append(f"{self.loose.count:,} unpacked file" + ("s" if self.loose.count != 1 else ""))
        return names

    @property
    def empty(self) -> bool:
        """Tell whether nothing is locked: such a source is as one that was never asked for."""
        return not (self.folders or self.accepted or self.files or self.loose)

    @property
    def adopted(self) -> bool:
        """Tell whether anything of the source was adopted from a folder, also where it is not known from which."""
        return bool(self.folders or self.loose) or any(not file.downloaded for file in self.files.values())


def read(path: Path) -> dict[str, LockedSource]:
    """Read the lock; a file that is not there locks nothing. Raises FetchError for one that is not in the form."""
    if not path.exists():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return {source: _source(entry) for source, entry in given.items()}
    except (ValueError, TypeError, AttributeError, KeyError) as broken:
        raise FetchError(
            "the lock file cannot be read",
            where=str(path),
            expected="the JSON that curate wrote",
            found=f"{type(broken).__name__}: {broken}",
            hint="take it back from version control, or remove it to trust what is here anew",
        ) from broken


def write(path: Path, sources: Mapping[str, LockedSource]) -> None:
    """Write the lock, sorted and indented; the old one stays until the new one is whole.

    A source of which nothing is locked is left out, and where there is no other no file is made.
    """
    made: dict[str, Any] = {}
    for name, source in sources.items():
        if source.empty:
            continue
        entry: dict[str, Any] = {"files": {key: _plain(file) for key, file in source.files.items()}}
        if source.folders:
            entry["from"] = source.folders
        if source.labels_only:
            entry["labels_only"] = source.labels_only
        if source.accepted:
            entry["accepted"] = source.accepted
        if source.loose:
            entry["loose"] = _plain(source.loose)
        made[name] = entry
    if not made and not path.exists():
        return
    whole.write_text(path, json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _source(entry: dict[str, Any]) -> LockedSource:
    return LockedSource(
        folders=list(entry.get("from", [])),
        labels_only=list(entry.get("labels_only", [])),
        accepted=entry.get("accepted"),
        files={name: LockedFile(**file) for name, file in entry.get("files", {}).items()},
        loose=_loose(**entry["loose"]) if entry.get("loose") else None,
    )


def _loose(count: int, bytes: int, sha256: str, names: Sequence[str] = ()) -> Loose:  # noqa: A002 - the word of the file
    return Loose(count, bytes, sha256, tuple(names))


def _plain(thing: LockedFile | Loose) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in type(thing).__slots__}
