"""Every knob, with its unit, its default and the reason for it; frozen; read from `curate.toml` in the root."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

from curate.errors import UsageError


@dataclass(frozen=True)
class CorpusRecipe:
    """What the corpus is made of."""

    sources: tuple[str, ...] = ()  # none named: every source that has a manifest
    diagnosis_methods: tuple[str, ...] = ()  # none named: a diagnosis counts however it was made; also "unknown"


@dataclass(frozen=True)
class StorageRecipe:
    """Where the bytes lie; nothing that is made of them, and no key, depends on it."""

    objects: str = ""  # none: data_cache/objects; else an address on object storage, such as "s3://bucket/objects"


@dataclass(frozen=True)
class ToneRecipe:
    """How the estimated skin tone is put into classes."""

    bounds: Literal["del_bino_2006", "kinyanjui_2020"] = "del_bino_2006"  # published; see curate.images.tone.BOUNDS


@dataclass(frozen=True)
class DedupRecipe:
    """Which evidence counts as "one picture"."""

    same_id: bool = True
    listed: bool = True
    same_bytes: bool = True
    same_pixels: bool = True
    near: bool = True
    near_distance: int = 8  # bits of 64 between perceptual hashes that make two pictures candidates
    near_detail: float = 4.0  # grey levels (standard deviation at 32x32): below it a hash says nothing
    near_agreement: float = 0.88  # local correlation at the second look from which two pictures are one: on the real
    # pictures different lesions stay below 0.87, and 118 of 119 copies known to be one photograph are above 0.9
    near_agreement_in_lesion: float = 0.99  # the same for two pictures that a source claims of one lesion: consecutive
    # photographs of it, and neighbours on one sheet, are nearly equal, and are a family, not copies
    by_places: bool = True  # near by places that agree, too: finds what was cropped, turned, mirrored or framed
    near_places: int = 6  # distinct places that must agree on one affine map before two pictures can be one
    near_overlap: float = 0.9  # score where one lies on the other (agreement, less where few places agree or little is
    # in common) from which two pictures are one; within one lesion, or on one sheet, they are of one family instead
    near_kin: float = 0.85  # the same from which two pictures are of one family though not one: a second photograph of
    # a lesion reaches 0.87, and a copy of low quality that is kept must not be torn from its original


@dataclass(frozen=True)
class LabelRecipe:
    """What happens where copies of one picture carry labels of different categories."""

    on_conflict: Literal["leave_out", "newest"] = "leave_out"  # newest: the latest release that labels it decides


@dataclass(frozen=True)
class SplitRecipe:
    """Shares of families; the salt makes another draw of the same shares."""

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15
    salt: str = "curate"
    quotas: bool = False  # true: families are moved until each subtype has the shares too, not only the whole
    folds: int = 0  # parts of train and validation for cross-validation, 2 or more; 0: none


@dataclass(frozen=True)
class ShardRecipe:
    """How pictures are stored in shards."""

    name: str = "curate"
    short_side: int = 256  # pixels; what is larger, tiles too, is scaled down once; what is not loses no pixel
    quality: int = 92  # JPEG quality of what is scaled down; tiles, and what is not scaled, are encoded without loss
    pictures_per_shard: int = 2048  # upper bound on the mean; the number of shards of a split is a power of two
    hair_removal: bool = False  # true: long dark hairs are painted over, at the final size; see curate.images.hair

    def said(self) -> dict[str, Any]:
        """Return the knobs as `index.json` gives them: `hair_removal` only where it is on."""
        # Left out where it is off, so that shards made before there was such a knob are found again by their key.
        off = () if self.hair_removal else ("hair_removal",)
        return {knob: value for knob, value in dataclasses.asdict(self).items() if knob not in off}


@dataclass(frozen=True)
class TrainRecipe:
    """How a model is trained when the command line says nothing else."""

    model: str = "mobilenet_v3_small"
    target: Literal["category", "subtype", "both"] = "category"
    side: int = 224  # pixels
    epochs: int = 20  # at most
    batch: int = 32  # pictures, of all devices together
    learning_rate: float = 1e-3  # at its highest: it rises within the first epoch and falls to 0 along a cosine
    batch_norm_momentum: float = 0.9  # Keras' 0.999 leaves the moving averages behind on small sets: chance accuracy
    seed: int = 1
    head_epochs: int = -1  # epochs in which the head alone is trained; -1: a fifth of them on published weights, none
    # on random ones, since a head learns nothing on a body that knows nothing
    fine_rate: float = 0.1  # times learning_rate: at which all is trained after the head, so as not to undo the body
    weight_decay: float = 0.0  # per step and unit of learning rate, apart from the gradient (AdamW); 0: Adam
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = 2.0  # 2 is what the focal loss was published with
    label_smoothing: float = 0.0  # share of the label that is spread over all classes
    balance: Literal["weights", "sampling", "none"] = "weights"  # rare classes count as much as frequent ones
    patience: int = -1  # epochs without a lower validation loss after which it stops; -1: a third of all, at least 5
    hair: float = 0.1  # share of the pictures for training that hairs are drawn over
    ruler: float = 0.1  # share of them that a ruler is drawn over
    mixed_precision: Literal["auto", "on", "off"] = "auto"  # half precision; auto: where a GPU is quick at it
    alpha: float = 0.5  # share of the teachers' word in the loss; the label has the rest
    temperature: float = 3.0  # by which the teachers' word is softened
    oracle: bool = False  # true: for each picture only the teachers count that are right


@dataclass(frozen=True)
class Recipe:
    """The whole recipe; a section for each stage that has a choice."""

    corpus: CorpusRecipe = field(default_factory=CorpusRecipe)
    storage: StorageRecipe = field(default_factory=StorageRecipe)
    tone: ToneRecipe = field(default_factory=ToneRecipe)
    dedup: DedupRecipe = field(default_factory=DedupRecipe)
    label: LabelRecipe = field(default_factory=LabelRecipe)
    split: SplitRecipe = field(default_factory=SplitRecipe)
    shard: ShardRecipe = field(default_factory=ShardRecipe)
    train: TrainRecipe = field(default_factory=TrainRecipe)

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read `curate.toml`; a file that is not there means the defaults.

        Raises UsageError for a word, a type or a share that cannot be meant.
        """
        if not path.exists():
            return cls()
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
            raise UsageError(
                "the recipe is not TOML", where=str(path), found=str(broken), hint="mend that line"
            ) from broken
        recipe = cls(**_sections(cls, given, path))
        shares = recipe.split.train + recipe.split.validation + recipe.split.test
        if abs(shares - 1) > 1e-9 or min(recipe.split.train, recipe.split.validation, recipe.split.test) < 0:
            raise UsageError(
                "the shares of the splits do not add up",
                where=f"{path} [split]",
                expected="train + validation + test = 1, none below 0",
                found=f"{shares:g}",
                hint="mend the three shares",
            )
        if recipe.split.folds == 1:
            raise UsageError(
                "one fold is none",
                where=f"{path} [split] folds",
                expected="0 for none, or 2 and more",
                found="1",
                hint="mend it, or take the line out for the default",
            )
        return recipe

    def knobs(self, section: str) -> dict[str, Any]:
        """Return the values of a section by `section.knob`, as JSON has them: lists where the recipe has tuples."""
        values = dataclasses.asdict(getattr(self, section)).items()
        return {f"{section}.{knob}": list(value) if isinstance(value, tuple) else value for knob, value in values}

    def key(self, *sections: str) -> str:
        """Return the sha256 (hex) of the named sections: part of the name of what was made with them."""
        chosen = {name: dataclasses.asdict(getattr(self, name)) for name in sections}
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


