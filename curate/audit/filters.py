"""What the charts of the page can be filtered by: a bar of choices, and the numbers that they pick from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from curate.db import Database
from curate.html.markup import Markup, element


def filters(database: Database, categories: Mapping[str, str], splits: Mapping[str, str]) -> Markup:
    """Return the bar of choices, and the pictures of every trait by source, split and category as JSON for the script.

    `categories` and `splits` name the colours of their parts. Without a script the bar stays hidden, and the page
    shows the whole corpus.
    """
    rows = database.rows("report_cube")
    sources = sorted({row["source"] for row in rows})
    return Markup(_bar(sources, list(splits)) + _numbers(rows, sources, categories, splits))


def choice(name: str, label: str, everything: str, words: Sequence[str]) -> Markup:
    """Return one labelled choice between `everything` and the words; `name` is how the script knows it."""
    options = [element("option", everything, value=""), *(element("option", word, value=word) for word in words)]
    chosen = element("select", *options, id=f"choose-{name}", data_choose=name, autocomplete="off")
    return element("label", element("span", label), chosen)


def _bar(sources: Sequence[str], splits: Sequence[str]) -> Markup:
    return element(
        "div",
        element(
            "div",
            choice("source", "Source", "all sources", sources),
            choice("split", "Split", "all splits", splits),
            element("button", "Show all", type="button", id="show-all"),
            element("output", id="chosen", aria_live="polite"),
        ),
        class_="filters",
        role="group",
        aria_label="Filter the charts",
        hidden=True,
    )


def _numbers(
    rows: Sequence[Mapping[str, Any]],
    sources: Sequence[str],
    categories: Mapping[str, str],
    splits: Mapping[str, str],
) -> Markup:
    """Return the numbers as JSON: per trait and value a list of [source, split, category, pictures] by their places."""
    places = [{name: place for place, name in enumerate(names)} for names in (sources, splits, categories)]
    traits: dict[str, dict[str, list[list[int]]]] = {}
    for row in rows:
        key = [named[row[word]] for named, word in zip(places, ("source", "split", "category"), strict=True)]
        traits.setdefault(row["trait"], {}).setdefault(row["value"], []).append([*key, row["pictures"]])
    document = {"sources": sources, "splits": list(splits.items()), "categories": list(categories.items())}
    said = json.dumps(document | {"traits": traits}, separators=(",", ":"))
    return element("script", Markup(said.replace("<", "\\u003c")), type="application/json", id="numbers")
