"""The commands about models: train, evaluate, predict, quantize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curate.cli.skin import Skin, cli, example, finish, tell, words
from curate.cli.tables import show_answers, show_evaluation, show_forms, show_skipped
from curate.ml import registry
from curate.recipe import TrainRecipe

_WARNING = "a research model, no medical device: it must not be used to judge a person's skin"


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
@click.option("--model", metavar="NAME", help=f"One of the names above (default: {TrainRecipe.model}).")
@click.option(
    "--target",
    type=click.Choice(["category", "subtype", "both"]),
    help=f"What is learnt (default: {TrainRecipe.target}); both: a category is as likely as its subtypes together.",
)
@click.option(
    "--epochs", type=int, help=f"Passes over the pictures for training, at most (default: {TrainRecipe.epochs})."
)
@click.option("--side", type=int, help=f"Side of the model's square input, in pixels (default: {TrainRecipe.side}).")
@click.option("--batch", type=int, help=f"Pictures in a step (default: {TrainRecipe.batch}).")
@click.option(
    "--learning-rate",
    type=float,
    help=f"The highest; it rises at the beginning and falls to 0 (default: {TrainRecipe.learning_rate:g}).",
)
@click.option(
    "--seed", type=int, help=f"Another seed, another draw of weights and augmentation (default: {TrainRecipe.seed})."
)
@click.option(
    "--weights",
    metavar="imagenet|FILE",
    help="Start from published weights: downloaded once, or from a file (.safetensors or .h5) that lies here.",
)
@click.option("--head-epochs", type=int, help="Epochs of the head alone (default: a fifth with --weights, else none).")
@click.option("--loss", type=click.Choice(["cross_entropy", "focal"]), help=f"Default: {TrainRecipe.loss}.")
@click.option(
    "--focal-gamma",
    type=float,
    help=f"How much the focal loss leaves to what is answered badly (default: {TrainRecipe.focal_gamma:g}).",
)
@click.option(
    "--label-smoothing",
    type=float,
    help=f"Share of each label that is spread over all classes (default: {TrainRecipe.label_smoothing:g}).",
)
@click.option(
    "--balance",
    type=click.Choice(["weights", "sampling", "none"]),
    help=f"How rare classes count (default: {TrainRecipe.balance}).",
)
@click.option(
    "--patience",
    type=int,
    help="Epochs without a lower validation loss after which it stops (default: a third of all, at least 5).",
)
@click.option(
    "--teacher", "teachers", multiple=True, metavar="RUN", help="A run to distil from; may be given several times."
)
@click.option("--alpha", type=float, help=f"Share of the teachers' word in the loss (default: {TrainRecipe.alpha:g}).")
@click.option(
    "--temperature", type=float, help=f"By which the teachers' word is softened (default: {TrainRecipe.temperature:g})."
)
@click.option("--oracle", is_flag=True, default=None, help="For each picture only the teachers count that are right.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard to data_cache/logs/.")
@words
def train(skin: Skin, **options: Any) -> None:
    """Train a model."""
    from curate import pipeline

    report = pipeline.run("train", skin.workspace(), say=skin.say_now, **options)
    tell(skin, report)
    skin.say(f"next: curate quantize {Path(report.details['run']).name}")
    finish(skin, [report])


@cli.command(
    short_help="Score a run on a split, with intervals, and write a page.",
    help="Score a run on a split: as a whole, by class, source, skin tone, artefact, with intervals by family; "
    "and write a page about it into the run folder."
    + example("curate evaluate", "curate evaluate RUN --form int8", "curate evaluate RUN --sensitivity 0.95"),
)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--split", default="test", help="Default: test.")
@click.option("--form", "mode", default="keras", help="keras (default), float, float16, dynamic, int8, qat or int16x8.")
@click.option(
    "--sensitivity",
    type=float,
    metavar="SHARE",
    help="Choose on validation the threshold that finds this share of the last category (malignant), and tell what it "
    "gives on the split.",
)
@words
def evaluate(skin: Skin, run: str | None, split: str, mode: str, sensitivity: float | None) -> None:
    """Score a run."""
    from curate import pipeline

    given = {"run": run, "split": split, "mode": mode, "sensitivity": sensitivity}
    report = pipeline.run("evaluate", skin.workspace(), **given)
    tell(skin, report)
    show_evaluation(skin, report.details["evaluation"])
    if "page" in report.details:
        skin.say(f"page: {report.details['page']}")
    finish(skin, [report])


@cli.command(
    short_help="Ask a run about pictures. Not a medical device.",
    help="Ask a run about pictures, or folders of pictures. Not a medical device."
    + example("curate predict RUN picture.jpg", "curate predict RUN folder --form int8 --out answers.csv"),
)
@click.argument("run", metavar="RUN")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PICTURE...")
@click.option("--form", help="keras (default), float, float16, dynamic, int8, qat or int16x8.")
@click.option("--top", type=click.IntRange(1), default=3, help="How many labels to print for a picture (default: 3).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.csv",
    help="Write all probabilities there, a row for each picture, instead of printing them.",
)
@words
def predict(skin: Skin, run: str, pictures: tuple[Path, ...], form: str | None, top: int, out: Path | None) -> None:
    """Answer for pictures."""
    from curate.stages import predict

    workspace = skin.workspace()
    folder, meant = predict.named(workspace.cache / "runs", run, form)
    files, skipped = predict.pictures(pictures)
    about: dict[str, Any] = {"run": str(folder), "form": meant, "warning": _WARNING, "skipped": skipped}
    answers = predict.predicted(folder, files, form=meant, progress=workspace.progress)
    if out is None:
        rows = list(answers)
        broken = sum("problem" in row for row in rows)
        show_answers(skin, rows, top)
        about |= {"pictures": rows}
    else:
        broken = predict.write(out, folder, meant, answers)
        skin.say(f"{len(files):,} pictures, {broken:,} of them with a problem: {out}")
        about |= {"out": str(out), "problems": broken}
    show_skipped(skin, skipped)
    skin.give(about)
    skin.say(_WARNING)
    if broken:
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
