"""A training that is killed, at whatever moment, and typed again: it ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import drawn_shards
import numpy as np
import pytest

from curate.errors import TrainError
from curate.ml import unfinished

pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"), pytest.mark.tf]

EPOCHS, STEPS = 5, 6  # of `small_network.OPTIONS` on these shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps of eight pictures."""
    return drawn_shards.make(tmp_path_factory.mktemp("short") / "shards", {"train": 17, "validation": 4, "test": 4})


def _python(*words: str | Path) -> list[Any]:
    """Run Python with the tests in its path; return each line that it prints, read as JSON."""
    tests = Path(__file__).parent
    command = [sys.executable, *map(str, words)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(shards: Path, tmp_path: Path) -> None:
    script, one, other = Path(__file__).parent / "small_network.py", tmp_path / "one", tmp_path / "other"
    (((name, *notes), _),) = _python(script, shards, one, "never")
    assert not any("went on" in note for note in notes)
    # In the first epoch; in the second; while the third is written down; between two phases; at the very end.
    moments = {"step 3": 0, f"step {STEPS + 2}": 1, "write": 2, f"step {STEPS + 1}": 3, "run": EPOCHS}
    *killed, ((again, *notes), here) = _python(script, shards, other, *moments, "never")
    part = unfinished.folder_of(other / name).name
    for (ended, left), reached in zip(killed, moments.values(), strict=True):
        assert ended == -signal.SIGKILL
        whole = [path for path in left if re.fullmatch(rf"{re.escape(part)}/epoch-\d+\.npz", path)]
        assert whole[-1:] == [f"{part}/epoch-{reached:05d}.npz"][: reached > 0]
        assert name not in left
    assert again == name
    assert f"went on after epoch {EPOCHS} of {EPOCHS}, where it had been stopped" in notes
    assert not [path for path in here if path.startswith(".")]
    first, second = one / name, other / name
    for name in (
        "history.json",
        "metrics.json",
        "recipe.json",
        "card.json",
        "history.svg",
        "labels.txt",
        "model.keras",
        "files.json",
    ):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert len(json.loads((first / "history.json").read_text())["loss"]) == EPOCHS


def test_the_second_of_two_says_that_it_is_running(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "0123456789abcdef"
    script = (
        "import sys, time; from pathlib import Path; from curate.ml import unfinished\n"
        "with unfinished.held(Path(sys.argv[1])) as part:\n"
        "    (part / 'epoch-00001.npz').touch(); print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(run)], stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "held\n"
            with pytest.raises(TrainError, match="running already") as told, unfinished.held(run):
                pass
            assert f"process {first.pid} on" in str(told.value.found)
        finally:
            first.kill()
    with unfinished.held(run) as part:  # what was killed holds nothing
        assert {path.name for path in part.iterdir()} == {"epoch-00001.npz", "lock"}
        run.mkdir()
    assert [path.name for path in run.parent.iterdir()] == [run.name]


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    from curate.ml import checkpoints
    from curate.ml.backend import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    values = checkpoints.taken(network.variables)
    for epoch in (1, 2, 3):
        state = checkpoints.State(epoch, 1, 0.1 + epoch, history={"loss": [0.1] * epoch}, network=values)
        checkpoints.save(tmp_path, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-00002.npz", "epoch-00003.npz"]
    found, notes = checkpoints.newest(tmp_path, network)
    assert found is not None
    assert not notes
    assert (found.epoch, found.best, found.history) == (3, 3.1, {"loss": [0.1] * 3})
    assert all(np.array_equal(one, two) for one, two in zip(found.network, values, strict=True))
    path = tmp_path / "epoch-00003.npz"
    whole = path.read_bytes()
    for data in (b"", whole[:100], whole[: len(whole) // 2], whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]):
        path.write_bytes(data)
        found, notes = checkpoints.newest(tmp_path, network)
        assert found is not None
        assert found.epoch == 2
        assert [note.split(" (")[0] for note in notes] == ["the checkpoint epoch-00003.npz was removed: it is damaged"]
        assert not path.exists()
    found, notes = checkpoints.newest(tmp_path, keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)]))
    assert (found, notes) == (None, ["the checkpoint epoch-00002.npz was removed: it is of another network"])


def test_all_checkpoints_damaged_or_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused does not count as newer than what is written then."""
    from curate.ml import checkpoints
    from curate.ml.backend import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    values = checkpoints.taken(network.variables)
    for epoch in (4, 5):
        (tmp_path / f"epoch-{epoch:05d}.npz").write_bytes(b"rubbish")
    found, notes = checkpoints.newest(tmp_path, network)
    assert (found, len(notes)) == (None, 2)
    with monkeypatch.context() as then:
        then.setattr(checkpoints, "_MADE_WITH", {"tensorflow": "2.1"})
        checkpoints.save(tmp_path, checkpoints.State(1, network=values))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00001.npz"]
    found, notes = checkpoints.newest(tmp_path, network)
    assert (found, notes) == (None, ["the checkpoint epoch-00001.npz was removed: it was made with tensorflow 2.1"])


def test_a_state_that_cannot_be_written_or_does_not_fit(tmp_path: Path) -> None:
    from curate.ml import checkpoints, fitting
    from curate.ml.backend import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    network.compile(optimizer="adam", loss="mse")
    (tmp_path / "file").touch()
    for folder, done in ((tmp_path / "file" / "part", "no epoch was kept"), (tmp_path / "part", "epoch-00007.npz")):
        if "file" not in folder.parts:
            checkpoints.save(folder, checkpoints.State(7))
            (folder / f".epoch-00008.npz.tmp-{os.getpid()}").mkdir()  # in the way of what is to be written
        keeper = checkpoints.Keeper(folder, network, checkpoints.State(), phase=0, patience=5)
        keeper.set_model(network)
        with pytest.raises(TrainError, match="could not be written") as told:
            keeper.on_epoch_end(7, {"loss": 1.0})
        assert told.value.where == str(folder)
        assert done in str(told.value.done)
    with pytest.raises(TrainError, match="does not fit") as told:
        fitting._go_on(network.optimizer, checkpoints.State(optimizer=[np.zeros(3)]), tmp_path)
    assert told.value.hint.startswith(f"rm -r {tmp_path} && curate train")


def test_what_is_left_beside_a_run_that_is_done(tmp_path: Path) -> None:
    run = tmp_path / "0123456789abcdef"
    part = unfinished.folder_of(run)
    part.mkdir()
    (part / "epoch-00001.npz").touch()
    run.mkdir()
    unfinished.sweep(run)
    assert [path.name for path in tmp_path.iterdir()] == [run.name]


SPLIT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import small_network
from curate.ml import models, runs, training
from curate.ml.backend import devices, tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
options = replace(small_network.OPTIONS, epochs=1, head_epochs=0, balance="weights", mixed_precision="on")
run, _ = training.train(Path(sys.argv[1]), Path(sys.argv[2]), options)
dtypes = sorted({layer.compute_dtype for layer in models.load(run).layers})
history = json.loads((run / "history.json").read_text())
print(json.dumps([len(devices()), runs.read(run), dtypes, history]))
"""


def test_two_devices_in_half_precision(shards: Path, tmp_path: Path) -> None:
    ((devices, about, dtypes, history),) = _python("-c", SPLIT, shards, tmp_path)
    assert (devices, about["replicas"], about["mixed_precision"]) == (2, 2, "on")
    assert dtypes == ["float32"]  # what is handed on
    assert np.isfinite(history["val_loss"]).all()
    assert 0 < history["loss"][0] < 3
