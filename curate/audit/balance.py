"""What the corpus is made of: classes, subtypes, people, splits, and whether a split tears what belongs together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from curate.db import Database
from curate.html.charts import Part, bar, legend, stacked
from curate.html.markup import Content, Markup, element, number, percent
from curate.html.page import Section, ask, paragraph, section
from curate.html.table import bars, each, numbers, recounted, table, words
from curate.recipe import SplitRecipe

SPLITS = {"train": "blue", "validation": "sky", "test": "pink"}
_USUAL = {"benign": "blue", "precancerous": "orange", "malignant": "red"}
_OTHERS = ("sky", "yellow", "green", "pink", "dark", "pale", "grey")
_TRAITS = {"age": "age", "sex": "sex", "site": "site", "modality": "modality", "diagnosis_method": "diagnosis method"}


Palette = Mapping[str, str]


def palette(database: Database) -> Palette:
    """Return the declared categories in the order of their index, each with the name of its colour in `page.css`."""
    names = [row["category"] for row in sorted(database.table("categories").to_pylist(), key=_place)]
    others = iter(_OTHERS * len(names))
    first_and_last = {names[0]: "blue", names[-1]: "red"}
    return {name: _USUAL.get(name) or first_and_last.get(name) or next(others) for name in names}


def _place(row: Mapping[str, Any]) -> int:
    return int(row["category_index"])


def by_category(row: Mapping[str, Any], colours: Palette) -> list[Part]:
    """Return the parts of a bar from a row whose `categories` are the pictures of each category that occurs."""
    counts = dict(row["categories"])
    return [Part(category, counts.get(category, 0), colour) for category, colour in colours.items()]


def classes(database: Database) -> Section:
    """Return the balance of the categories, by split and by source, and what counts otherwise than curate ships."""
    colours = palette(database)
    by_split = _counted(database, "class_balance", "split", colours)
    by_source = _counted(database, "source_balance", "source", colours)
    sums = {category: sum(row[category] for row in by_split.values()) for category in colours}
    splits = {name: by_split[name] for name in SPLITS if name in by_split}
    notes = {row["category"]: row["note"] for row in database.table("categories").to_pylist() if row["note"]}
    changed = [row for row in database.table("taxonomy").to_pylist() if row["category"] != row["usual_category"]]
    return section(
        "classes",
        "Classes",
        element("dl", *(part for name, note in notes.items() for part in _defined(name, note)), class_="terms"),
        *(
            paragraph(
                f"{row['subtype']} counts as {row['category']} here, and as {row['usual_category']} in the taxonomy: "
                f"{row['change_note']}.",
                class_="caution",
            )
            for row in changed
        ),
        legend(list(colours.items())),
        _category_table(
            "Pictures of each category by split",
            "split",
            splits | ({"all": sums} if splits else {}),
            colours,
            total=True,
        ),
        _category_table("Pictures of each category by source", "source", by_source, colours),
        ask("select * from class_balance"),
    )


def subtypes(database: Database, recipe: SplitRecipe) -> Section:
    """Return the balance of the subtypes, and how far each one's splits are from the recipe."""
    found = database.rows("report_subtypes")
    most = max((row["pictures"] for row in found), default=0)
    colours = palette(database)
    counts: list[list[Content]] = []
    names: list[str] = []
    shares: list[list[Content]] = []
    for row in found:
        name = row["subtype"] or f"({row['category']}, subtype unknown)"
        names.append(name)
        colour = colours[row["category"]]
        said = f"{name}: {number(row['pictures'])} pictures, {row['category']}"
        counts.append(
            [
                name,
                bar(row["pictures"], most, colour, said),
                row["pictures"],
                row["families"],
                row["sources"],
                row["category"],
            ]
        )
        parts = [Part(split, row[split], colour) for split, colour in SPLITS.items()]
        away = max(abs(row[split] / row["pictures"] - getattr(recipe, split)) for split in SPLITS)
        shares.append(
            [name, stacked(parts), *(percent(row[split] / row["pictures"]) for split in SPLITS), f"{100 * away:.1f}"]
        )
    return section(
        "subtypes",
        "Subtypes",
        legend(list(colours.items())),
        table(
            "Pictures of each subtype, the most frequent of its category first",
            [
                *words("subtype"),
                *bars("pictures", show="length"),
                *recounted(),
                *recounted("whole", "families", "sources"),
                *words("category"),
            ],
            counts,
            trait="subtype",
        ),
        _by_source(database, names),
        element("h3", "Split of each subtype"),
        paragraph(
            f"The recipe wants {percent(recipe.train)} train, {percent(recipe.validation)} validation and "
            f"{percent(recipe.test)} test. Families are placed whole, and what was published as test stays test: "
            "rare subtypes and old test sets stand further from these shares."
        ),
        legend(list(SPLITS.items())),
        table(
            "Share of each subtype in each split; away: the largest distance from the recipe, in percentage points",
            [
                *words("subtype"),
                *bars("splits", show="splits"),
                *each(SPLITS, "split:share"),
                *recounted("whole", "away"),
            ],
            shares,
            trait="subtype",
        ),
        ask("select * from subtype_balance"),
    )


