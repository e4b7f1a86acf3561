"""Which files of any folder are called as pictures are, and what else lies there."""

from __future__ import annotations

import os
from pathlib import Path

from curate.errors import CurateError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm")


def pictures_in(folder: Path) -> tuple[list[Path], list[dict[str, str]]]:
    """Return the pictures under a folder, sorted, and what was passed over: "file" in the folder, and "reason".

    Raises CurateError where the folder cannot be read.
    """
    try:
        list(folder.iterdir())
    except OSError as refused:
        raise CurateError(
            "the folder cannot be read",
            where=str(folder),
            expected="a folder of pictures",
            found=refused.strerror or str(refused),
            hint="name a folder that is there and may be read",
        ) from refused
    paths: list[Path] = []
    skipped: dict[Path, str] = {}

    def refuse(error: OSError) -> None:
        skipped[Path(error.filename)] = f"a folder that cannot be read: {error.strerror}"

    for parent, folders, files in os.walk(folder, onerror=refuse):
        for path in (Path(parent, name) for name in folders):
            if path.is_symlink():
                skipped[path] = "a link to a folder, which is not followed"
        for path in (Path(parent, name) for name in files):
            if path.is_symlink() and not path.exists():
                skipped[path] = "a link to nothing"
            elif path.suffix.lower() not in SUFFIXES:
                skipped[path] = (
                    f"no picture by its ending {path.suffix!r}" if path.suffix else "a name without an ending"
                )
            elif not path.is_file():
                skipped[path] = "no file"
            else:
                paths.append(path)
    told = [{"file": path.relative_to(folder).as_posix(), "reason": skipped[path]} for path in sorted(skipped)]
    return sorted(paths), told
