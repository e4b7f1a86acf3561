"""The smaller forms: smaller, the same model, uint8 in and float out, and the same answers for single pictures."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import drawn_shards
import integer_nets
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated
from PIL import Image

from curate.errors import TrainError, UsageError
from curate.ml import conversion, enclosure, runs
from curate.ml.tflite import Interpreted

# The first is Keras' own word about NumPy 2.
pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"), pytest.mark.tf]


@pytest.fixture(scope="module")
def quantized(trained: Path) -> Path:
    """A run whose model was quantized in every form."""
    from curate.ml.quantization import quantize

    shards, run = drawn_shards.trained(trained)
    quantize(run, shards)
    return run


def test_the_table(quantized: Path) -> None:
    found = json.loads((quantized / "quantize.json").read_text())
    rows = {row["mode"]: row for row in found["table"]}
    assert (found["split"], found["pictures"]) == ("test", 90)
    assert list(rows) == ["float", "float16", "dynamic", "int8"]
    plain = rows["float"]
    assert plain["agreement"] == plain["ratio_1_thread"] == plain["ratio_2_threads"] == 1
    assert plain["ratios_1_thread"] == plain["ratios_2_threads"] == [1, 1]
    for mode, share in (("float16", 0.55), ("dynamic", 0.35), ("int8", 0.35)):
        row = rows[mode]
        assert (quantized / row["file"]).stat().st_size == row["bytes"] < share * plain["bytes"]
        assert row["agreement"] > 0.9
        assert row["accuracy"] > 0.6
        assert row["ms_1_thread"] > 0
        assert row["what"] == conversion.FORMS[mode]
    card = (quantized / "card.md").read_text()
    assert all(f"| {mode} |" in card for mode in rows)
    assert not list(quantized.glob(".*"))


def test_int8_takes_bytes_and_gives_probabilities(quantized: Path) -> None:
    form = Interpreted(quantized / "model_int8.tflite")
    details = form._interpreter.get_input_details()[0], form._interpreter.get_output_details()[0]
    assert [each["dtype"] for each in details] == [np.uint8, np.float32]
    answer = form.answer(drawn_shards.lesion(0, 30_001)[None])
    assert answer.shape == (1, 3)
    assert answer.sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("mode", ["float", "float16", "dynamic", "int8"])
def test_a_file_alone_says_what_it_is(quantized: Path, tmp_path: Path, mode: str) -> None:
    """Read back by what knows nothing of curate: a zip program, and the runtime's own schema."""
    alone = Path(shutil.copy(quantized / f"model_{mode}.tflite", tmp_path / "handed_on.tflite"))
    with zipfile.ZipFile(alone) as files:
        assert files.testzip() is None
        assert files.read("labels.txt").decode().splitlines() == runs.labels(quantized)
        card = json.loads(files.read("card.json"))
    assert card == json.loads((quantized / f"model_{mode}.json").read_text()) == enclosure.enclosed(alone)
    assert "not a medical device" in card["warning"]
    assert card["intended_use"].startswith("Research")
    assert card["licenses"] == ["CC0-1.0"]
    assert card["data"][0]["attribution"] == "Drawn for a test"
    assert card["mode"] == mode
    assert card["trained"]["initial"] == "random"
    inner = Interpreted(alone)._interpreter.get_input_details()[0]
    assert card["input"]["dtype"] == np.dtype(inner["dtype"]).name == ("uint8" if mode == "int8" else "float32")
    assert card["input"]["shape"] == inner["shape"].tolist()
    described = schema_py_generated.Model.GetRootAs(alone.read_bytes(), 0).Description().decode()
    assert "not a medical device" in described
    assert all(label in described for label in runs.labels(quantized))


def test_a_card_changes_no_answer_and_no_byte_twice(quantized: Path, tmp_path: Path) -> None:
    card = json.loads((quantized / "model_int8.json").read_text())
    copies = [Path(shutil.copy(quantized / "model_int8.tflite", tmp_path / f"{name}.tflite")) for name in "ab"]
    for copy in copies:
        enclosure.enclose(copy, card)
    assert copies[0].read_bytes() == copies[1].read_bytes()
    pictures = np.stack([drawn_shards.lesion(category, 40_000) for category in range(3)])
    answers = [Interpreted(path).answer(pictures) for path in (copies[0], quantized / "model_int8.tflite")]
    assert np.array_equal(*answers)
    words = (
        f"import sys, pathlib; from curate.ml.enclosure import enclosed; enclosed(pathlib.Path({str(copies[0])!r})); "
    )
    words += "sys.exit(bool({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
    with pytest.raises(TrainError, match="carries no card"):
        enclosure.enclosed(quantized / "model.json")


