"""`corpus.lock.json` in the root: which bytes were taken for which file, from where, under which licence; and what the
corpus that was built of them is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from curate import whole
from curate.errors import FetchError

FORM = 2  # of the file; the first form had the sources alone, and no number

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

    @property
    def hashes(self) -> dict[str, str]:
        """What claims are read from: the sha256 (hex) of each file by its name, and of all that lies unpacked."""
        unpacked = {"unpacked content": self.loose.sha256} if self.loose else {}
        return {name: file.sha256 for name, file in sorted(self.files.items())} | unpacked

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


@dataclass(frozen=True)
class LockedCorpus:
    """What a corpus is, and what it was made of; hashes are sha256 (hex).

    `rows` is, by table, the hash of its rows (`curate.corpus_rows.digest`); `recipe` by section and knob; `versions` by
    algorithm; `label_maps`: their `version`, and the hash of each of their `files`; `decisions` and `sources`: the hash
    of what was decided, and by source of what was parsed; `shards`: their `key`, and the hash of their `index`.
    """

    curate: str
    pictures: int
    left_out: int
    rows: dict[str, str]
    recipe: dict[str, dict[str, Any]]
    versions: dict[str, Any]
    label_maps: dict[str, Any]
    decisions: str | None
    sources: dict[str, str]
    shards: dict[str, str] | None = None

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> LockedCorpus:
        """Return what a lock file says. Raises TypeError or KeyError where it is not in the form."""
        made = cls(**given)
        parts = [made.rows, made.recipe, *made.recipe.values(), made.versions, made.label_maps["files"], made.sources]
        wrong = [part for part in parts if not isinstance(part, dict)]
        if wrong:
            raise TypeError(f"not a part of a corpus: {wrong[0]!r}")
        made.rows["corpus"], made.label_maps["version"]
        if made.shards is not None:
            made.shards["key"], made.shards["index"]
        return made

    @property
    def short(self) -> str:
        """The name of the corpus by its rows, 16 hex digits."""
        return self.rows["corpus"][:16]


@dataclass
class Lock:
    """All that the file says; `edited`: it does not say what curate wrote, by the hash that stands in it."""

    sources: dict[str, LockedSource] = field(default_factory=dict)
    corpus: LockedCorpus | None = None
    edited: bool = False

    @property
    def warnings(self) -> list[str]:
        """A sentence for who is about to write the file anew, with a hash that holds again; none where all is well."""
        said = "was changed by another hand since curate wrote it; what it says of the sources was taken as it stands"
        return [f"corpus.lock.json {said}"] if self.edited else []


def read(path: Path) -> dict[str, LockedSource]:
    """Read what is locked of each source. Raises FetchError for a file that is not in the form."""
    return load(path).sources


def load(path: Path) -> Lock:
    """Read the whole lock; a file that is not there locks nothing, and the first form says nothing of a corpus.

    Raises FetchError for one that is not in the form.
    """
    if not path.exists():
        return Lock()
    try:
        text = path.read_text(encoding="utf-8")
        given = json.loads(text)
        if not isinstance(given.get("form"), int):
            return Lock({source: _source(entry) for source, entry in given.items()})
        if given["form"] != FORM:
            raise ValueError(f"form {given['form']}, where this curate knows {FORM}")
        return Lock(
            {source: _source(entry) for source, entry in given["sources"].items()},
            LockedCorpus.from_dict(given["corpus"]) if given["corpus"] is not None else None,
            edited=text != _sealed({part: value for part, value in given.items() if part != "sha256"}),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as broken:
        raise FetchError(
            "the lock file cannot be read",
            where=str(path),
            expected="the JSON that curate wrote",
            found=f"{type(broken).__name__}: {broken}",
            hint="take it back from version control, or trust what is here anew: "
            f"rm {shlex.quote(str(path))} && curate fetch && curate build",
        ) from broken


def write(path: Path, sources: Mapping[str, LockedSource]) -> None:
    """Write what is locked of the sources; what the file says of the corpus stays. See `save`."""
    save(path, Lock(dict(sources), load(path).corpus))


def save(path: Path, lock: Lock) -> None:
    """Write the whole lock, sorted and indented, with its own hash; the old one stays until the new one is whole.

    A source of which nothing is locked is left out, and where there is nothing else no file is made.
    """
    made: dict[str, Any] = {}
    for name, source in lock.sources.items():
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
    if not made and lock.corpus is None and not path.exists():
        return
    corpus = dataclasses.asdict(lock.corpus) if lock.corpus else None
    whole.write_text(path, _sealed({"form": FORM, "corpus": corpus, "sources": made}))


def _sealed(said: dict[str, Any]) -> str:
    """Return the text of the file: what it says, and the sha256 of what it says without that hash."""
    sha256 = hashlib.sha256(_text(said).encode()).hexdigest()
    return _text(said | {"sha256": sha256})


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


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
