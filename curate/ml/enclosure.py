"""What travels inside a `.tflite`: its labels and its card, for whoever has the file alone.

They are appended as a zip, which is where TensorFlow Lite keeps what belongs to a model; its runtimes read up to there.
`unzip -p model_int8.tflite card.json` shows the card, and so does anything that opens a zip. The warning stands in the
description of the model too, which viewers such as Netron show.
https://ai.google.dev/edge/litert/conversion/tensorflow/metadata
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curate import whole
from curate.errors import TrainError
from curate.ml.tflite import Interpreted

CARD, LABELS = "card.json", "labels.txt"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say: the same model, the same bytes


def enclose(path: Path, card: Mapping[str, Any]) -> None:
    """Put a form's card and its labels (`card["labels"]`) into a `.tflite`, and the card beside it as `<name>.json`.

    Raises TrainError where the file would not answer as it did.
    """
    before = path.read_bytes()
    after = _with_files(_described(before, _words(card)), card)
    plain = Interpreted(before)
    pixels = np.random.default_rng(1).integers(0, 256, (1, plain.side, plain.side, 3), dtype=np.uint8)
    if not np.array_equal(plain.answer(pixels), Interpreted(after).answer(pixels)):
        raise TrainError(
            "the model answers otherwise once it carries its card",
            where=str(path),
            expected="the same probabilities",
            done="the file stays without its card",
            hint="report the model and the version of ai-edge-litert",
        )
    whole.write_bytes(path, after)
    whole.write_text(path.with_suffix(".json"), _json(card))


def enclosed(path: Path) -> dict[str, Any]:
    """Return the card that a `.tflite` carries. Raises TrainError where it carries none."""
    try:
        with zipfile.ZipFile(path) as files:
            card: dict[str, Any] = json.loads(files.read(CARD))
            if not isinstance(card, dict):
                raise ValueError(type(card).__name__)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as none:
        raise TrainError(
            "the model carries no card",
            where=str(path),
            expected="what `curate quantize` wrote",
            found=str(none),
            hint="curate quantize RUN",
        ) from none
    return card


def _described(model: bytes, words: str) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    held = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    held.description = words
    builder = flatbuffers.Builder(len(model))
    builder.Finish(held.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _words(card: Mapping[str, Any]) -> str:
    return f"{card['model']}, {card['mode']}. Answers: {', '.join(card['labels'])}. {card['warning']}"


def _with_files(model: bytes, card: Mapping[str, Any]) -> bytes:
    data = io.BytesIO(model)
    with zipfile.ZipFile(data, "a") as files:
        for name, text in ((LABELS, "".join(f"{label}\n" for label in card["labels"])), (CARD, _json(card))):
            files.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
