"""The taxonomy: every subtype, what it counts as, and what it is an umbrella of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate import map_file
from curate.categories import Categories
from curate.errors import LabelMapError
from curate.map_file import MapRow

FILE = "taxonomy.csv"
CHANGES = "subtype_categories.csv"
"""A user's own, where there is one: the subtypes that count as another category than `taxonomy.csv` says."""

_TOLD = ("lineage", "isic_term", "isic_path", "definition", "disputed", "source", "note")


@dataclass(frozen=True, slots=True)
class Subtype:
    """One row: `category` is a declared one, `usual` what `taxonomy.csv` says; `told` has its other columns."""

    name: str
    index: int
    category: str
    usual: str
    umbrella_of: tuple[str, ...]
    changed: str
    told: dict[str, str]


class Taxonomy(dict[str, Subtype]):
    """The subtypes by name, in the order of their index."""

    @classmethod
    def read(cls, files: Mapping[str, Path], categories: Categories) -> Taxonomy:
        """Read `taxonomy.csv`, and over it `subtype_categories.csv` where there is one.

        Raises LabelMapError for a doubled subtype, an index that is doubled or skipped, a category that nobody
        declared, an umbrella of a subtype that is not there or of another category.
        """
        rows = list(map_file.read(files[FILE], "index", "subtype", "category", "umbrella_of"))
        hint = "an index is the place of a subtype for good: take the wrong row out, or give a new one the next index"
        map_file.once(rows, "subtype", "the subtype", "take one of the rows out")
        map_file.once(rows, "index", "the index", hint)
        ordered = sorted(rows, key=lambda row: row.whole("index"))
        for place, row in enumerate(ordered):
            if row.whole("index") != place:
                raise LabelMapError(
                    f"the taxonomy has no subtype with the index {place}",
                    where=row.where,
                    expected=str(place),
                    found=row["index"],
                    done=map_file.DONE,
                    hint="number the subtypes from 0 without a gap: the index is the class in the shards",
                )
        by_name = {row["subtype"]: row for row in ordered}
        _check_umbrellas(ordered, by_name)
        changes = _changes(files.get(CHANGES), by_name)
        found = cls()
        for name, row in by_name.items():
            usual = categories.of(row["category"], row)
            change = changes.get(name)
            found[name] = Subtype(
                name=name,
                index=row.whole("index"),
                category=categories.of(change["category"], change) if change else usual,
                usual=usual,
                umbrella_of=tuple(row.words("umbrella_of")),
                changed=change["note"] if change else "",
                told={column: row.get(column) for column in _TOLD},
            )
        return found

    def umbrellas(self) -> list[tuple[str, str]]:
        """Return umbrella and member of each pair; a member that counts as another category now is under none."""
        return [
            (each.name, member)
            for each in self.values()
            for member in each.umbrella_of
            if self[member].category == each.category
        ]

    def require(self, name: str, row: MapRow) -> Subtype:
        """Return the subtype that a map names. Raises LabelMapError, naming the row, where there is none."""
        found = self.get(name)
        if found is None:
            raise _unknown(name, row)
        return found


def _unknown(name: str, row: MapRow) -> LabelMapError:
    return LabelMapError(
        f"the taxonomy has no subtype {name!r}",
        where=row.where,
        expected=f"one of the subtypes of {FILE}",
        found=repr(name),
        done=map_file.DONE,
        hint=f"mend the name, or add the subtype to {FILE} with the next free index",
    )


def _check_umbrellas(rows: Sequence[MapRow], by_name: Mapping[str, MapRow]) -> None:
    for row in rows:
        for member in row.words("umbrella_of"):
            if member not in by_name:
                raise _unknown(member, row)
            if by_name[member]["category"] != row["category"]:
                raise LabelMapError(
                    f"{row['subtype']} is an umbrella of {member}, but their categories differ",
                    where=row.where,
                    expected=f"{member} is {row['category']}",
                    found=by_name[member]["category"],
                    done=map_file.DONE,
                    hint="mend one of the two rows",
                )


def _changes(path: Path | None, by_name: Mapping[str, MapRow]) -> dict[str, MapRow]:
    rows = list(map_file.read(path, "subtype", "category", "note")) if path is not None else []
    map_file.once(rows, "subtype", "the subtype", "take one of the rows out")
    for row in rows:
        if row["subtype"] not in by_name:
            raise _unknown(row["subtype"], row)
        if not row["note"]:
            raise LabelMapError(
                f"{row['subtype']} counts as {row['category']}, and no note says why",
                where=row.where,
                expected="a note: it is printed in the report, beside what the taxonomy says",
                done=map_file.DONE,
                hint="add the note",
            )
    return {row["subtype"]: row for row in rows}
