"""Every parser on trees drawn at random, whole ones and spoilt ones: all rows are claimed, or a complaint is made."""

from __future__ import annotations

import dataclasses
import importlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from drawers.layout import Placed, placed, write
from drawers.spoiling import spoilt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsing import told

from curate import manifest
from curate.errors import FetchError, ParseError
from curate.files import Files
from curate.records import Case, Claim, Record, Sheet

MANIFESTS = manifest.read_all(Path(__file__).parents[1] / "manifests")
PARSERS = sorted({facts.parser for facts in MANIFESTS.values()} | {manifest.OWN})
MORE = int(os.environ.get("CURATE_MORE_EXAMPLES", "1"))  # times as many, for a longer look by hand
every_parser = pytest.mark.parametrize("parser", PARSERS)


def few(count: int) -> settings:
    return settings(max_examples=count * MORE, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def drawer_of(parser: str) -> ModuleType:
    try:
        return importlib.import_module(f"drawers.{parser}")
    except ModuleNotFoundError:
        pytest.fail(
            f"the parser {parser!r} has no drawn trees: add tests/drawers/{parser}.py (see drawers/__init__.py)"
        )


def claims_of(parser: str, files: Files) -> list[Claim]:
    parse: Callable[..., Iterator[Claim]] = importlib.import_module(f"curate.sources.{parser}").parse
    return list(parse(files, {}) if parser == manifest.OWN else parse(files))


def plain(claims: Sequence[Claim]) -> list[str]:
    """Return the claims in a form that can be compared whatever their order and that of their cells."""
    found = []
    for claim in claims:
        values = dataclasses.asdict(claim)
        values["claims"] = sorted(values.get("claims", {}).items())
        found.append(f"{type(claim).__name__} {values}")
    return sorted(found)


@every_parser
def test_every_row_of_a_drawn_tree_is_claimed_once_word_for_word(parser: str) -> None:
    drawer = drawer_of(parser)

    @few(40)
    @given(placed(drawer.trees()))
    def hold(tree: Placed) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = write(Path(folder) / "a", tree.files)
            claims = claims_of(parser, files)
            assert plain(claims) == plain(tree.claims)
            assert claims_of(parser, files) == claims, "twice the same"
            assert claims_of(parser, write(Path(folder) / "b", tree.files, backwards=True)) == claims, "in any order"
            assert sorted(drawer.names(files)) == sorted(set(named(claims))), "as a naive reader counts"

    hold()


def named(claims: Sequence[Claim]) -> list[str]:
    """Return what each claim is called: a plain sheet by its file, since files are what is counted of them."""
    names = []
    for claim in claims:
        if isinstance(claim, Record):
            names.append(claim.image_id)
        elif isinstance(claim, Sheet):
            names.append(claim.file if claim.layout == "plain" else claim.name)
        elif isinstance(claim, Case):
            names.append(str(claim.number))
    return names


@every_parser
def test_a_spoilt_tree_loses_no_row_without_a_word(parser: str) -> None:
    drawer = drawer_of(parser)

    @few(15)
    @given(placed(drawer.trees()), st.randoms(use_true_random=True))
    def hold(tree: Placed, chance: Random) -> None:
        for files in spoilt(tree.files, chance):
            with tempfile.TemporaryDirectory() as folder:
                accounts_for_all(parser, write(Path(folder), files))

    hold()


def accounts_for_all(parser: str, files: Files) -> None:
    """Assert that each row that a naive reader finds is claimed once, or that one and the same complaint is made."""
    claims = told(lambda: claims_of(parser, files))
    if isinstance(claims, ParseError | FetchError):
        assert str(told(lambda: claims_of(parser, files))) == str(claims)
        return
    found = named(claims)
    assert len(set(found)) == len(found), "each once"
    assert set(found) == set(drawer_of(parser).names(files)), "no row is lost, none made up"


def test_a_parser_without_a_drawer_is_told() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"add tests/drawers/a_new_parser\.py"):
        drawer_of("a_new_parser")
