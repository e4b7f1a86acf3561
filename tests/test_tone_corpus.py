"""Skin tone and artefacts in a corpus: classes by the recipe's bounds, masks where they are, shares with intervals."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import small_corpus

from curate import Workspace, pipeline
from curate.audit import report
from curate.files import Location
from curate.images import codec
from curate.images.tone import LEAST_CONFIDENCE, NAME, VERSION
from curate.look import VERSIONS, Errand, look
from curate.stages import fetch, inspect


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_corpus.build(tmp_path_factory.mktemp("tone"))


def rows(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    with workspace.database(read_only=True) as database:
        found: list[dict[str, Any]] = database.table(name).to_pylist()
        return found


def html(workspace: Workspace) -> str:
    return report.render(workspace)


def test_reported_tone_is_the_sources_word_alone(built: Workspace) -> None:
    tones = {row["id"]: row["tone_reported"] for row in rows(built, "corpus")}
    records = {row["id"]: row["tone_reported"] for row in rows(built, "records")}
    assert any(tones.values())
    lenders = {f"pad_ufes_20:PAT_{number}_1_1" for number in range(4)}
    for name, tone in tones.items():
        if tone is not None and records[name] is None:
            assert any(tone == int(records[lender]) for lender in lenders), "a copy's word, never an estimate"
    assert {row["tone_reported"] for row in rows(built, "corpus") if row["source"] == "isic_2019"} <= {None, 3, 4}


def test_classes_follow_the_bounds_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "curate.toml").write_text('[tone]\nbounds = "kinyanjui_2020"\n', encoding="utf-8")
    workspace = small_corpus.build(tmp_path)
    seen = {row["tone_ita_class"] for row in rows(workspace, "corpus") if row["tone_ita_deg"] is not None}
    assert seen & {"light_tan", "dark_tan"}
    assert "Kinyanjui" in html(workspace)
    for row in rows(workspace, "corpus"):
        step = next(
            (step for step in inspect.tone_bounds("kinyanjui_2020").to_pylist() if row["tone_ita_deg"] > step["above"]),
            None,
        )
        assert step is not None
        assert row["tone_ita_class"] == step["class"]


def test_agreement_stands_beside_what_others_published(built: Workspace) -> None:
    found = rows(built, "tone_agreement")
    steps = {row["class"]: row["step"] for row in inspect.tone_bounds("del_bino_2006").to_pylist()}
    both = [
        abs(row["tone_reported"] - steps[row["tone_ita_class"]])
        for row in rows(built, "corpus")
        if row["tone_reported"] is not None and row["tone_ita_class"] is not None
    ]
    whole = next(row for row in found if row["source"] == "all sources")
    reported = [
        row["tone_reported"]
        for row in rows(built, "corpus")
        if row["tone_reported"] is not None and row["tone_ita_class"] is not None
    ]
    assert (whole["pictures"], whole["exact"]) == (len(both), pytest.approx(np.mean([x == 0 for x in both]), abs=1e-4))
    assert whole["within_one"] == pytest.approx(np.mean([x <= 1 for x in both]), abs=1e-4)
    assert whole["types"].split() == [str(kind) for kind in sorted(set(reported))]
    scores = {guess: np.mean([kind == guess for kind in reported]) for guess in range(1, 7)}
    assert whole["constant_exact"] == pytest.approx(max(scores.values()), abs=1e-4)
    assert scores[whole["constant"]] == max(scores.values())
    near = np.mean([abs(kind - whole["constant"]) <= 1 for kind in reported])
    assert whole["constant_within_one"] == pytest.approx(near, abs=1e-4)
    for share in ("exact", "within_one"):
        # Wilson: the shares from which the one seen is just 1.96 standard errors away.
        z2, seen = 1.959964**2 / len(both), whole[share]
        low, high = sorted(np.roots([1 + z2, -2 * seen - z2, seen**2]))
        assert (whole[f"{share}_low"], whole[f"{share}_high"]) == pytest.approx((low, high), abs=2e-4)
    people = next(row for row in found if row["compared"] == "two people, published")
    assert (float(people["exact"]), float(people["within_one"])) == (0.48, 0.91)
    assert [float(row["within_one"]) for row in found if "ITA and people" in row["compared"]] == [0.58, 0.65]


def test_every_table_of_classes_says_whose_bounds_they_are(built: Workspace) -> None:
    for view in ("skin_tone_balance", "category_by_skin_tone"):
        for row in rows(built, view):
            named = row["kind"] == "estimated" and row["tone"] != "unknown"
            assert bool(row["bounds_from"]) == bool(row["degrees"]) == named
    page = html(built)
    assert page.count("Del Bino et al. 2006") >= 2
    assert page.count("light and white balance change it as much as skin does") >= 2


def biased(root: Path, pictures: list[tuple[str, float, str]]) -> dict[str, Any]:
    """Return the row of `artefact_bias` for the hair of pictures, each with its category, its hair and its family."""
    workspace = small_corpus.build(root)
    with workspace.database() as database:
        seen = [
            {
                "source": "made",
                "family": family,
                "category_index": 2 * (category == "malignant"),
                **dict.fromkeys(inspect.artefacts.NAMES, 0.0),
                "hair": hair,
            }
            for category, hair, family in pictures
        ]
        database.replace("corpus", pa.Table.from_pylist(seen))
        database.build("views/artefact_bias")
    (row,) = (row for row in rows(workspace, "artefact_bias") if row["artefact"] == "hair")
    return row


NEWCOMBE = [("malignant", 0.9)] * 56 + [("malignant", 0.0)] * 14 + [("benign", 0.9)] * 48 + [("benign", 0.0)] * 32


def test_shares_have_the_intervals_of_wilson_and_newcombe(tmp_path: Path) -> None:
    """56 of 70 and 48 of 80: the worked example of Newcombe 1998 (Statistics in Medicine 17:873), Table II a."""
    row = biased(tmp_path, [(*picture, str(place)) for place, picture in enumerate(NEWCOMBE)])
    assert (row["malignant_with"], row["malignant_pictures"], row["other_with"], row["other_pictures"]) == (
        56,
        70,
        48,
        80,
    )
    assert (row["malignant_independent"], row["other_independent"]) == (70, 80)
    assert (row["difference"], row["difference_low"], row["difference_high"]) == (0.2, 0.0524, 0.3339)
    # Wilson: the shares p from which 56 of 70 is just 1.96 standard errors away, (0.8 - p)^2 = z^2 p (1 - p) / 70.
    share, z2 = 0.8, 1.959964**2 / 70
    low, high = sorted(np.roots([1 + z2, -2 * share - z2, share**2]))
    assert (row["malignant_low"], row["malignant_high"]) == pytest.approx((low, high), abs=1e-4)


def test_pictures_that_a_family_repeats_narrow_no_interval(tmp_path: Path) -> None:
    """Each picture of Newcombe's example ten times in one family: the shares and nearly the intervals are the same."""
    row = biased(tmp_path, [(*picture, str(place)) for place, picture in enumerate(NEWCOMBE) for _ in range(10)])
    assert (row["malignant_pictures"], row["malignant_families"], row["other_families"]) == (700, 70, 80)
    assert (row["malignant_independent"], row["other_independent"]) == pytest.approx((70, 80), abs=1.2)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((0.0524, 0.3339), abs=0.003)


