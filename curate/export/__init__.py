"""Ways out of the corpus for those who train with other tools: one module a format, all from the same rows."""

from __future__ import annotations

FORMATS = ("tfrecord", "croissant", "parquet", "webdataset", "imagefolder", "splits")
"""Each is a module of this package with `NEEDS_PICTURES` and `write(chosen, folder)`."""
