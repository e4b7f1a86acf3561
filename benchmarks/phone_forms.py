"""The forms of the networks for phones side by side: size, pieces, answers and time.

    python benchmarks/phone_forms.py
    python benchmarks/phone_forms.py --run RUN --shards DIR

Without a run: MobileNetV3-Small, its minimalistic form and EfficientNet-Lite0 at `--side`, with drawn weights, whose
batch norms were brought to what drawn pictures give them. That says how fast and how large the forms are, and whether
they compute what Keras computes; what a form costs in accuracy says a trained run alone. With a run its model is taken,
with the pictures of its shards, and accuracy and balanced accuracy on the split test stand in the table too.

"int8 as converted" is what the converter makes of the network as it stands: it finds the ranges by the extremes of the
pictures shown, and HARD_SWISH stays one operation. "int8" is the form that `curate quantize` makes. Each is held to
the float form of the same network, "to V3-Small" against that of plain MobileNetV3-Small. Pieces are what the fast
kernels (XNNPACK) took: one or two are best. Forms are timed by turns in one process; a ratio is the median over turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.ml import conversion, dataset, evaluation, models, runs
from curate.ml.backend import keras, tf
from curate.ml.fake_quantization import aware
from curate.ml.folding import folded
from curate.ml.tflite import Interpreted, hushed
from curate.text_table import text_table

Pictures = npt.NDArray[np.uint8]
PLAIN = "mobilenet_v3_small"
NETWORKS = (PLAIN, "mobilenet_v3_small_minimalistic", "efficientnet_lite0")
FORMS = ("float", "int8 as converted", "int8")


def drawn(count: int, side: int) -> Pictures:
    """Return smooth noise of a few colours; uint8 [count, side, side, 3]."""
    dice = np.random.default_rng(1)
    coarse = dice.normal(140, 45, (count, 8, 8, 3)) + dice.normal(0, 30, (count, 1, 1, 3))
    smooth = tf.image.resize(coarse, (side, side), "bicubic").numpy()
    return np.clip(smooth + dice.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def settled(name: str, pictures: Pictures) -> Any:
    """Return a network with drawn weights whose moving averages fit these pictures, as after a training."""
    keras.utils.set_random_seed(1)
    model = models.build(name, classes=3, side=pictures.shape[1], batch_norm_momentum=0.5)
    for _ in range(8):
        model(pictures.astype(np.float32), training=True)
    return model


def as_converted(model: Any, pictures: Pictures, folder: Path) -> bytes:
    """Return int8 by the converter's own ranges, of the network as it stands."""

    def shown() -> Iterator[list[npt.NDArray[np.float32]]]:
        for picture in pictures:
            yield [picture[None].astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(conversion._saved(model, folder)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = shown
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.float32
    with hushed():
        return bytes(converter.convert())


def forms(model: Any, pictures: Pictures) -> dict[str, bytes]:
    """Return the files of a network by form."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rounded = aware(folded(model), pictures)
        return {
            "float": conversion._tflite(conversion._saved(model, folder / "float"), "float"),
            "int8 as converted": as_converted(model, pictures, folder / "plain"),
            "int8": conversion._tflite(conversion._saved(rounded, folder / "int8"), "int8"),
        }


def pieces(data: bytes) -> int:
    """Return in how many pieces the fast kernels take a file."""
    return [each["op_name"] for each in Interpreted(data)._interpreter._get_ops_details()].count("DELEGATE")


def timed(files: Mapping[Any, bytes], threads: int, turns: int) -> list[dict[Any, float]]:
    """Return the milliseconds of each file in each turn."""
    loaded = {name: Interpreted(data, threads=threads) for name, data in files.items()}
    for form in loaded.values():
        form.answer(np.full((1, form.side, form.side, 3), 127, np.uint8))
    return [{name: form.milliseconds() for name, form in loaded.items()} for _ in range(turns + 5)][5:]


def compared(files: Mapping[str, bytes], pictures: Pictures) -> dict[str, dict[str, str]]:
    """Return how far the probabilities of the forms are from float."""
    answers = {form: Interpreted(data).answer(pictures) for form, data in files.items()}
    return {
        form: {"mean difference": f"{np.abs(found - answers['float']).mean():.4f}"} for form, found in answers.items()
    }


def scored(files: Mapping[str, bytes], shards: Path, about: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return accuracy on the split test, and agreement with float."""
    loaded = [Interpreted(data) for data in files.values()]

    def every(pixels: Pictures) -> npt.NDArray[np.float32]:
        return np.concatenate([each.answer(pixels) for each in loaded], axis=1)

    found = evaluation.answers(every, shards, "test", target=about["target"], side=about["side"])
    parts = np.split(found.probabilities, len(files), axis=1)
    rows = {}
    for form, part in zip(files, parts, strict=True):
        score = evaluation.scores(evaluation.Answers(found.truth, part), names)
        agrees = (part.argmax(axis=1) == parts[0].argmax(axis=1)).mean()
        rows[form] = {name: f"{score[name]:.3f}" for name in ("accuracy", "balanced_accuracy")}
        rows[form] |= {"agrees": f"{agrees:.3f}", "mean difference": f"{np.abs(part - parts[0]).mean():.4f}"}
    return rows


def main() -> int:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--side", type=int, default=224, help="of the pictures, in pixels, without a run")
    words.add_argument("--run", type=Path, help="the folder of a run")
    words.add_argument("--shards", type=Path, help="the folder of the shards, with a run")
    words.add_argument("--turns", type=int, default=100, help="turns that are timed")
    given = words.parse_args()
    files: dict[tuple[str, str], bytes] = {}
    told: dict[tuple[str, str], dict[str, str]] = {}
    if given.run:
        about = runs.read(given.run)
        chosen = dataset.stratified(given.shards, "train", target=about["target"], pictures=conversion.REPRESENTATIVE)
        pictures = np.stack([np.asarray(dataset.decode(each["image"], about["side"])) for each in chosen])
        made = {about["model"]: forms(models.load(given.run), pictures)}
        found = {about["model"]: scored(made[about["model"]], given.shards, about, runs.labels(given.run))}
    else:
        pictures = drawn(32, given.side)
        made = {name: forms(settled(name, pictures), pictures) for name in NETWORKS}
        found = {name: compared(each, drawn(24, given.side)) for name, each in made.items()}
    for name, each in made.items():
        files |= {(name, form): data for form, data in each.items()}
        told |= {(name, form): found[name][form] for form in each}
    turns = {threads: timed(files, threads, given.turns) for threads in (1, 2)}
    lines = []
    for name, form in files:
        line = {"network": name, "form": form, "MB": f"{len(files[name, form]) / 1e6:.2f}"}
        line |= {"pieces": str(pieces(files[name, form])), **told[name, form]}
        for threads, turned in turns.items():
            line[f"ms, {threads}"] = f"{statistics.median(turn[name, form] for turn in turned):.2f}"
            against = {"to float": (name, "float")} | ({} if given.run else {"to V3-Small": (PLAIN, "float")})
            for word, other in against.items():
                line[f"{word}, {threads}"] = (
                    f"{statistics.median(turn[name, form] / turn[other] for turn in turned):.2f}"
                )
        lines.append(line)
    print(text_table(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
