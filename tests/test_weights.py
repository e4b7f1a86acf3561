"""Published weights: the port from timm's names, held block by block against timm's network written out in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from curate.errors import TrainError, UsageError

pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"), pytest.mark.tf]

Array = np.ndarray[Any, Any]
SIDE = 40  # its halves are odd and even, and padding differs between them

# timm's own words for the network: kind, repeats, kernel, stride, expansion, channels.
STAGES = (
    ("ds", 1, 3, 1, 1, 16),
    ("ir", 2, 3, 2, 6, 24),
    ("ir", 2, 5, 2, 6, 40),
    ("ir", 3, 3, 2, 6, 80),
    ("ir", 3, 5, 1, 6, 112),
    ("ir", 4, 5, 2, 6, 192),
    ("ir", 1, 3, 1, 6, 320),
)
# Channels of the stages, repeats of the stages, and trained numbers at 1000 classes, as published.
LITE = {
    0: ((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1), 4_652_008),
    1: ((16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1), 5_416_680),
    2: ((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1), 6_092_072),
    3: ((24, 32, 48, 96, 136, 232, 384), (1, 3, 3, 5, 5, 6, 1), 8_197_096),
    4: ((24, 32, 56, 112, 160, 272, 448), (1, 4, 4, 6, 6, 8, 1), 13_006_568),
}


def shapes(size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of timm's `tf_efficientnet_lite<size>`."""
    channels, repeats, _ = LITE[size]

    def norm(name: str, count: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from ((f"{name}.{part}", (count,)) for part in ("weight", "bias", "running_mean", "running_var"))
        yield f"{name}.num_batches_tracked", ()

    yield "conv_stem.weight", (32, 3, 3, 3)
    yield from norm("bn1", 32)
    given = 32
    for stage, (kind, _, kernel, _, expansion, _) in enumerate(STAGES):
        for block in range(repeats[stage]):
            wide, out, at = given * expansion, channels[stage], f"blocks.{stage}.{block}"
            if kind == "ir":
                yield f"{at}.conv_pw.weight", (wide, given, 1, 1)
                yield from norm(f"{at}.bn1", wide)
            yield f"{at}.conv_dw.weight", (wide, 1, kernel, kernel)
            yield from norm(f"{at}.bn{2 if kind == 'ir' else 1}", wide)
            yield f"{at}.{'conv_pwl' if kind == 'ir' else 'conv_pw'}.weight", (out, wide, 1, 1)
            yield from norm(f"{at}.bn{3 if kind == 'ir' else 2}", out)
            given = out
    yield "conv_head.weight", (1280, given, 1, 1)
    yield from norm("bn2", 1280)
    yield from (("classifier.weight", (1000, 1280)), ("classifier.bias", (1000,)))


def drawn(size: int) -> dict[str, Array]:
    """Draw arrays under which activations stay of about one size from block to block."""
    dice = np.random.default_rng(size)

    def draw(name: str, shape: tuple[int, ...]) -> Array:
        if len(shape) == 4:
            return dice.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        if name.endswith(("norm.weight", "running_var")) or (len(shape) == 1 and name.endswith(".weight")):
            return dice.uniform(0.5, 1.5, shape).astype(np.float32)
        return dice.normal(0, 0.1, shape).astype(np.float32) if shape else np.array(7, np.int64)

    return {name: draw(name, shape) for name, shape in shapes(size)}


def timm_forward(held: dict[str, Array], pixels: Array) -> dict[str, Array]:
    """Return what each block gives, [b, channels, h, w] by name: timm's lite0 for pixels [b, 3, h, w]."""

    def conv(x: Array, name: str, stride: int = 1) -> Array:
        kernel = held[f"{name}.weight"]
        size = kernel.shape[-1]
        pads = []
        for length in x.shape[2:]:
            total = max((-(-length // stride) - 1) * stride + size - length, 0)  # what TensorFlow calls SAME
            pads.append((total // 2, total - total // 2))
        padded = np.pad(x, [(0, 0), (0, 0), *pads])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride]
        if kernel.shape[1] == 1 and x.shape[1] == kernel.shape[0]:
            return np.einsum("bchwij,cij->bchw", windows, kernel[:, 0])
        return np.einsum("bchwij,ocij->bohw", windows, kernel, optimize=True)

    def norm(x: Array, name: str, relu: bool = True) -> Array:
        weight, bias, mean, var = (
            held[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        x = (x - mean) / np.sqrt(var + 1e-3) * weight + bias
        return np.clip(x, 0, 6) if relu else x

    seen = {}
    x = norm(conv((pixels - 127) / 128, "conv_stem", 2), "bn1")
    seen["stem"] = x
    for stage, (kind, repeats, _, stride, _, _) in enumerate(STAGES):
        for block in range(repeats):
            at, before, step = f"blocks.{stage}.{block}", x, stride if block == 0 else 1
            if kind == "ds":
                x = norm(conv(x, f"{at}.conv_dw", step), f"{at}.bn1")
                x = norm(conv(x, f"{at}.conv_pw"), f"{at}.bn2", relu=False)
            else:
                x = norm(conv(x, f"{at}.conv_pw"), f"{at}.bn1")
                x = norm(conv(x, f"{at}.conv_dw", step), f"{at}.bn2")
                x = norm(conv(x, f"{at}.conv_pwl"), f"{at}.bn3", relu=False)
            x = before + x if before.shape == x.shape else x
            seen[f"stage{stage}_block{block}"] = x
    seen["head"] = norm(conv(x, "conv_head"), "bn2")
    return seen


@pytest.fixture(scope="module")
def lite0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the form in which timm publishes Lite0."""
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    save_file(drawn(0), path)
    return path


@pytest.fixture(scope="module")
def body() -> Any:
    """The body of Lite0 with random weights."""
    from curate.ml import models
    from curate.ml.backend import keras

    model = models.build("efficientnet_lite0", classes=3, side=32)
    return keras.Model(model.input, models.body_layers(model)[-1].output)


def test_every_block_answers_as_timm_does(lite0: Path) -> None:
    from curate.ml import models
    from curate.ml.backend import keras

    model = models.build("efficientnet_lite0", classes=3, side=SIDE, weights=str(lite0))
    pixels = np.random.default_rng(5).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    wanted = timm_forward(drawn(0), pixels.transpose(0, 3, 1, 2).astype(np.float64))
    names = [layer.name for layer in model.layers]

    def end(block: str) -> str:
        return next(name for name in (f"{block}_add", f"{block}_relu", f"{block}_project_norm") if name in names)

    given = keras.Model(model.input, [model.get_layer(end(block)).output for block in wanted])(pixels)
    assert len(wanted) == 2 + 16
    for block, seen in zip(wanted, given, strict=True):
        array = np.asarray(seen).transpose(0, 3, 1, 2)
        assert wanted[block].std() > 0.1, block
        assert np.allclose(array, wanted[block], rtol=1e-3, atol=1e-3 * wanted[block].std()), block


@pytest.mark.parametrize("size", LITE)
def test_every_size_takes_its_file(size: int, tmp_path: Path) -> None:
    from curate.ml import models

    trained = [shape for name, shape in shapes(size) if shape and "running" not in name]
    assert sum(int(np.prod(shape)) for shape in trained) == LITE[size][2]
    if size == 0:
        return  # every block of it is held above
    held = drawn(size)
    save_file(held, tmp_path / "model.safetensors")
    model = models.build(f"efficientnet_lite{size}", classes=3, side=32, weights=str(tmp_path / "model.safetensors"))
    last = LITE[size][1][5] - 1
    kernel = model.get_layer(f"stage5_block{last}_depthwise_conv").get_weights()[0]
    assert np.array_equal(kernel[:, :, :, 0], held[f"blocks.5.{last}.conv_dw.weight"][:, 0].transpose(1, 2, 0))
    variance = model.get_layer(f"stage5_block{last}_project_norm").get_weights()[3]
    assert np.array_equal(variance, held[f"blocks.5.{last}.bn3.running_var"])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda held: held.pop("blocks.1.0.bn2.running_var"), "missing: blocks.1.0.bn2.running_var"),
        (lambda held: held.update({"blocks.9.0.conv_pw.weight": np.zeros(1)}), "unknown: blocks.9.0.conv_pw.weight"),
        (
            lambda held: held.update({"conv_head.weight": held["conv_head.weight"].transpose(1, 0, 2, 3).copy()}),
            r"another shape or no number: conv_head.weight \[320, 1280, 1, 1\]",
        ),
        (lambda held: held["bn1.bias"].fill(np.nan), r"bn1.bias \(not finite\)"),
        (lambda held: [held.pop(name) for name in list(held) if "bn3" in name], "missing: .* and 57 more"),
    ],
)
def test_what_does_not_fit_is_named(
    spoil: Callable[[dict[str, Array]], object], told: str, body: Any, tmp_path: Path
) -> None:
    from curate.ml import weights

    held, before = drawn(0), [value.copy() for value in body.get_weights()]
    spoil(held)
    save_file(held, tmp_path / "spoilt.safetensors")
    with pytest.raises(TrainError, match=told):
        weights.port_timm(body, tmp_path / "spoilt.safetensors")
    assert all(np.array_equal(old, new) for old, new in zip(before, body.get_weights(), strict=True))


def test_a_file_that_was_cut_off(lite0: Path, body: Any, tmp_path: Path) -> None:
    from curate.ml import weights

    (tmp_path / "cut.safetensors").write_bytes(lite0.read_bytes()[:-1000])
    with pytest.raises(TrainError, match="damaged") as told:
        weights.port_timm(body, tmp_path / "cut.safetensors")
    assert "rm " in str(told.value.hint)


def test_weights_that_are_not_there(lite0: Path) -> None:
    from curate.ml.registry import check_weights

    with pytest.raises(UsageError, match="no weights 'absent"):
        check_weights("efficientnet_lite0", "absent.safetensors")
    with pytest.raises(UsageError, match="does not take"):
        check_weights("resnet50", str(lite0))


def test_a_file_counts_by_its_bytes_not_its_place(lite0: Path, tmp_path: Path) -> None:
    from curate.ml import runs

    other = tmp_path / "moved.safetensors"
    other.write_bytes(lite0.read_bytes())
    keys = [
        runs.key("shards", runs.Options("efficientnet_lite0", "category", 32, 1, 8, 1e-3, 0.9, 1, str(path)), ())
        for path in (lite0, other)
    ]
    assert keys[0] == keys[1]
    other.write_bytes(b"other weights")
    again = runs.Options("efficientnet_lite0", "category", 32, 1, 8, 1e-3, 0.9, 1, str(other))
    assert runs.key("shards", again, ()) != keys[0]
    assert str(tmp_path) not in str(again.said())


def write_h5(model: Any, path: Path) -> None:
    """Write weights in the form in which Keras publishes those of its applications."""
    with h5py.File(path, "w") as file:
        kept = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in kept]
        for layer in kept:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{place}" for place in range(len(layer.weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


@pytest.mark.parametrize(
    ("name", "keras_name", "family"),
    [
        ("mobilenet_v2", "MobileNetV2", "mobilenet_v2"),
        ("resnet50", "ResNet50", "resnet"),
        ("efficientnet_b0", "EfficientNetB0", "efficientnet"),
    ],
)
def test_a_file_of_keras_answers_as_its_own_body_does(name: str, keras_name: str, family: str, tmp_path: Path) -> None:
    """Keras' body after Keras' own preprocessing, held against ours with plain pixels: colours in the right order."""
    from curate.ml import models
    from curate.ml.backend import keras

    theirs = getattr(keras.applications, keras_name)(include_top=False, weights=None, input_shape=(32, 32, 3))
    dice = np.random.default_rng(3)
    for weight in theirs.weights:
        if len(weight.shape) == 4:  # so that something is left of the picture at the end
            fan = np.prod(weight.shape[:2]) * (1 if weight.shape[3] == 1 else weight.shape[2])
            weight.assign(dice.normal(0, np.sqrt(2 / fan), weight.shape))
    pixels = dice.integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    scaled = getattr(keras.applications, family).preprocess_input(pixels.copy())
    if family == "efficientnet":  # it scales inside, by what its published file brings: the root of the deviation
        mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        norm = next(layer for layer in theirs.layers if isinstance(layer, keras.layers.Normalization))
        norm.set_weights([mean, deviation, np.array(0)])
        norm.finalize_state()
        scaled = 255 * ((pixels / 255 - mean) / np.sqrt(deviation) + mean)  # it then sees (x / 255 - mean) / deviation
    wanted = np.asarray(theirs(scaled))
    write_h5(theirs, tmp_path / "no_top.h5")
    model = models.build(name, classes=3, side=32, weights=str(tmp_path / "no_top.h5"))
    given = np.asarray(keras.Model(model.input, models.body_layers(model)[-1].output)(pixels))
    assert wanted.std() > 1e-5
    assert np.allclose(given, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
    with pytest.raises(TrainError, match="not the weights of MobileNetV3Small"):
        models.build("mobilenet_v3_small", classes=3, side=32, weights=str(tmp_path / "no_top.h5"))


def test_a_file_of_keras_with_what_is_no_number(tmp_path: Path) -> None:
    from curate.ml import models
    from curate.ml.backend import keras

    theirs = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None, minimalistic=True)
    layer = next(layer for layer in theirs.layers if isinstance(layer, keras.layers.DepthwiseConv2D))
    layer.set_weights([np.full_like(array, np.nan) for array in layer.get_weights()])
    write_h5(theirs, tmp_path / "nan.h5")
    with pytest.raises(TrainError, match="no number") as told:
        models.build("mobilenet_v3_small_minimalistic", classes=3, side=32, weights=str(tmp_path / "nan.h5"))
    assert told.value.found == f"NaN or infinity in {layer.name}"
    assert told.value.where == str(tmp_path / "nan.h5")


def test_a_host_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from curate.ml import models, weights
    from curate.ml.backend import keras

    download = keras.utils.get_file
    monkeypatch.setattr(keras.utils, "get_file", lambda *words, **more: download(*words, **more, cache_dir=tmp_path))
    for word in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(word, "http://127.0.0.1:9")
    for word in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(word, raising=False)
    with pytest.raises(weights.Unreached, match=r"huggingface\.co/timm/tf_efficientnet_lite0\.in1k"):
        models.build("efficientnet_lite0", classes=3, side=32, weights="imagenet")
    assert not list(tmp_path.rglob("*.safetensors"))
