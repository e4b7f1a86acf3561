"""The commands about models: train, evaluate, predict, quantize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curate.cli.skin import Skin, cli, example, finish, tell, words
from curate.cli.tables import show_forms, show_scores
from curate.ml import registry


@cli.command(
    short_help="Train or distil a model for phones.",
    help="Train a model for phones on the shards, or distil it from teachers. Stopped at any moment, the same words "
    "go on after the last whole epoch, to the same result. What is not given comes from curate.toml, section [train]."
    f"\n\nFor phones: {registry.names('phone')}."
    f"\n\nAs teachers, and to compare with: {registry.names('teacher')}."
    + example(
        "curate train",
        "curate train --model efficientnet_lite0 --side 96 --epochs 12",
        "curate train --target both --weights imagenet",
        "curate train --teacher RUN --teacher RUN --oracle",
    ),
)
@click.option("--model", metavar="NAME", help="One of the names above (default: mobilenet_v3_small).")
@click.option(
    "--target",
    type=click.Choice(["category", "subtype", "both"]),
    help="What is learnt (default: category); both: a category is then as likely as its subtypes together.",
)
@click.option("--epochs", type=int, help="Passes over the pictures for training, at most.")
@click.option("--side", type=int, help="Side of the model's square input, in pixels.")
@click.option("--batch", type=int, help="Pictures in a step.")
@click.option("--learning-rate", type=float, help="The highest; it rises at the beginning and falls to 0.")
@click.option("--seed", type=int, help="Another seed, another draw of weights and augmentation.")
@click.option(
    "--weights",
    metavar="imagenet|FILE",
    help="Start from published weights: downloaded once, or from a file (.safetensors or .h5) that lies here.",
)
@click.option("--head-epochs", type=int, help="Epochs of the head alone (default: a fifth with --weights, else none).")
@click.option("--loss", type=click.Choice(["cross_entropy", "focal"]), help="Default: cross_entropy.")
@click.option("--focal-gamma", type=float, help="How much the focal loss leaves to what is answered badly.")
@click.option("--label-smoothing", type=float, help="Share of each label that is spread over all classes.")
@click.option(
    "--balance", type=click.Choice(["weights", "sampling", "none"]), help="How rare classes count (default: weights)."
)
@click.option("--patience", type=int, help="Epochs without a lower validation loss after which it stops.")
@click.option(
    "--teacher", "teachers", multiple=True, metavar="RUN", help="A run to distil from; may be given several times."
)
@click.option("--alpha", type=float, help="Share of the teachers' word in the loss (default: 0.5).")
@click.option("--temperature", type=float, help="By which the teachers' word is softened (default: 3).")
@click.option("--oracle", is_flag=True, default=None, help="For each picture only the teachers count that are right.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard to data_cache/logs/.")
@words
def train(skin: Skin, **options: Any) -> None:
    """Train a model."""
    from curate import pipeline

    report = pipeline.run("train", skin.workspace(), **options)
    tell(skin, report)
    skin.say(f"next: curate quantize {Path(report.details['run']).name}")
    finish(skin, [report])


@cli.command(
    help="Score a run on a split: as a whole, per class, per source."
    + example("curate evaluate", "curate evaluate RUN --split validation")
)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--split", default="test", help="Default: test.")
@click.option("--form", "mode", default="keras", help="keras (default), float, float16, dynamic, int8, qat or int16x8.")
@words
def evaluate(skin: Skin, run: str | None, split: str, mode: str) -> None:
    """Score a run."""
    from curate import pipeline

    report = pipeline.run("evaluate", skin.workspace(), run=run, split=split, mode=mode)
    tell(skin, report)
    show_scores(skin, report.details["scores"])
    finish(skin, [report])


@cli.command(
    help="Ask a run about pictures, or folders of pictures. Not a medical device."
    + example("curate predict RUN picture.jpg", "curate predict RUN folder --form int8")
)
@click.argument("run", metavar="RUN")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PICTURE...")
@click.option("--form", "mode", default="keras", help="keras (default), float, float16, dynamic, int8, qat or int16x8.")
@words
def predict(skin: Skin, run: str, pictures: tuple[Path, ...], mode: str) -> None:
    """Answer for single pictures."""
    from curate.ml import runs
    from curate.stages.evaluate import predict_pictures
    from curate.text_table import text_table

    workspace = skin.workspace()
    folder = runs.find(workspace.cache / "runs", run)
    rows = predict_pictures(folder, pictures, mode=mode)
    skin.say(text_table(rows, ["picture", "label", "probability", "problem"]))
    skin.say("a research model, no medical device: it must not be used to judge a person's skin")
    skin.give({"pictures": rows})
    if any("problem" in row for row in rows):
        click.get_current_context().exit(1)


@cli.command(
    short_help="Make a run's model smaller, measured side by side.",
    help="Make a run's model smaller: float16, dynamic range and int8, or int8 with quantization-aware training (qat), "
    "measured side by side." + example("curate quantize", "curate quantize RUN --mode int8 --mode qat"),
)
@click.argument("run", required=False, metavar="[RUN]")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    help="float16, dynamic, int8, qat (trains on) or int16x8 (slow on most processors); may be given several times "
    "(default: the first three).",
)
@click.option("--epochs", type=int, help="Passes of qat over the pictures for training (default: 2).")
@words
def quantize(skin: Skin, run: str | None, modes: tuple[str, ...], epochs: int | None) -> None:
    """Quantize a run."""
    from curate import pipeline

    given = {"modes": modes or None, "epochs": epochs}
    told = {name: value for name, value in given.items() if value is not None}
    report = pipeline.run("quantize", skin.workspace(), run=run, **told)
    tell(skin, report)
    show_forms(skin, report.details["table"])
    skin.say(f"in {report.details['run']}")
    finish(skin, [report])
