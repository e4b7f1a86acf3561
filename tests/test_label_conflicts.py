"""Copies of one picture share one label by the stated rule; where they differ, the view names every one of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate import Workspace
from curate.db import Database
from curate.labelmaps import LabelMaps

MAPS = LabelMaps.read(Workspace(Path("/nowhere")).label_maps, [])
UNDER = set(MAPS.taxonomy.umbrellas())  # (umbrella, member)
# Two umbrellas that share a member, members that only one has, and what is under none.
SUBTYPES = (
    "benign_keratosis",
    "lentigo",
    "solar_lentigo",
    "seborrheic_keratosis",
    "lentigo_simplex",
    "wart",
    "actinic_keratosis",
    "melanoma",
)
labels = st.one_of(
    st.sampled_from(SUBTYPES).map(lambda name: (name, MAPS.taxonomy[name].category)),
    st.sampled_from(["benign", "malignant"]).map(lambda category: (None, category)),
)
groups = st.lists(st.tuples(labels, st.sampled_from([2016, 2018, 2019])), min_size=1, max_size=5)
Copy = tuple[tuple[str | None, str], int]


def decided(copies: list[Copy], on_conflict: str) -> tuple[str | None, str | None]:
    """Return the category and subtype that the stated rule gives a picture with these copies."""
    heard = copies
    if on_conflict == "newest" and len({category for (_, category), _ in copies}) > 1:
        heard = [copy for copy in copies if copy[1] == max(released for _, released in copies)]
    categories = {category for (_, category), _ in heard}
    if len(categories) > 1:
        return None, None
    named = {subtype for (subtype, _), _ in heard if subtype}
    finest = [one for one in named if all((other, one) in UNDER for other in named - {one})]
    covering = [one for one in named if all((one, other) in UNDER for other in named - {one})]
    return categories.pop(), next(iter(finest + covering), None)


def told(
    database: Database, pictures: list[list[Copy]], on_conflict: str
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return for each picture with these copies what the corpus decides, and its rows of `label_conflicts`."""
    rows = [
        {
            "id": f"s{released}:{number}.{place}",
            "twin": f"{number:03}",
            "source": f"s{released}",
            "source_label": subtype or category,
            "subtype": subtype,
            "category": category,
            "status": "mapped",
        }
        for number, copies in enumerate(pictures)
        for place, ((subtype, category), released) in enumerate(copies)
    ]
    schema = pa.schema([(name, pa.string()) for name in rows[0]])
    table = pa.Table.from_pylist(rows, schema=schema)
    database.replace("twins", table.select(["id", "twin"]))
    database.replace("labels", table.append_column("is_settled", pa.array([False] * len(rows))))
    years = sorted({year for copies in pictures for _, year in copies})
    database.replace("sources", pa.table({"source": [f"s{year}" for year in years], "released": years}))
    database.replace("decisions", pa.table({"decision": pa.array([], pa.string()), "first": pa.array([], pa.string())}))
    database.replace("umbrellas", MAPS.tables()["umbrellas"])
    database.build("twin_labels", "views/label_conflicts", on_conflict=on_conflict)
    named = database.table("label_conflicts").to_pylist()
    return [
        (decision, [row for row in named if row["twin"] == decision["twin"]])
        for decision in database.table("twin_labels").to_pylist()
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(groups, min_size=1, max_size=60), st.sampled_from(["leave_out", "newest"]))
def test_the_stated_rule_decides_and_no_difference_is_silent(pictures: list[list[Copy]], on_conflict: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "c.duckdb", create=True) as database:
        found = told(database, pictures, on_conflict)
    for copies, (decision, named) in zip(pictures, found, strict=True):
        assert (decision["category"], decision["subtype"]) == decided(copies, on_conflict)
        assert decision["is_conflict"] == (decision["category"] is None)
        differ = len({category for (_, category), _ in copies}) > 1 or len({s for (s, _), _ in copies if s}) > 1
        assert len(named) == (len(copies) if differ else 0)
        assert {row["rule"] for row in named} <= {decision["rule"]}


@pytest.mark.parametrize(
    ("words", "rule", "subtype"),
    [
        (["seborrheic_keratosis", "benign_keratosis"], "the more specific subtype wins", "seborrheic_keratosis"),
        (
            ["seborrheic_keratosis", "solar_lentigo", "benign_keratosis"],
            "subtypes disagree: their umbrella is kept",
            "benign_keratosis",
        ),
        (["seborrheic_keratosis", "wart"], "subtypes disagree: category kept, subtype unknown", None),
        (["wart", "wart"], "agreed", "wart"),
        (["wart", "melanoma"], "categories disagree: left out", None),
    ],
)
def test_each_rule_has_its_name(tmp_path: Path, words: list[str], rule: str, subtype: str | None) -> None:
    copies: list[Copy] = [((name, MAPS.taxonomy[name].category), 2016 + place) for place, name in enumerate(words)]
    with Database(tmp_path / "c.duckdb", create=True) as database:
        [(decision, _)] = told(database, [copies], "leave_out")
    assert (decision["rule"], decision["subtype"]) == (rule, subtype)


def test_the_newest_release_decides_where_the_recipe_says_so(tmp_path: Path) -> None:
    copies: list[Copy] = [((None, "benign"), 2016), (("melanoma", "malignant"), 2019)]
    with Database(tmp_path / "c.duckdb", create=True) as database:
        [(decision, named)] = told(database, [copies], "newest")
    assert (decision["category"], decision["rule"]) == ("malignant", "categories disagree: the newest release decides")
    assert {row["category"] for row in named} == {"benign", "malignant"}
