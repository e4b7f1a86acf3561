"""Evaluation: each figure against its plain definition, intervals by family, groups that are too small, one page."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.errors import TrainError
from curate.ml import bootstrap
from curate.ml.assessment import assess
from curate.ml.bootstrap import Shares, estimates
from curate.ml.calibration import calibration
from curate.ml.curves import NAMES, Ranking, threshold
from curate.ml.evaluation import Answers
from curate.ml.evaluation_page import evaluation_page
from curate.ml.forms import Categories
from curate.ml.operating import operating_point

# Keras' own word about NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
_PICTURES = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=25
)  # score, positive, family


def _plain(scores: list[int], positive: list[bool], weights: list[int]) -> tuple[float, float, float]:
    """Return what `Ranking.figures` gives by going through every pair and every threshold."""
    rows = list(zip(scores, positive, weights, strict=True))
    up = sum(weight for _, held, weight in rows if held)
    down = sum(weight for _, held, weight in rows if not held)
    if not up or not down:
        return float("nan"), float("nan"), float("nan")
    pairs = [w * v * (1.0 if s > t else 0.5 if s == t else 0.0) for s, h, w in rows for t, g, v in rows if h and not g]
    best = [0.0, 0.0]
    for least in range(7):
        sensitivity = sum(weight for score, held, weight in rows if held and score >= least) / up
        specificity = sum(weight for score, held, weight in rows if not held and score < least) / down
        best[0] = max(best[0], sensitivity if specificity >= 0.9 else 0)
        best[1] = max(best[1], specificity if sensitivity >= 0.9 else 0)
    return sum(pairs) / (up * down), best[0], best[1]


@settings(max_examples=150, deadline=None)
@given(_PICTURES, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_the_curve_is_that_of_its_definition(pictures: list[tuple[int, bool, int]], drawn: list[int]) -> None:
    """For any draw of families, with ties."""
    scores, positive, family = (list(each) for each in zip(*pictures, strict=True))
    ranking = Ranking(np.array(scores, float), np.array(positive), np.array(family), 4)
    found = ranking.figures(np.array(drawn, np.float32)[:, None])
    wanted = _plain(scores, positive, [drawn[each] for each in family])
    assert [float(found[name][0]) for name in NAMES] == pytest.approx(list(wanted), nan_ok=True)


def test_the_points_of_a_curve() -> None:
    ranking = Ranking(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]), np.arange(4), 4)
    assert ranking.points() == [(1, 1), (0.5, 1), (0.5, 0.5), (0, 0.5), (0, 0)]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.floats(0.01, 1))
def test_a_threshold_finds_what_is_wanted_and_no_higher_one_does(scores: list[int], wanted: float) -> None:
    array = np.array(scores, float)
    chosen = threshold(array, np.ones(len(array), bool), wanted)
    assert (array >= chosen).mean() >= wanted - 1e-9
    assert not any((array >= higher).mean() >= wanted + 1e-9 for higher in scores if higher > chosen)


def test_families_are_drawn_whole() -> None:
    """Ten copies of a picture say no more than one: the interval is that of ten families, not of a hundred pictures."""
    right = np.repeat([True, False] * 5, 10)
    everywhere = np.ones(100, bool)
    by_family = Shares({"accuracy": (right, everywhere)}, np.repeat(np.arange(10), 10), 10)
    alone = Shares({"accuracy": (right, everywhere)}, np.arange(100), 100)
    wide = estimates({"a": by_family}, 10)["a"]["accuracy"]
    narrow = estimates({"a": alone}, 100)["a"]["accuracy"]
    assert wide["value"] == narrow["value"] == 0.5
    # Binomial of 10 trials: 0.2 to 0.8; of 100: 0.4 to 0.6.
    assert (wide["low"], wide["high"]) == (pytest.approx(0.2), pytest.approx(0.8))
    assert (narrow["low"], narrow["high"]) == (pytest.approx(0.4, abs=0.011), pytest.approx(0.6, abs=0.011))
    assert wide == estimates({"a": by_family}, 10)["a"]["accuracy"]
    assert wide != estimates({"a": by_family}, 10, seed=2, count=7)["a"]["accuracy"]


def test_draws_are_of_as_many_families_as_there_are() -> None:
    drawn = np.concatenate(list(bootstrap.draws(7, 250)), axis=1)
    assert drawn.shape == (7, 250)
    assert (drawn.sum(axis=0) == 7).all()


def test_what_never_goes_wrong_is_not_certain() -> None:
    everywhere = np.ones(20, bool)
    for right in (True, False):
        share = Shares({"accuracy": (np.full(20, right), everywhere)}, np.arange(20), 20)
        found = estimates({"a": share}, 20, count=50)["a"]["accuracy"]
        exact = 0.025 ** (1 / 20)  # Clopper and Pearson for 20 of 20
        ends = (exact, 1) if right else (0, 1 - exact)
        assert (found["low"], found["high"]) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
    ranking = Ranking(np.arange(20.0), np.arange(20) >= 10, np.arange(20), 20)
    assert estimates({"a": ranking}, 20, count=50)["a"]["auc"] == {"value": 1, "low": None, "high": None}


def test_calibration() -> None:
    probabilities = np.array([[0.95, 0.05], [0.85, 0.15], [0.85, 0.15], [0.4, 0.6]])
    found = calibration(np.array([0, 0, 1, 1]), probabilities)
    assert found["ece"] == pytest.approx((0.05 + 2 * 0.35 + 0.4) / 4)
    assert found["brier"] == pytest.approx(2 * (0.05**2 + 0.15**2 + 0.85**2 + 0.4**2) / 4)
    assert [each["pictures"] for each in found["bins"]] == [0, 0, 0, 0, 0, 0, 1, 0, 2, 1]
    assert found["bins"][8]["accuracy"] == 0.5
    assert calibration(np.zeros(0, np.int64), np.zeros((0, 2)))["ece"] is None


def _drawn(pictures: int = 120, seed: int = 0) -> Answers:
    dice = np.random.default_rng(seed)
    truth = np.arange(pictures) % 3
    raw = dice.random((pictures, 3)) + np.eye(3)[truth] * 0.6
    groups = {
        "source": ["large"] * (pictures - 6) + ["<b>small</b>"] * 6,
        "ruler": ["there", "not there"] * (pictures // 2),
        "tone_reported": ["2"] * pictures,
    }
    families = [f"family {place // 2}" for place in range(pictures)]
    ids = [str(place) for place in range(pictures)]
    given_ = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    return Answers(truth, given_, ids, groups, families, truth)


_NAMES = ("benign", "precancerous", "malignant")


def test_an_assessment_has_every_figure_and_names_what_is_too_small() -> None:
    found = assess(_drawn(), _NAMES, sought="malignant", draws=100)
    assert (found["pictures"], found["families"]) == (120, 60)
    for figure in (found["accuracy"], found["balanced_accuracy"], found["auc"]):
        assert figure["low"] < figure["value"] < figure["high"]
    assert set(NAMES) < set(found["per_class"]["malignant"])
    assert found["majority"] == {"label": "benign", "accuracy": pytest.approx(1 / 3), "balanced_accuracy": 1 / 3}
    small = found["groups"]["source"]["<b>small</b>"]
    assert small["too_small"] == "pictures: 6, fewer than 10"
    assert "accuracy" not in small
    assert found["groups"]["ruler"]["there"]["auc"]["low"] is not None
    assert json.dumps(found, allow_nan=False)
    assert found == assess(_drawn(), _NAMES, sought="malignant", draws=100)


def test_groups_of_few_families_are_too_small_whatever_their_pictures() -> None:
    answers = _drawn()
    answers.families = [f"family {place % 20}" if place % 2 else "one" for place in range(120)]
    found = assess(answers, _NAMES, sought="malignant", draws=20)
    assert found["groups"]["ruler"]["there"]["too_small"] == "families: 1, fewer than 10"
    assert "accuracy" in found["groups"]["ruler"]["not there"]


def test_a_split_of_few_families_is_counted_and_not_scored() -> None:
    answers = _drawn()
    answers.families = ["one", "two"] * 60
    found = assess(answers, _NAMES, sought="malignant", draws=20)
    assert found["too_small"] == "families: 2, fewer than 10"
    assert found["right"] == sum(found["confusion"][place][place] for place in range(3))
    assert not {"accuracy", "balanced_accuracy", "auc", "groups"} & set(found)
    assert "too small to be scored (families: 2, fewer than 10)" in evaluation_page(
        _evaluation({"category": found}), {}
    )


def test_a_class_that_is_too_small_is_left_out_of_the_balanced_accuracy_and_named() -> None:
    """A draw without it would be a mean over the others: an interval of something else."""
    truth = np.array([0] * 200 + [1] * 200 + [2])
    given_ = np.eye(3, dtype=np.float32)[truth]
    given_[-1], given_[0] = [1, 0, 0], [0, 1, 0]
    names = [str(place) for place in range(401)]
    found = assess(Answers(truth, given_, names, {}, names, truth), _NAMES, sought="malignant", draws=200)
    mean = found["balanced_accuracy"]
    assert mean["value"] == pytest.approx((199 / 200 + 1) / 2)
    assert 0.98 < mean["low"] <= mean["value"] <= mean["high"] <= 1
    assert found["balanced_over"] == ["benign", "precancerous"]
    assert found["balanced_accuracy_of_all"] == pytest.approx((199 / 200 + 1 + 0) / 3)
    assert found["majority"]["balanced_accuracy"] == 0.5
    page = evaluation_page(_evaluation({"category": found}), {})
    assert "balanced accuracy (2 of 3)" in page
    assert "malignant (pictures: 1, fewer than 10)" in page
    assert "it is 0.665, without an interval" in page


def test_a_mean_of_shares_is_none_where_a_draw_lacks_one() -> None:
    right, first = np.array([True, False, True]), np.array([True, True, False])
    parts = {"a": (right, first), "b": (right, ~first)}
    shares = Shares(parts, np.arange(3), 3, mean=("mean", ["a", "b"]))
    drawn = np.array([[1, 2, 0], [1, 1, 0], [1, 0, 3]], np.float32)
    assert shares.figures(drawn)["mean"] == pytest.approx([0.75, np.nan, np.nan], nan_ok=True)


def test_one_class_has_no_curve_and_no_picture_no_figure() -> None:
    one = _drawn()
    one.truth = np.full(120, 2)
    found = assess(one, _NAMES, sought="malignant", draws=20)
    why = {"word": "one class", "reason": "all are malignant: there is nothing to tell it from"}
    assert found["per_class"]["malignant"]["missing"]["auc"] == why
    assert found["groups"]["ruler"]["there"]["missing"]["auc"] == why
    assert found["missing"]["balanced_accuracy"] == {"word": "one class", "reason": "all are malignant"}
    other = assess(one, _NAMES, sought="benign", draws=20)["groups"]["ruler"]["there"]["missing"]["auc"]
    assert other["word"] == "no benign"
    page = evaluation_page(_evaluation({"category": found}), {})
    assert 'title="all are malignant">one class' in page
    assert found["auc"] is None
    assert found["absent"] == ["benign", "precancerous"]
    none = one.of(np.full(120, -1), one.probabilities)
    assert assess(none, _NAMES)["pictures"] == 0


def test_a_category_is_the_sum_of_its_subtypes_and_unknown_subtypes_are_left_out() -> None:
    categories = Categories(("benign", "malignant"), (0, 1, 1, -1))
    given_ = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], np.float32)
    assert categories.sums(given_) == pytest.approx(np.array([[0.1, 0.5], [0.7, 0.2]]))
    answers = Answers(np.array([-1, 0]), given_, ["a", "b"], {"source": ["x", "y"]}, ["f", "g"], np.array([1, 0]))
    known = answers.of(answers.truth, answers.probabilities)
    assert (known.ids, known.families, known.groups) == (["b"], ["g"], {"source": ["y"]})
    assert answers.of(answers.categories, categories.sums(given_)).ids == ["a", "b"]


def test_a_threshold_is_chosen_on_one_split_and_told_on_another() -> None:
    chosen, told = _drawn(seed=1), _drawn(seed=2)
    found = operating_point(chosen, told, 2, "malignant", 0.95, draws=100)
    assert found["threshold"] == threshold(chosen.probabilities[:, 2], chosen.truth == 2, 0.95)
    assert found["chosen"]["sensitivity"] >= 0.95
    called = told.probabilities[:, 2] >= np.float32(found["threshold"])
    assert found["told"]["sensitivity"]["value"] == pytest.approx(called[told.truth == 2].mean())
    assert found["told"]["specificity"]["value"] == pytest.approx(1 - called[told.truth != 2].mean())
    assert found["told"]["specificity"]["low"] < found["told"]["specificity"]["high"]
    few = chosen.of(np.where(np.arange(120) < 12, chosen.truth, 0), chosen.probabilities)
    with pytest.raises(TrainError, match="too few pictures of malignant"):
        operating_point(few, told, 2, "malignant", 0.95)


def test_the_page_holds_all_and_asks_nobody() -> None:
    found = _evaluation({"category": assess(_drawn(), _NAMES, sought="malignant", draws=20)})
    page = evaluation_page(found, {"loss": [1.0, 0.5]})
    assert page == evaluation_page(found, {"loss": [1.0, 0.5]})
    assert "not a medical device" in page
    assert 'title="pictures: 6, fewer than 10">too small' in page
    assert "<b>small" not in page
    assert not re.search(r"<(script|link|img|iframe)\b|url\((?!#)|@import|src=", page)
    for heading in (
        "The whole split", "Classes", "What is taken for what", "Calibration", "Groups", "How it was trained",
        "Whose pictures",
    ):  # fmt: skip
        assert re.search(f"<h2[^>]*>{heading}", page), heading
    assert "sens. at 90 % spec., malignant" in page
    assert "nan" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL).lower().split()
    none = _evaluation({"category": assess(_drawn().of(np.full(120, -1), _drawn().probabilities), _NAMES)})
    assert "No labelled picture" in evaluation_page(none, {})


def _evaluation(targets: dict[str, Any]) -> dict[str, Any]:
    credit = {"source": "drawn", "pictures": 1, "license": "CC0-1.0", "license_url": "", "attribution": "Drawn"}
    return {
        "run": "0123", "model": "m", "form": "keras", "target": "category", "split": "test", "shards": "a",
        "trained_on": "b", "label_map_version": None, "level": 0.95, "draws": 20, "smallest_group": 10,
        "fewest_families": 10, "targets": targets, "data": [credit], "intended_use": "Research.",
        "warning": "This model is not a medical device.",
    }  # fmt: skip


@pytest.mark.tf
def test_a_run_is_scored_and_its_folder_stays_whole(trained: Path) -> None:
    from curate.audit import trained as folders
    from curate.ml import runs
    from curate.ml.shards import point, read_index
    from curate.stages import evaluate
    from curate.workspace import Workspace

    workspace = Workspace(trained.parent / "root")
    shards = workspace.cache / "shards" / read_index(trained / "shards")["key"]
    shards.parent.mkdir(parents=True)
    (trained / "shards").rename(shards)
    (trained / "runs").rename(workspace.cache / "runs")
    point(shards)
    report = evaluate.run(workspace, sensitivity=0.9)
    run, found = Path(report.details["run"]), report.details["evaluation"]
    metrics = runs.read_json(run / "metrics.json")["test"]
    values = found["targets"]["category"]
    assert values["accuracy"]["value"] == pytest.approx(metrics["accuracy"])
    assert values["balanced_accuracy"]["value"] == pytest.approx(metrics["balanced_accuracy"])
    assert values["confusion"] == metrics["confusion"]
    assert set(values["groups"]["hair"]) == {"there", "not there", "unknown"}
    assert found["threshold"]["chosen"]["sensitivity"] >= 0.9
    assert runs.read_json(run / "evaluation_test_sensitivity_0.9.json") == json.loads(json.dumps(found))
    first = Path(report.details["page"]).read_bytes()
    assert folders.check(workspace)[0] == []
    evaluate.run(workspace, sensitivity=0.9)
    assert Path(report.details["page"]).read_bytes() == first
    assert Path(evaluate.run(workspace).details["page"]) == run / "evaluation_test.html"
    assert Path(report.details["page"]).read_bytes() == first
    (run / "evaluation_test.html").write_text("other")
    (finding,) = folders.check(workspace)[0]
    assert (finding.kind, finding.next) == (
        "damaged file",
        f"rm {run / 'evaluation_test.html'} && curate evaluate {run.name}",
    )
    (run / "labels.txt").write_text("benign\nmalignant\nprecancerous\n")
    with pytest.raises(TrainError, match="other labels than the shards") as told:
        evaluate.run(workspace)
    assert "the order is another" in str(told.value.found)


@pytest.mark.tf
def test_both_targets_are_scored_and_predicted(tmp_path: Path) -> None:
    """A model of subtypes whose run says of which category each is."""
    import drawn_shards

    from curate.errors import UsageError
    from curate.images import codec
    from curate.ml import evaluated, runs
    from curate.ml.backend import keras
    from curate.stages import predict

    shards = drawn_shards.make(tmp_path / "shards", {"test": 12})
    run = tmp_path / "run"
    run.mkdir()
    layers = [keras.layers.Rescaling(1 / 64), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(run / "model.keras")
    about = {"format": runs.FORMAT, "target": "both", "side": 16, "shards": "another", "model": "dense"}
    about |= {"pictures": {"short_side": 256, "quality": 92}}
    about["categories"] = {"names": list(drawn_shards.CATEGORIES), "of_label": [0, 1, 2]}
    runs.write_json(run / "recipe.json", about)
    (run / "labels.txt").write_text("".join(f"{name}\n" for name in drawn_shards.SUBTYPES))
    found = evaluated.evaluate(run, shards, "test")
    assert list(found["targets"]) == ["category", "subtype"]
    assert found["targets"]["category"]["confusion"] == found["targets"]["subtype"]["confusion"]
    assert found["targets"]["subtype"]["labels"] == list(drawn_shards.SUBTYPES)
    assert evaluated.evaluate(run, shards, "train", sensitivity=0.9)["targets"]["category"]["pictures"] == 0
    with pytest.raises(UsageError, match="chosen on the split validation"):
        evaluated.evaluate(run, shards, "validation", sensitivity=0.9)
    with pytest.raises(TrainError, match="too few pictures of malignant"):
        evaluated.evaluate(run, shards, "test", sensitivity=0.9)

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for place in range(40):  # more than a batch
        (pictures / f"{place:02}.jpg").write_bytes(codec.encode(drawn_shards.lesion(place % 3, place, 32), "JPEG"))
    (pictures / "20.jpg").write_bytes(b"\xff\xd8 no more")
    (pictures / "21.jpg").write_bytes(codec.encode(drawn_shards.lesion(0, 0, 31), "JPEG"))
    frames = [Image.fromarray(drawn_shards.lesion(place, place, 32)) for place in range(3)]
    (pictures / "22.jpg").unlink()
    frames[0].save(pictures / "22.gif", save_all=True, append_images=frames[1:])
    (pictures / "phone.heic").write_bytes((pictures / "00.jpg").read_bytes())
    (pictures / "gone.jpg").symlink_to(pictures / "absent.jpg")
    rows = predict.predict_pictures(run, [pictures])
    assert [Path(row["picture"]).stem for row in rows] == [f"{place:02}" for place in range(40)]
    assert [place for place, row in enumerate(rows) if "problem" in row] == [20, 21]
    assert rows[21]["problem"] == "too small to be judged: 31 x 31 pixels, less than 32"
    assert {place: row["note"] for place, row in enumerate(rows) if "note" in row} == {22: "the first of 3 frames"}
    named = predict.predict_pictures(run, [pictures / "phone.heic"])[0]
    assert named["probabilities"] == pytest.approx(rows[0]["probabilities"], abs=1e-4)
    assert (
        rows[0]["category"] == dict(zip(drawn_shards.SUBTYPES, drawn_shards.CATEGORIES, strict=True))[rows[0]["label"]]
    )
    assert rows[0]["probability"] == max(rows[0]["probabilities"].values())
    out = tmp_path / "answers.csv"
    files, skipped = predict.pictures([pictures])
    assert skipped == [
        {"file": str(pictures / "gone.jpg"), "reason": "a link to nothing"},
        {"file": str(pictures / "phone.heic"), "reason": "no picture by its ending '.heic'"},
    ]
    assert predict.write(out, run, "keras", predict.predicted(run, files)) == 2
    head, *lines = out.read_text().splitlines()
    columns = ["picture", "problem", "note", "run", "form", "label", "probability", "category", "category_probability"]
    assert head.split(",")[:9] == columns
    assert {tuple(row[3:5]) for row in csv.reader(lines)} == {(run.name, "keras")}
    assert len({len(row) for row in csv.reader([head, *lines])}) == 1
    assert len(lines) == 40
    with pytest.raises(TrainError, match="could not be written"):
        predict.write(tmp_path / "absent" / "answers.csv", run, "keras", iter(()))
    (tmp_path / "alone.tflite").write_bytes(b"")
    with pytest.raises(TrainError, match="carries no card"):
        predict.named(tmp_path, str(tmp_path / "alone.tflite"), None)
    with pytest.raises(UsageError, match="no such model"):
        predict.named(tmp_path, str(tmp_path / "absent.tflite"), None)
    about["categories"] = {"names": ["benign"], "of_label": [0, 1]}
    runs.write_json(run / "recipe.json", about)
    with pytest.raises(TrainError, match="damaged"):
        predict.predict_pictures(run, [pictures])