def test_predict_gives_the_same_answers(quantized: Path, tmp_path: Path) -> None:
    from curate.stages.predict import predict_pictures

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for category in range(3):
        out = io.BytesIO()
        Image.fromarray(drawn_shards.lesion(category, 30_000 + category)).save(out, "PNG")
        (pictures / f"{category}.png").write_bytes(out.getvalue())
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    plain, small = (predict_pictures(quantized, [pictures], mode=mode) for mode in ("keras", "int8"))
    assert [row.get("label") for row in plain] == [row.get("label") for row in small]
    assert [row["label"] for row in plain[:3]] == runs.labels(quantized)
    assert "problem" in plain[3]
    with pytest.raises(UsageError, match="no such picture"):
        predict_pictures(quantized, [tmp_path / "absent.jpg"])
    hints = {"int16x8": "curate quantize run --mode int16x8", "int9": "--form int8", "?": "--form keras"}
    run = Path(shutil.copytree(quantized, tmp_path / "run"))
    for form, hint in hints.items():
        with pytest.raises(UsageError, match="no form") as told:
            predict_pictures(run, [pictures], mode=form)
        assert told.value.hint == hint


def test_a_file_alone_answers_as_in_its_run(quantized: Path, tmp_path: Path) -> None:
    from curate.stages import predict

    picture = tmp_path / "picture.png"
    Image.fromarray(drawn_shards.lesion(1, 30_001)).save(picture)
    alone = Path(shutil.copy(quantized / "model_int8.tflite", tmp_path / "handed on.tflite"))
    assert predict.named(tmp_path, str(alone), None) == (alone, "int8")
    assert predict.named(tmp_path, str(quantized / "model_int8.tflite"), None) == (quantized, "int8")
    with pytest.raises(UsageError, match="another form"):
        predict.named(tmp_path, str(alone), "float16")
    (row,) = predict.predict_pictures(alone, [picture])
    assert [row] == predict.predict_pictures(quantized, [picture], mode="int8")
    tables = tmp_path / "alone.csv", tmp_path / "run.csv"
    for table, run in zip(tables, (alone, quantized), strict=True):
        assert predict.write(table, run, "int8", [row]) == 0
    told = [table.read_text(encoding="utf-8") for table in tables]
    assert told[0].replace(alone.name, quantized.name) == told[1]

    card = enclosure.enclosed(alone)
    names = drawn_shards.CATEGORIES
    said = {"target": "both", "labels": list(drawn_shards.SUBTYPES)}
    said["categories"] = {"names": list(names), "of_label": [0, 2, 2]}
    plain = alone.read_bytes()[: zipfile.ZipFile(alone).infolist()[0].header_offset]
    alone.write_bytes(plain)
    enclosure.enclose(alone, {**card, **said})
    (row,) = predict.predict_pictures(alone, [picture])
    assert row["categories"]["malignant"] == pytest.approx(sum(list(row["probabilities"].values())[1:]), abs=1e-6)
    lacking = {"no target": {**card, "target": None}, "input": {**card, "input": {}}, "of_label": {**card, **said}}
    del lacking["no target"]["target"]
    lacking["of_label"]["categories"] = {"names": ["benign"]}
    for each in lacking.values():
        alone.write_bytes(plain)
        enclosure.enclose(alone, each)
        with pytest.raises(TrainError, match="does not say all"):
            predict.predict_pictures(alone, [picture])


def test_a_damaged_file_of_the_same_size_is_refused_and_made_again(quantized: Path, tmp_path: Path) -> None:
    from curate.ml import forms
    from curate.ml.quantization import _done_before

    run = Path(shutil.copytree(quantized, tmp_path / "run"))
    key = json.loads((run / "quantize.json").read_text())["shards"]
    assert _done_before(run, key)[1] == {"float", "float16", "dynamic", "int8"}
    for name, form, hint in (("model_int8.tflite", "int8", "curate quantize run"), ("model.keras", "keras", "train")):
        data = bytearray((run / name).read_bytes())
        data[len(data) // 2] ^= 1
        (run / name).write_bytes(data)
        with pytest.raises(TrainError, match="damaged") as told:
            forms.load(run, form)
        assert str(told.value.hint).endswith(hint)
    assert _done_before(run, key)[1] == {"float", "float16", "dynamic"}


def test_what_is_no_number_is_no_answer(tmp_path: Path) -> None:
    from curate.ml import evaluation
    from curate.ml.backend import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(3, bias_initializer=keras.initializers.Constant(np.nan))]
    net = keras.Sequential([keras.Input((8, 8, 3), name="pixels"), *layers])
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    data = conversion._tflite(conversion._saved(net, tmp_path / "saved"), "float")
    for answer in (evaluation.keras_answer(net, "model.keras"), Interpreted(data).answer):
        with pytest.raises(TrainError, match="no number") as told:
            answer(pixels)
        assert "2 of 2 pictures" in str(told.value.found)
    with pytest.raises(ValueError, match="JSON"):
        runs.as_json({"loss": float("nan")})


