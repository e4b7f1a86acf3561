"""The categories that subtypes are counted as: three as curate ships, or those that a user's own maps declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curate import map_file
from curate.errors import LabelMapError
from curate.map_file import MapRow

FILE = "categories.csv"


@dataclass(frozen=True, slots=True)
class Category:
    """One category: its index is its class in the shards; words in `includes` count as it wherever a map says them."""

    name: str
    index: int
    includes: tuple[str, ...]
    note: str


class Categories(tuple[Category, ...]):
    """The declared categories in the order of their index: from the least harm to the most."""

    @classmethod
    def read(cls, files: Mapping[str, Path]) -> Categories:
        """Read `categories.csv` (index, category, includes, note) among the label maps.

        Raises LabelMapError for fewer than two categories, an index that is doubled or skipped, a name that cannot name
        a folder, and a word that two categories claim.
        """
        path = files[FILE]
        rows = list(map_file.read(path, "index", "category", "includes", "note"))
        map_file.once(rows, "index", "the index", "number the categories from 0, the least harm first")
        map_file.once(rows, "category", "the category", "take one of the rows out")
        found = sorted(
            (Category(row["category"], row.whole("index"), tuple(row.words("includes")), row["note"]) for row in rows),
            key=lambda each: each.index,
        )
        _check_indexes(path, [each.index for each in found])
        _check_words(rows)
        return cls(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their index."""
        return tuple(each.name for each in self)

    def of(self, word: str, row: MapRow) -> str:
        """Return the category that a word of a map means. Raises LabelMapError, naming the row, where there is none."""
        for each in self:
            if word == each.name or word in each.includes:
                return each.name
        raise LabelMapError(
            f"there is no category {word!r}",
            where=row.where,
            expected=", ".join(self.names),
            found=repr(word),
            done=map_file.DONE,
            hint=f"mend that row, or declare the category in a {FILE} of your own (docs/label-maps.md)",
        )


def _check_indexes(path: Path, indexes: list[int]) -> None:
    if len(indexes) < 2 or indexes != list(range(len(indexes))):
        raise LabelMapError(
            "the categories are not numbered from 0",
            where=str(path),
            expected="two categories or more, with the indexes 0, 1 and so on",
            found=", ".join(map(str, indexes)) or "no row",
            done=map_file.DONE,
            hint="number them from 0, the least harm first: the index is the class in the shards",
        )


def _check_words(rows: list[MapRow]) -> None:
    claimed: dict[str, str] = {row["category"]: row["category"] for row in rows}
    for row in rows:
        name = row["category"]
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            raise LabelMapError(
                "a category cannot be called so",
                where=row.where,
                expected="small letters, digits and _, a letter first, 40 at most: it names folders and classes",
                found=repr(name),
                done=map_file.DONE,
                hint="choose another name",
            )
        for word in row.words("includes"):
            if claimed.setdefault(word, name) != name:
                raise LabelMapError(
                    f"two categories claim {word!r}",
                    where=row.where,
                    expected="each word in one category",
                    found=f"{claimed[word]} and {name}",
                    done=map_file.DONE,
                    hint="take it out of one of the two rows",
                )
