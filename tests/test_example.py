"""The hand-written Example and TFRecord frame: pinned bytes, the words of the errors, and TensorFlow's own reading."""

from __future__ import annotations

import hashlib
import math
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.ml.example import SCHEMA, Value, decode, encode, frame

UNKNOWN: dict[str, Value] = {feature.name: b"" if feature.kind == "bytes" else None for feature in SCHEMA}


def test_bytes_are_pinned() -> None:
    """Whoever changes these bytes changes every shard that anyone has hashed: raise shards.FORMAT with it."""
    values = UNKNOWN | {"id": "ph2:IMD003", "image": b"\xff\xd8pixels", "age": 61.5, "category_index": 2, "width": 765}
    assert hashlib.sha256(frame(encode(values))).hexdigest() == (
        "164a619ce350cdae5e9c7d019b85121432c0135de63666ccd75008fcb495b0ed"
    )


def test_names_are_unique_and_described() -> None:
    names = [feature.name for feature in SCHEMA]
    assert len(set(names)) == len(names)
    assert all(feature.meaning for feature in SCHEMA)


def test_order_of_the_values_does_not_matter() -> None:
    assert encode(UNKNOWN) == encode(dict(reversed(UNKNOWN.items())))


@pytest.mark.parametrize(
    ("name", "value"),
    [("image", "text"), ("id", 3), ("width", 1.5), ("width", "3"), ("width", True), ("age", "61"), ("width", 1 << 63)],
)
def test_wrong_kind_is_refused(name: str, value: Value) -> None:
    with pytest.raises(TypeError):
        encode(UNKNOWN | {name: value})


def test_missing_feature_is_refused() -> None:
    with pytest.raises(KeyError):
        encode({"id": "ph2:IMD003"})


def test_frame_has_length_and_checksums() -> None:
    # The CRC-32C of nothing is 0, masked 0xa282ead8: https://www.tensorflow.org/tutorials/load_data/tfrecord
    assert frame(b"")[-4:] == struct.pack("<I", 0xA282EAD8)
    assert struct.unpack("<Q", frame(b"abc")[:8]) == (3,)


def test_writing_does_not_load_tensorflow() -> None:
    code = (
        "import sys, curate.ml.example, curate.ml.shards, curate.ml.credits, curate.ml.runs, curate.ml.card, "
        "curate.stages.shard, curate.stages.train, curate.stages.quantize, curate.stages.evaluate, "
        "curate.stages.predict; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _value(kind: str) -> st.SearchStrategy[Value]:
    if kind == "bytes":
        return st.binary(max_size=300)
    if kind == "text":
        return st.none() | st.text(max_size=200)
    if kind == "float":
        return st.none() | st.floats(width=32, allow_nan=False)
    return st.none() | st.integers(-(1 << 63), (1 << 63) - 1)


_VALUES = st.fixed_dictionaries({feature.name: _value(feature.kind) for feature in SCHEMA})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=_VALUES)
def test_what_was_written_is_read_without_tensorflow(values: dict[str, Value]) -> None:
    unknown = {"text": "", "int64": -1}
    read = {feature.name: unknown.get(feature.kind) for feature in SCHEMA if feature.kind != "float"}
    read |= {name: value for name, value in values.items() if name in read and value is not None}
    assert decode(encode(values)) == read


@pytest.mark.tf
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=_VALUES)
def test_tensorflow_reads_what_was_written(values: dict[str, Value]) -> None:
    from curate.ml.backend import tf
    from curate.ml.dataset import parse

    data = encode(values)
    parsed = parse(tf.constant(data))
    message = tf.train.Example.FromString(data)
    assert set(message.features.feature) == {feature.name for feature in SCHEMA}
    again = tf.train.Example.FromString(message.SerializeToString())
    assert again == message or any(value is None for value in values.values())  # NaN is not equal to itself
    for feature in SCHEMA:
        given_, found = values[feature.name], parsed[feature.name].numpy()
        if feature.kind == "bytes":
            assert found == given_
        elif feature.kind == "text":
            assert found.decode() == (given_ or "")
        elif feature.kind == "int64":
            assert found == (-1 if given_ is None else given_)
        elif given_ is None:
            assert math.isnan(found)
        else:
            assert found == given_


@pytest.mark.tf
def test_tf_data_accepts_the_frames_and_sees_a_flipped_bit(tmp_path: Path) -> None:
    from curate.ml.backend import tf

    records = [b"", b"a", bytes(range(256)) * 50]
    path = tmp_path / "records"
    path.write_bytes(b"".join(map(frame, records)))
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records
    broken = bytearray(path.read_bytes())
    broken[-20] ^= 1
    path.write_bytes(broken)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