def test_families_that_differ_within_themselves_tell_as_much_as_their_pictures(tmp_path: Path) -> None:
    mixed = [
        (kind, hair, f"{kind}{place}") for kind in ("malignant", "benign") for place in range(40) for hair in (0.9, 0.0)
    ]
    row = biased(tmp_path, mixed)
    assert (row["malignant_independent"], row["other_independent"]) == (80, 80)


def test_where_all_of_few_families_have_it_a_family_counts_once(tmp_path: Path) -> None:
    row = biased(
        tmp_path, [("malignant", 0.9, "one")] * 500 + [("benign", 0.0, str(place % 5)) for place in range(500)]
    )
    assert (row["malignant_independent"], row["other_independent"]) == (1, 5)
    assert row["difference_low"] < 0.1, "by pictures it would be above 0.98"


def test_where_one_side_has_no_picture_there_is_no_share(built: Workspace) -> None:
    for row in rows(built, "artefact_bias"):
        assert (row["malignant_share"] is None) == (row["malignant_pictures"] == 0)
        assert (row["difference"] is None) == (not row["malignant_pictures"] or not row["other_pictures"])
        if row["malignant_share"] is not None:
            assert 0 <= row["malignant_low"] <= row["malignant_share"] <= row["malignant_high"] <= 1


