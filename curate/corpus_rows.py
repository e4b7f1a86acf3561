"""The rows of the corpus as they are handed on, in the order that is asked for: never all of them in memory."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pyarrow import csv

from curate import whole
from curate.errors import CorpusError
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

Row = dict[str, Any]
Order = Literal["file", "id", "place"]
Table = Literal["corpus", "exclusions"]

COUNTED = ("source", "category", "subtype", "license", "tone_reported", "tone_ita_class", "diagnosis_method")

MEMORY = "1GB"
"""For sorting and joining rows; what is more lies on the disk. A join of a million records holds what a quarter of it
cannot."""


@dataclass(frozen=True)
class CorpusRows:
    """The rows of `shard_rows` under the licences `allowed` (all where none is named), less the values of `dropped`.

    `dropped` names, by id, the values that stand in place of a row's own. `sealed` is the hash of the database.
    """

    workspace: Workspace
    sealed: str | None
    allowed: tuple[str, ...] = ()
    dropped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, workspace: Workspace, allowed: tuple[str, ...] = (), dropped: Mapping[str, Mapping[str, Any]] | None = None
    ) -> CorpusRows:
        """Name the rows of the corpus as it stands now."""
        return cls(workspace, whole.sealed(workspace.database_path), allowed, dropped or {})

    def ordered(self, order: Order, *, split: str | None = None) -> Iterator[Row]:
        """Yield the rows: `file` by file as they are read, by `id`, or by their `place` in the shards.

        Raises CorpusError where the corpus is no longer the one that was named.
        """
        with self.workspace.database(read_only=True) as database, database.spilling(MEMORY):
            if whole.sealed(self.workspace.database_path) != self.sealed:
                raise CorpusError(
                    "the corpus was built anew while it was handed on",
                    where=str(database.path),
                    done="what was half written is gone again",
                    hint="type the same again, with no other curate at work here",
                )
            database.build("shard_rows")
            for batch in database.batches(f"shard_rows_by_{order}", split=split, allowed=list(self.allowed)):
                for row in batch.to_pylist():
                    yield row | self.dropped[row["id"]] if row["id"] in self.dropped else row

    def tally(self) -> Tally:
        """Count the rows. Raises CorpusError where the corpus is no longer the one that was named."""
        words: dict[str, Counter[tuple[Any, str]]] = {word: Counter() for word in COUNTED}
        kinds: Counter[tuple[str | None, str]] = Counter()
        splits: Counter[str] = Counter()
        without: list[str] = []
        lacking = 0
        for row in self.ordered("id"):
            splits[row["split"]] += 1
            kinds[row["subtype"], row["category"]] += 1
            for word in COUNTED:
                words[word][row[word], row["split"]] += 1
            if row["location"] is None:
                lacking += 1
                without = without or [row["id"]]
        return Tally({split: splits[split] for split in SPLITS if splits[split]}, words, kinds, lacking, without)


def digest(workspace: Workspace, table: Table = "corpus") -> str:
    """Return the sha256 (hex) of the rows of a table, in the order of their ids, as CSV with a header.

    Text is in quotes and what is unknown is empty, so that no two tables have one hash. What is said of a picture
    counts, its bytes by their hash; where they lie does not. Raises CorpusError where the table is not there.
    """
    hashed = _Hashed()
    with workspace.database(read_only=True) as database, database.spilling(MEMORY):
        database.require(table, "split")
        batches = database.batches(f"{table}_contents")
        writer = None
        for batch in batches:
            writer = writer or csv.CSVWriter(hashed, batch.schema, write_options=_AS_CSV)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
    return hashed.digest.hexdigest()


_AS_CSV = csv.WriteOptions(quoting_style="all_valid")


class _Hashed(io.RawIOBase):
    """A file that keeps nothing of what is written but its hash."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


@dataclass(frozen=True)
class Tally:
    """How many rows there are: by split (those that have any), by value and split, by (subtype, category).

    `lacking` have no picture; `first` of them, if any, is the first by id.
    """

    splits: Mapping[str, int]
    words: Mapping[str, Counter[tuple[Any, str]]]
    kinds: Counter[tuple[str | None, str]]
    lacking: int
    first: list[str]

    @property
    def pictures(self) -> int:
        """All of them."""
        return sum(self.splits.values())

    def of(self, word: str) -> Counter[Any]:
        """Return how many rows have each value of a word, whatever their split; None where it is unknown."""
        counts: Counter[Any] = Counter()
        for (value, _), count in self.words[word].items():
            counts[value] += count
        return counts

    def inside(self, word: str, split: str) -> Counter[Any]:
        """Return how many rows of one split have each value of a word; None where it is unknown."""
        return Counter({value: count for (value, where), count in self.words[word].items() if where == split})

    def require_pictures(self, workspace: Workspace) -> None:
        """Raise CorpusError where there is no row, or a row without a picture: a corpus of labels alone."""
        if not self.pictures:
            raise CorpusError("the corpus holds no picture", where=str(workspace.root), hint="curate status")
        if self.lacking:
            raise CorpusError(
                f"{self.lacking} rows of the corpus have no picture, {self.first[0]} for one: "
                "it was built from labels alone",
                where=str(workspace.root),
                hint="curate fetch, then curate build",
            )
