"""One picture as one `tf.train.Example` in one TFRecord frame, written by hand: no TensorFlow, always the same bytes.

`SCHEMA` is the only place that knows the features: writer, reader, `features.json` and the docs follow from it.
Protocol buffers leave the order of a map open, and it changed between releases; here keys are written in sorted order.
Forms: https://www.tensorflow.org/tutorials/load_data/tfrecord (Example: `tensorflow/core/example/feature.proto`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import google_crc32c

from curate.vocabulary import ARTEFACTS

Kind = Literal["bytes", "text", "int64", "float"]
Value = bytes | str | int | float | None


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its name, how it is stored, what it says and in which unit, and whether it is `always` known.

    What is unknown is written as `UNKNOWN` of its kind: none of these is a value that can be meant.
    """

    name: str
    kind: Kind
    meaning: str
    always: bool = False

    @property
    def described(self) -> str:
        """What it says, and how it says that it is unknown, for whoever has the file alone."""
        return self.meaning if self.always else f"{self.meaning}; {_TOLD[self.kind]} where it is unknown"


UNKNOWN: dict[Kind, Value] = {"text": "", "int64": -1, "float": float("nan")}
_TOLD = {"text": "empty", "int64": "-1", "float": "NaN"}


# Of each artefact what its number grows with, measured on the source's picture: docs/artefacts.md.
_SEEN = {
    "ruler": "how regular the marks of a ruler are",
    "ink": "share of the skin under strokes of a pen",
    "vignette": "how dark the corners are",
    "hair": "share of the skin under hair",
    "highlight": "share under reflections and bubbles",
    "border": "share that is a plain band along an edge",
    "blur": "how far fine detail falls short of sharp",
    "exposure": "how badly exposed the picture is",
    "text": "letters in a row",
}

SCHEMA: tuple[Feature, ...] = (
    Feature("id", "text", "source:image_id; unique in the corpus", always=True),
    Feature("source", "text", "name of the source whose release the bytes are from", always=True),
    Feature("isic_id", "text", "id in the ISIC Archive"),
    Feature("image", "bytes", "the picture, JPEG or PNG, RGB, upright, sRGB", always=True),
    Feature(
        "sha256",
        "text",
        "sha256 (hex) of the source's file: the picture, or the sheet that it was cut from",
        always=True,
    ),
    Feature(
        "width", "int64", "pixels, of the original picture or tile before it was scaled for the shards", always=True
    ),
    Feature(
        "height", "int64", "pixels, of the original picture or tile before it was scaled for the shards", always=True
    ),
    Feature("category", "text", "benign, precancerous or malignant; or as own label maps declare", always=True),
    Feature("category_index", "int64", "its place in `labels` of index.json, from 0", always=True),
    Feature("subtype", "text", "one of the subtypes of the taxonomy"),
    Feature(
        "subtype_index", "int64", "row of the subtype in the taxonomy, from 0: its place in `labels` of index.json"
    ),
    Feature("split", "text", "train, validation or test", always=True),
    Feature("fold", "int64", "fold of the family, from 0, where the recipe has folds; none in the test set"),
    Feature("family", "text", "what must not be torn by a split: same picture, same lesion, same patient", always=True),
    Feature("lesion_id", "text", "lesion, as the source names it"),
    Feature("patient_id", "text", "patient, as the source names it"),
    Feature("age", "float", "years"),
    Feature("sex", "text", "female or male"),
    Feature("site", "text", "where on the body, harmonised"),
    Feature("modality", "text", "dermoscopic or clinical"),
    Feature("diagnosis_method", "text", "histopathology, confocal, follow_up, consensus or clinical"),
    Feature("tone_reported", "int64", "Fitzpatrick type 1-6 as the source reports it"),
    Feature("tone_ita_deg", "float", "degrees; individual typology angle estimated from the pixels"),
    Feature("tone_ita_class", "text", "class of that estimate"),
    *(
        Feature(name, "float", f"{_SEEN[name]}, from 0 to 1; from {least:g} it counts as there")
        for name, least in ARTEFACTS.items()
    ),
    Feature("license", "text", "SPDX id or LicenseRef-...", always=True),
    Feature("attribution", "text", "credit line that the licence asks for", always=True),
    Feature("source_label", "text", "the diagnosis, verbatim, in the source's own word"),
)

_SORTED = tuple(sorted(SCHEMA, key=lambda feature: feature.name))
_CRC_MASK = 0xA282EAD8


def encode(values: Mapping[str, Value]) -> bytes:
    """Return the serialized Example of one picture; every feature of `SCHEMA` is written, None as its unknown value.

    Raises KeyError where a feature is not in `values` at all, TypeError where a value is of another kind.
    """
    entries = [_delimited(1, _entry(feature, values[feature.name])) for feature in _SORTED]
    return _delimited(1, b"".join(entries))


def decode(data: bytes) -> dict[str, Value]:
    """Return what `encode` was given, by feature; numbers that are not whole are left out, unknown values stay as they
    were written.

    Raises ValueError, KeyError or IndexError for bytes that `encode` did not write.
    """
    kinds = {feature.name: feature.kind for feature in SCHEMA}
    values: dict[str, Value] = {}
    (features,) = _fields(data)
    for entry in _fields(features):
        name, feature = _fields(entry)
        (held,) = _fields(feature)
        (value,) = _fields(held)
        kind = kinds[name.decode()]
        if kind == "bytes":
            values[name.decode()] = value
        elif kind == "text":
            values[name.decode()] = value.decode()
        elif kind == "int64":
            number, _ = _read_varint(value, 0)
            values[name.decode()] = number - (number >> 63 << 64)
    return values


def _fields(data: bytes) -> list[bytes]:
    """Return the contents of the fields of a message, all of which have a length."""
    found, at = [], 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag & 7 != 2:
            raise ValueError(f"a field of wire type {tag & 7}")
        length, at = _read_varint(data, at)
        found.append(data[at : at + length])
        at += length
    return found


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def frame(data: bytes) -> bytes:
    """Return one TFRecord: length (uint64), its masked CRC-32C, the data, its masked CRC-32C; all little endian."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = int(google_crc32c.value(data))
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _CRC_MASK) & 0xFFFFFFFF)


def _entry(feature: Feature, value: Value) -> bytes:
    return _NAMES[feature.name] + _delimited(2, _feature(feature, value))


def _feature(feature: Feature, value: Value) -> bytes:
    if feature.kind == "bytes":
        if not isinstance(value, bytes):
            raise TypeError(f"{feature.name}: expected bytes, got {type(value).__name__}")
        return _delimited(1, _delimited(1, value))
    if feature.kind == "text":
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{feature.name}: expected text, got {type(value).__name__}")
        return _delimited(1, _delimited(1, (value or "").encode()))
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{feature.name}: expected a number, got {type(value).__name__}")
    if feature.kind == "float":
        return _delimited(2, _delimited(1, struct.pack("<f", float("nan") if value is None else value)))
    if isinstance(value, float):
        raise TypeError(f"{feature.name}: expected a whole number, got a float")
    return _delimited(3, _delimited(1, _varint(-1 if value is None else value)))


def _delimited(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    if 0 <= number < 0x80:  # nearly all of them: lengths of names and words
        return _SMALL[number]
    if not -(1 << 63) <= number < 1 << 63:
        raise TypeError(f"{number} does not fit into 64 bits")
    rest = number & 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


_SMALL = tuple(bytes([number]) for number in range(0x80))
_NAMES = {feature.name: _delimited(1, feature.name.encode()) for feature in SCHEMA}