def _sections(kind: type[Recipe], given: dict[str, Any], path: Path) -> dict[str, Any]:
    types = get_type_hints(kind)
    made: dict[str, Any] = {}
    for name, values in given.items():
        if name not in types or not isinstance(values, dict):
            raise UsageError(
                f"the recipe has no section [{name}]",
                where=str(path),
                expected=", ".join(f"[{known}]" for known in types),
                hint="mend or remove it",
            )
        section = types[name]
        knobs = {knob.name: knob for knob in dataclasses.fields(section)}
        hints = get_type_hints(section)
        for knob, value in values.items():
            if knob not in knobs:
                raise UsageError(
                    f"the recipe knows no {knob!r} in [{name}]",
                    where=str(path),
                    expected=", ".join(knobs),
                    hint="mend or remove it",
                )
            _check(hints[knob], value, f"{path} [{name}] {knob}")
            _check_range(f"{name}.{knob}", value, f"{path} [{name}] {knob}")
        made[name] = section(
            **{knob: tuple(value) if isinstance(value, list) else value for knob, value in values.items()}
        )
    return made


RANGES: dict[str, tuple[float, float]] = {
    "dedup.near_distance": (0, 16),
    "dedup.near_detail": (0, 128),
    "dedup.near_agreement": (0, 1),
    "dedup.near_agreement_in_lesion": (0, 1),
    "dedup.near_places": (6, 96),
    "dedup.near_overlap": (0, 1),
    "dedup.near_kin": (0, 1),
    "split.train": (0, 1),
    "split.validation": (0, 1),
    "split.test": (0, 1),
    "split.folds": (0, 1000),
    "shard.short_side": (32, 4096),
    "shard.quality": (1, 100),
    "shard.pictures_per_shard": (1, 1_000_000),
    "train.side": (32, 1024),
    "train.epochs": (1, 10_000),
    "train.batch": (1, 4096),
    "train.learning_rate": (1e-9, 10),
    "train.batch_norm_momentum": (0, 0.9999),
    "train.seed": (0, 2**32 - 1),
    "train.head_epochs": (-1, 10_000),
    "train.fine_rate": (1e-6, 1),
    "train.weight_decay": (0, 1),
    "train.focal_gamma": (0, 10),
    "train.label_smoothing": (0, 0.9),
    "train.patience": (-1, 10_000),
    "train.hair": (0, 1),
    "train.ruler": (0, 1),
    "train.alpha": (0, 1),
    "train.temperature": (0.1, 100),
}
"""The least and the greatest value of each knob that is a number, both allowed."""


def _check_range(knob: str, value: Any, where: str) -> None:
    least, most = RANGES.get(knob, (float("-inf"), float("inf")))
    if isinstance(value, int | float) and not isinstance(value, bool) and not least <= value <= most:
        raise UsageError(
            "a value that cannot be meant", where=where, expected=f"{least:g} to {most:g}", found=f"{value:g}",
            hint="mend it, or take the line out for the default",
        )  # fmt: skip


def _check(kind: Any, value: Any, where: str) -> None:
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise UsageError(
                "the wrong kind of value",
                where=where,
                expected='a list of words, such as ["ph2"]',
                found=repr(value),
                hint="mend it, or take the line out for the default",
            )
        return
    choices = getattr(kind, "__args__", None)
    if choices is not None:
        if value not in choices:
            raise UsageError(
                "no such choice",
                where=where,
                expected=" or ".join(map(repr, choices)),
                found=repr(value),
                hint="mend it, or take the line out for the default",
            )
        return
    wanted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(
            "the wrong kind of value",
            where=where,
            expected="true or false" if kind is bool else kind.__name__,
            found=repr(value),
            hint="mend it, or take the line out for the default",
        )