def test_both_targets_are_scored_apart() -> None:
    """Two outputs of one category, and pictures of which the category alone is known."""
    from curate.ml import evaluation, forms, quantization

    given = np.eye(3, dtype=np.float32)[[0, 2, 2, 1]]
    categories = forms.Categories(("benign", "malignant"), (0, 1, 1))
    together = evaluation.Answers(
        np.array([0, 1, 2, -1]), given, ["w", "x", "y", "z"], categories=np.array([0, 1, 1, 1])
    )
    subtype = quantization._figures(together, together.truth, given, given, ["a", "b", "c"])
    assert (subtype["pictures"], subtype["accuracy"], subtype["agreement"]) == (3, pytest.approx(2 / 3), 1)
    summed = categories.sums(given)
    category = quantization._figures(together, together.categories, summed, summed[::-1], ["benign", "malignant"])
    assert (category["pictures"], category["accuracy"], category["agreement"]) == (4, 1, 0.5)
    with pytest.raises(ValueError, match="unknown"):
        evaluation.scores(together, ["a", "b", "c"])


def test_a_file_without_weights_never_stands(quantized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (quantized / "model_float.tflite").read_bytes()
    pictures = np.stack([drawn_shards.lesion(category, 1) for category in range(3)])
    truth = Interpreted(data).answer(pictures)
    conversion._check("float", data, 1_500_000, pictures, truth)
    with pytest.raises(TrainError, match="is not the model"):
        conversion._check("float", data, 15_000_000, pictures, truth)
    with pytest.raises(TrainError, match="is not the model"):
        conversion._check("float", data, 1_500_000, pictures, np.roll(truth, 1, axis=0))
    monkeypatch.setitem(conversion._MOST_ERROR, "float", 1.0)  # its answers alone speak against it then
    with pytest.raises(TrainError, match="is not the model"):
        conversion._check("float", data, 1_500_000, pictures, np.roll(truth, 1, axis=0))


def test_fewer_forms_than_are_there_change_nothing(quantized: Path) -> None:
    from curate.ml.quantization import quantize

    shards = quantized.parent.parent / "shards"
    before = {path.name: path.read_bytes() for path in quantized.iterdir()}
    found = quantize(quantized, shards, ["float16"])
    assert found["made"] == 0
    assert [row["mode"] for row in found["table"]] == ["float", "float16", "dynamic", "int8"]
    assert {path.name: path.read_bytes() for path in quantized.iterdir()} == before


def test_only_the_form_that_is_missing_is_made(quantized: Path, tmp_path: Path) -> None:
    from curate.ml.quantization import quantize

    run = shutil.copytree(quantized, tmp_path / "run")
    (run / "model_float16.tflite").unlink()
    kept = {mode: (run / f"model_{mode}.tflite").stat().st_mtime_ns for mode in ("float", "dynamic", "int8")}
    found = quantize(run, quantized.parent.parent / "shards", ["float16"])
    assert found["made"] == 1
    assert [row["mode"] for row in found["table"]] == ["float", "float16", "dynamic", "int8"]
    assert all((run / f"model_{mode}.tflite").stat().st_mtime_ns == time for mode, time in kept.items())
    assert all(f"| {row['mode']} |" in (run / "card.md").read_text() for row in found["table"])


def test_quantization_aware_training_of_a_run(trained: Path, tmp_path: Path) -> None:
    """From a run to its table, with a network that is small enough to be trained on for a test."""
    from curate.ml import dataset
    from curate.ml.backend import keras
    from curate.ml.quantization import quantize

    shards, run = drawn_shards.trained(trained)
    run = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("*.tflite", "quantize.json"))
    net = integer_nets.net()
    net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    side = integer_nets.SIDE
    net.fit(dataset.load(shards, "train", target="category", side=side, batch=16, training=True), epochs=5, verbose=0)
    net.save(run / "model.keras")
    with pytest.raises(TrainError, match="damaged"):  # it is not the file that the run's hashes speak of
        quantize(run, shards, ["qat"])
    runs.seal(run)
    about = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps({**about, "side": side}))
    for epochs in (1, 2):
        found = quantize(run, shards, ["qat"], epochs=epochs)
        assert (found["made"], found["qat_epochs"]) == (3 - epochs, epochs)  # the second time qat alone is another
        plain, aware = found["table"]
        assert (plain["mode"], aware["mode"]) == ("float", "qat")
        assert plain["accuracy"] > 0.6
        assert aware["agreement"] > 0.9
        assert (run / "model_qat.tflite").stat().st_size == aware["bytes"]
    assert quantize(run, shards, ["qat"], epochs=2)["made"] == 0
    with pytest.raises(UsageError, match="passes"):
        quantize(run, shards, ["qat"], epochs=0)