def errand(folder: Path, mask: bytes | None) -> Errand:
    pixels = np.full((240, 320, 3), (214, 170, 140), np.uint8)
    pixels[80:160, 100:200] = (90, 60, 50)
    (folder / "picture").write_bytes(codec.encode(pixels, "PNG"))
    if mask is not None:
        (folder / "mask").write_bytes(mask)
    given = (Location("m").text(), folder / "mask")
    return Errand(Location("p").text(), folder / "picture", None, mask=given)


def test_a_mask_is_read_beside_its_picture(tmp_path: Path) -> None:
    drawn = np.zeros((240, 320, 3), np.uint8)
    drawn[80:160, 100:200] = 255
    facts = look([errand(tmp_path, codec.encode(drawn, "PNG"))])
    (masked,), (alone,) = facts.masked_tones, facts.appearance
    assert masked["tone_ita_deg"] == pytest.approx(alone["tone_ita_deg"], abs=0.01)
    assert masked["tone_ita_method"].endswith("+mask")
    assert [row["location"] for row in facts.members] == ["p"]
    assert [row["location"] for row in facts.mask_members] == ["m"]


@pytest.mark.parametrize("mask", [b"", b"no picture", None])
def test_a_mask_that_cannot_be_used_leaves_the_picture_as_it_is(tmp_path: Path, mask: bytes | None) -> None:
    facts = look([errand(tmp_path, mask)])
    assert len(facts.appearance) == 1
    assert all(row["problem"] for row in facts.masked_tones)
    assert len(facts.mask_members) == 1
    assert facts.masked_tones or facts.mask_members[0]["problem"]


def test_a_corpus_of_before_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    with Workspace(tmp_path).database(create=True) as database:
        for table, columns in (("appearance", ["sha256", "tone_ita_class"]), ("claims", ["source", "mask"])):
            database.replace(table, pa.table({name: ["before"] for name in columns}))
        database.build("facts")
        assert {"ruler", "ink", "text", "tone_ita_method"} <= set(database.table("appearance").schema.names)
        assert "mask_location" in database.table("claims").schema.names
        assert (database.count("appearance"), database.count("claims")) == (1, 1)


def test_an_angle_of_little_confidence_has_no_class(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path)
    with workspace.database() as database:
        seen = database.table("appearance").to_pylist()
        for place, row in enumerate(seen):
            row["tone_ita_confidence"] = LEAST_CONFIDENCE - (0.001 if place % 2 else 0)
        database.replace("appearance", pa.Table.from_pylist(seen, schema=database.table("appearance").schema))
        database.build("pictures", **VERSIONS)
    pictures = rows(workspace, "pictures")
    assert {row["tone_ita_confidence"] >= LEAST_CONFIDENCE for row in pictures} == {True, False}
    for row in pictures:
        assert row["tone_ita_deg"] is not None
        assert (row["tone_ita_class"] is None) == (row["tone_ita_confidence"] < LEAST_CONFIDENCE)
    for row in rows(workspace, "category_by_skin_tone"):
        assert row["least_confidence"] == (LEAST_CONFIDENCE if row["kind"] == "estimated" else None)


def test_the_page_says_which_pictures_have_a_type_and_how_many_differences_it_shows(
    built: Workspace,
) -> None:
    page = html(built)
    assert "For which pictures a type is reported, by how the diagnosis was made" in page
    assert "compare types only within one way of diagnosis" in page
    shown = [row for row in rows(built, "artefact_bias") if row["difference"] is not None]
    assert f"{len(shown)} differences are shown" in page
    assert f"unknown where the confidence is below {LEAST_CONFIDENCE}" in page
    assert "Told rightly of 80.0 % that have it and 79.0 % that do not" in page


@pytest.mark.real
def test_masks_that_come_later_are_one_more_look(real: Path, tmp_path: Path) -> None:
    some = tmp_path / "ph2"
    shutil.copytree(real / "ph2", some, ignore=shutil.ignore_patterns("*_lesion.bmp"))
    workspace = Workspace(tmp_path / "root", workers=1)
    for folder, looked_at, method in ((some, 6, f"{NAME}/{VERSION}"), (real / "ph2", 6, f"{NAME}/{VERSION}+mask")):
        fetch.run(workspace, ["ph2"], from_=[folder], accept_license=True)
        first, again = ([done.made for done in pipeline.build(workspace, ["ph2"], until="split")] for _ in range(2))
        pictures = [row for row in rows(workspace, "corpus") if row["tone_ita_method"]]
        assert {row["tone_ita_method"] for row in pictures} == {method}
        assert len(pictures) == looked_at
        assert (first[2], again[2]) == (looked_at, 0), "each picture once more, for its mask"
