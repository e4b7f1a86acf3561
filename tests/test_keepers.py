"""Of each group of copies one is kept, by a stated order; each of the others names it, the evidence and the rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate import Workspace
from curate.db import Database
from curate.errors import LabelMapError
from curate.labelmaps import LabelMaps

ORDER = {"CC0-1.0": 1, "CC-BY-4.0": 2, "CC-BY-NC-4.0": 4}
copies = st.lists(
    st.fixed_dictionaries(
        {
            "twin": st.sampled_from(["a", "b"]),
            "width": st.sampled_from([100, 200]),
            "format": st.sampled_from(["PNG", "JPEG"]),
            "subtype": st.sampled_from([None, "nevus"]),
            "license": st.sampled_from([*ORDER, "LicenseRef-own"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def keep(
    database: Database, rows: list[dict[str, Any]], pairs: list[tuple[str, str]] | None = None
) -> dict[str, dict[str, Any]]:
    """Build `keepers` and `exclusions` from copies joined by one id, all or in `pairs`; return the exclusions by id."""
    strings = ["id", "source", "twin", "format", "subtype", "license"]
    schema = pa.schema([(name, pa.string()) for name in strings] + [("width", pa.int32()), ("height", pa.int32())])
    table = pa.Table.from_pylist([row | {"source": row["id"], "height": 100} for row in rows], schema=schema)
    none = pa.nulls(len(rows), pa.string())
    database.replace("records", table.select(["id", "source"]))
    database.replace("twins", table.select(["id", "twin"]))
    database.replace("labels", table.select(["id", "subtype"]))
    database.replace("pictures", table.select(["id", "width", "height", "format"]))
    database.replace("sources", table.select(["source", "license"]))
    database.replace(
        "early_reasons", table.select(["id", "source"]).append_column("reason", none).append_column("detail", none)
    )
    if pairs is None:
        pairs = [(a["id"], b["id"]) for a in rows for b in rows if a["twin"] == b["twin"] and a["id"] < b["id"]]
    edges = [{"first": a, "second": b, "kind": "same id", "evidence": "ISIC_1"} for a, b in pairs]
    words = pa.schema([(name, pa.string()) for name in ("first", "second", "kind", "evidence")])
    database.replace("edges", pa.Table.from_pylist(edges, schema=words))
    order = {"license": list(ORDER), "place": pa.array(list(ORDER.values()), pa.int32())}
    database.replace("license_order", pa.table(order))
    database.build("keepers", "exclusions")
    return {row["id"]: row for row in database.table("exclusions").to_pylist()}


@given(drawn=copies, seed=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_largest_lossless_best_labelled_licence_id(tmp_path: Path, drawn: list[dict[str, Any]], seed: Any) -> None:
    rows = [row | {"id": f"s:{number:02}"} for number, row in enumerate(drawn)]
    with Database(tmp_path / "corpus.duckdb", create=True) as database:
        left_out = keep(database, seed.sample(rows, len(rows)))

    def merit(row: dict[str, Any]) -> tuple[Any, ...]:
        licence = ORDER.get(row["license"], 1000)
        return (-row["width"], row["format"] != "PNG", row["subtype"] is None, licence, row["id"])

    for twin in {row["twin"] for row in rows}:
        first, *others = sorted((row for row in rows if row["twin"] == twin), key=merit)
        assert first["id"] not in left_out
        for other in others:
            said = left_out[other["id"]]
            assert (said["reason"], said["survivor"]) == ("duplicate", first["id"])
            assert said["evidence"] == "same id (ISIC_1)"
            differs = [a != b for a, b in zip(merit(first), merit(other), strict=True)].index(True)
            words = ["larger", "lossless", "own label", "license asks less", "first by id"]
            assert words[differs] in said["rule"]


def test_what_joins_a_copy_to_its_survivor_is_named_through_another_copy_too(tmp_path: Path) -> None:
    alike = {"twin": "a", "format": "PNG", "subtype": "nevus", "license": "CC0-1.0", "width": 100}
    rows = [alike | {"id": f"s:{number}"} for number in range(4)]
    with Database(tmp_path / "corpus.duckdb", create=True) as database:
        left_out = keep(database, rows, [("s:0", "s:1"), ("s:1", "s:2"), ("s:2", "s:3")])
    assert {row["survivor"] for row in left_out.values()} == {"s:0"}
    assert left_out["s:1"]["evidence"] == "same id (ISIC_1)"
    assert left_out["s:2"]["evidence"] == (
        "through s:1, its copy by same id (ISIC_1), which is one of the survivor by same id (ISIC_1)"
    )
    assert left_out["s:3"]["evidence"] == "through several other copies, by same id"
    assert all(row["detail"] == f"copy of s:0: {row['evidence']}" for row in left_out.values())


def test_every_licence_of_a_source_has_its_place_or_comes_last(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    order = dict(LabelMaps.read(workspace.label_maps, []).licenses)
    assert order["CC0-1.0"] < order["CC-BY-4.0"] < order["CC-BY-NC-4.0"]
    named = {manifest.license for manifest in workspace.manifests.values()}
    assert all(name in order or name.startswith("LicenseRef-") for name in named)


@pytest.mark.parametrize("line", ["CC0-1.0,first,", "CC0-1.0,,", "CC0-1.0,1,\nCC0-1.0,2,"])
def test_an_order_of_licences_that_cannot_be_meant(tmp_path: Path, line: str) -> None:
    (tmp_path / "label_maps").mkdir()
    (tmp_path / "label_maps" / "licenses.csv").write_text(f"license,place,note\n{line}\n")
    with pytest.raises(LabelMapError):
        LabelMaps.read(Workspace(tmp_path).label_maps, [])