def test_every_form_is_told() -> None:
    assert set(conversion.FORMS) == set(conversion._LEAST_BYTES) == set(conversion._MOST_ERROR) == set(conversion.MODES)


def test_a_damaged_table(tmp_path: Path) -> None:
    from curate.ml.quantization import _done_before

    for text in ("{", '{"table": [{}]}', '{"table": null}', '{"table": ["float"]}', '{"table": []}', '{"table": 3}'):
        (tmp_path / "quantize.json").write_text(text)
        with pytest.raises(TrainError, match="damaged") as told:
            _done_before(tmp_path, "key")
        assert "curate quantize" in str(told.value.hint)


@pytest.mark.parametrize("text", ['{"loss": "x"}', '{"loss": ["x"]}', '{"loss": null}', "[]"])
def test_a_damaged_history(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(TrainError, match="damaged"):
        runs.history(tmp_path)


def test_a_history_with_an_epoch_that_gave_no_number(tmp_path: Path) -> None:
    from curate.ml import plots

    assert runs.history(tmp_path) == {}
    (tmp_path / "history.json").write_text('{"loss": [1.0, null]}')
    assert str(runs.history(tmp_path)) == "{'loss': [1.0, nan]}"
    assert "loss" in plots.history(runs.history(tmp_path))


def test_whose_pictures_were_learnt_from() -> None:
    from curate.ml.card import _whose
    from curate.ml.credits import Credit, credits_in

    credits_ = [Credit(name, name, "CC0-1.0", "", "yes", "", (), "", 5) for name in ("learnt", "measured", "values")]
    index: dict[str, Any] = {"credits": [each.as_dict() for each in credits_]}
    assert [each.as_dict() for each in credits_in(index)] == index["credits"]
    told = "\n".join(_whose(index["credits"]))
    assert "trained and measured on" in told
    assert "the shards do not say" in told
    index["splits"] = {"train": {"source": {"learnt": 4}}, "test": {"source": {"learnt": 1, "measured": 5}}}
    told = "\n".join(_whose([each.as_dict() for each in credits_in(index)]))
    learnt, measured, values = told.split("## ")[1:]
    assert "- learnt: 4 pictures," in learnt
    assert "measured" not in learnt
    assert "- learnt: 1 pictures in test," in measured
    assert "- measured: 5 pictures in test," in measured
    assert "- values: no pictures," in values


def test_a_busy_machine_is_told() -> None:
    from curate.ml.latency import busy

    row = {"mode": "int8", "ratios_1_thread": [0.50, 0.52], "ratios_2_threads": [0.51, 1.20]}
    assert busy([{**row, "ratios_2_threads": [0.5, 0.6]}]) == []
    (note,) = busy([row])
    assert "on 2 threads" in note
    assert "int8 0.51-1.20" in note


def test_a_mode_that_does_not_exist(quantized: Path) -> None:
    from curate.ml.quantization import quantize

    with pytest.raises(UsageError, match="no mode 'int4'"):
        quantize(quantized, quantized, ["int4"])
    with pytest.raises(UsageError, match="passes of qat") as told:
        quantize(quantized, quantized, ["int8"], epochs=5)
    assert told.value.hint == "curate quantize RUN --mode qat --epochs 5"


def test_what_is_no_run(tmp_path: Path) -> None:
    from curate.ml.quantization import quantize

    with pytest.raises(TrainError, match="no run folder"):
        quantize(tmp_path, tmp_path)


def test_a_run_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "model.keras").touch()
    (tmp_path / "recipe.json").write_text('{"format": 0}')
    with pytest.raises(TrainError, match="another version"):
        runs.read(tmp_path)


def test_a_file_that_is_no_model() -> None:
    with pytest.raises(TrainError, match="cannot be loaded"):
        Interpreted(b"not a model at all")
