"""What TensorBoard shows of a training: its figures after each epoch, in TensorBoard's own files.

Written with what TensorFlow itself brings: only who looks at them needs TensorBoard.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curate.ml.backend import keras, tf

_PLUGIN = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")


class Board(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes `epoch_loss`, `epoch_accuracy` and the learning rate below `folder`, in `train` and `validation`.

    A training that goes on adds files; an epoch that was cut and is done again says the same again.
    """

    def __init__(self, folder: Path) -> None:
        """Remember where; nothing is written yet."""
        super().__init__()
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the figures of an epoch, counted from 1."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        for name, value in {**(logs or {}), "learning_rate": rate}.items():
            split = "validation" if name.startswith("val_") else "train"
            if split not in self._writers:
                self._writers[split] = tf.summary.create_file_writer(str(self._folder / split))
            with self._writers[split].as_default():
                about = tf.compat.v1.SummaryMetadata(plugin_data=_PLUGIN)
                tag = f"epoch_{name.removeprefix('val_')}"
                tf.summary.write(tag, tf.constant(value, tf.float32), step=epoch + 1, metadata=about)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