def people(database: Database) -> Section:
    """Return what is known of age, sex, site, modality and diagnosis method, by category."""
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in database.rows("report_people"):
        grouped[row["trait"]].append(row)
    colours = palette(database)
    tables: list[Content] = []
    for trait, name in _TRAITS.items():
        rows: list[list[Content]] = [
            [
                _value(trait, row["value"]),
                stacked(by_category(row, colours)),
                row["pictures"],
                *(percent(part.value / row["pictures"]) for part in by_category(row, colours)),
            ]
            for row in grouped[trait]
        ]
        columns = [
            *words(name),
            *bars("share of each category", show="categories"),
            *recounted(),
            *each(colours, "category:share"),
        ]
        keys = ["unknown" if row["value"] is None else row["value"] for row in grouped[trait]]
        tables.append(table(f"Pictures by {name}", columns, rows, trait=trait, keys=keys))
    return section(
        "people",
        "People and pictures",
        paragraph("Unknown stays unknown: it is never a guess and never a negative."),
        legend(list(colours.items())),
        *tables,
        ask("select * from age_sex_site_balance"),
    )


def splits(database: Database, recipe: SplitRecipe) -> Section:
    """Return the sizes of the splits and the groups that they tear, of which a sound corpus has none."""
    sizes = {row["split"]: row["pictures"] for row in database.rows("split_sizes")}
    total = sum(sizes.values())
    rows: list[list[Content]] = [
        [
            split,
            bar(sizes.get(split, 0), total, colour, f"{split}: {number(sizes.get(split, 0))} pictures"),
            sizes.get(split, 0),
            percent(sizes.get(split, 0) / total),
            percent(getattr(recipe, split)),
        ]
        for split, colour in SPLITS.items()
        if total
    ]
    groups = database.rows("report_leakage")
    torn = sum(row["torn"] for row in groups)
    if torn:
        verdict = paragraph(f"{number(torn)} groups are torn between splits.", class_="verdict bad")
    else:
        verdict = paragraph("No leak: 0 groups are torn between splits.", class_="verdict good")
    return section(
        "splits",
        "Splits and leakage",
        table(
            "Size of each split", [*words("split"), *bars("pictures"), *numbers("pictures", "share", "recipe")], rows
        ),
        element("h3", "Leakage"),
        paragraph("A family (the same picture, lesion or patient) lies in one split whole."),
        verdict,
        table(
            "Groups that no split may tear",
            [*words("kind"), *numbers("groups", "torn between splits")],
            [[row["kind"], row["groups_in_all"], row["torn"]] for row in groups],
        ),
        ask("select * from leakage"),
    )


def _defined(name: str, note: str) -> tuple[Markup, Markup]:
    return element("dt", name), element("dd", note)


def _counted(database: Database, view: str, key: str, colours: Palette) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in database.table(view).to_pylist():
        counts.setdefault(row[key], dict.fromkeys(colours, 0))[row["category"]] += row["pictures"]
    return counts


def _category_table(
    caption: str, key: str, counted: Mapping[str, Mapping[str, int]], colours: Palette, *, total: bool = False
) -> Markup:
    rows: list[list[Content]] = []
    for name, counts in counted.items():
        whole = sum(counts.values())
        cells: list[Content] = [
            f"{number(counts[category])} ({percent(counts[category] / whole if whole else None)})"
            for category in colours
        ]
        rows.append([name, stacked(by_category({"categories": counts}, colours)), whole, *cells])
    columns = [
        *words(key),
        *bars("share of each category", show="categories"),
        *recounted(),
        *each(colours, "category:both"),
    ]
    return table(caption, columns, rows, total=total, trait=key)


def _by_source(database: Database, names: Sequence[str]) -> Content:
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in names}
    for row in database.table("subtype_balance").to_pylist():
        counts[row["subtype"] or f"({row['category']}, subtype unknown)"][row["source"]] += row["pictures"]
    sources = sorted({source for found in counts.values() for source in found})
    rows: list[list[Content]] = [
        [name, *(found.get(source, 0) for source in sources)] for name, found in counts.items()
    ]
    columns = [*words("subtype"), *each(sources, "source:count")]
    return table("Pictures of each subtype by source", columns, rows, trait="subtype") if rows else None


def _value(trait: str, value: str | None) -> str:
    if value is None:
        return "unknown"
    return f"{int(value)}–{int(value) + 9} years" if trait == "age" else value.replace("_", " ")
