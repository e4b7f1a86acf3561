"""The recipe: every knob has a default, and a wrong word is refused with the right ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.components import components
from curate.errors import CurateError, UsageError
from curate.recipe import Recipe
from curate.stages.split import hex_share


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert Recipe.read(tmp_path / "curate.toml") == Recipe()


def test_a_knob_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "curate.toml"
    path.write_text('[split]\ntrain = 0.8\nvalidation = 0.1\ntest = 0.1\n[label]\non_conflict = "newest"\n')
    recipe = Recipe.read(path)
    assert recipe.split.train == 0.8
    assert recipe.label.on_conflict == "newest"
    assert recipe.key("split") != Recipe().key("split")
    assert recipe.key("shard") == Recipe().key("shard")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[split]\ntrain = 0.9\n", "do not add up"),
        ("[splits]\ntrain = 0.7\n", "no section"),
        ("[split]\ntrian = 0.7\n", "'trian'"),
        ('[dedup]\nnear = "yes"\n', "wrong kind"),
        ('[dedup]\nby_places = "yes"\n', "wrong kind"),
        ('[label]\non_conflict = "guess"\n', "no such choice"),
        ('[corpus]\nsources = "ph2"\n', "wrong kind"),
        ("[corpus]\nsources = [2]\n", "wrong kind"),
        ("[shard]\nquality = 5000\n", "cannot be meant"),
        ("[shard]\nshort_side = 0\n", "cannot be meant"),
        ("[dedup]\nnear_distance = 900\n", "cannot be meant"),
        ("[train]\nside = -5\n", "cannot be meant"),
        ("[split]\ntrain = nan\n", "cannot be meant"),
        ("[split\n", "not TOML"),
        ("split = 3\n", "no section"),
    ],
)
def test_wrong_words_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "curate.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as refused:
        Recipe.read(path)
    assert "curate.toml" in str(refused.value)
    assert refused.value.hint


def test_errors_survive_the_way_from_a_worker() -> None:
    import pickle

    error = CurateError("what", where="there", expected="this", found="that", hint="curate build")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert type(again) is CurateError


def test_components_join_chains_under_the_smallest_name() -> None:
    names = ["d", "c", "b", "a", "lonely"]
    assert components(names, [("d", "c"), ("c", "a"), ("b", "unknown")]) == ["a", "a", "b", "a", "lonely"]


def test_shares_of_hashes_are_in_order() -> None:
    shares = [hex_share(share) for share in (0.0, 0.1, 0.7, 0.85, 0.999, 1.0)]
    assert shares == sorted(shares)
    assert hex_share(1.0) > "f" * 64
