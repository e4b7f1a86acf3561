"""Places on object storage: the only door to fsspec and universal_pathlib."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from curate.errors import StorageError, UsageError
from curate.refusals import explained

# Only what shows an object when it is whole, and never before: `memory` is of one process, and for trying things out.
_NEEDS = {"s3": "s3fs", "gs": "gcsfs", "memory": "fsspec"}
_PIECE = 1 << 20  # bytes of a file that are read at a time
_LARGE_PIECE = 16 << 20  # the same of an object: each is a request
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_address(text: str) -> bool:
    """Tell whether a text is an address (`s3://bucket/prefix`), not a path."""
    return _ADDRESS.match(text) is not None


def place(text: str) -> Path:
    """Return the path that a text names: one of this machine (also `file://`), or one on object storage.

    The latter is a `upath.UPath`, which answers what a `Path` does; nothing is asked of the network yet. Raises
    UsageError for an address that cannot be meant, StorageError where what reads such addresses is not installed.
    """
    protocol, _, rest = text.partition("://")
    if not is_address(text):
        return Path(text)
    protocol = protocol.lower()
    if protocol == "file":
        return Path(rest)
    if protocol not in _NEEDS or not rest.strip("/"):
        raise UsageError(
            "curate reads and writes no such addresses" if protocol not in _NEEDS else "the address names no bucket",
            where=text,
            expected="a path, file:///path, s3://bucket/prefix or gs://bucket/prefix",
            hint="mend the address",
        )
    if importlib.util.find_spec(_NEEDS[protocol]) is None:
        raise StorageError(
            f"nothing is installed that reads {protocol}:// addresses",
            where=text,
            expected=f"the package {_NEEDS[protocol]}",
            hint="pip install 'curate[cloud]'",
        )
    from upath import UPath

    # What another machine put there a moment ago counts: no listing is remembered.
    options: dict[str, Any] = {} if protocol == "memory" else {"use_listings_cache": False}
    with reaching(text):
        made = UPath(f"{protocol}://{rest.rstrip('/')}", **options)
        _ = made.fs
    return cast(Path, made)


def is_remote(path: Path) -> bool:
    """Tell whether a path is one on object storage."""
    return bool(_protocol(path))


def is_there(path: Path) -> bool:
    """Tell whether there is an object of that name, or any below it. Raises StorageError."""
    fs, name = _of(path)
    with reaching(path):
        try:
            fs.info(name)
        except FileNotFoundError as error:
            if explained(error, str(path)):
                raise
            return False
    return True


def below(folder: Path) -> dict[str, int]:
    """Return what lies below a place on object storage, however deep: names from there, sorted, and bytes.

    Empty where there is nothing; one request for each thousand. Raises StorageError.
    """
    fs, base = _of(folder)
    with reaching(folder):
        found = fs.find(base, detail=True)
    start = base.rstrip("/") + "/"
    sizes = {
        name.removeprefix(start): int(facts["size"])
        for name, facts in found.items()
        if facts["type"] == "file" and name.startswith(start) and not name.endswith("/")
    }
    return dict(sorted(sizes.items()))


def size_of(path: Path) -> int:
    """Return the bytes of an object. Raises FileNotFoundError where there is none, StorageError."""
    fs, name = _of(path)
    with reaching(path):
        return int(fs.size(name))


def read(path: Path, start: int, end: int) -> bytes:
    """Return the bytes from `start` up to `end` (exclusive), or to the end of the object: one request.

    Raises FileNotFoundError where there is no such object, StorageError.
    """
    fs, name = _of(path)
    with reaching(path):
        try:
            return bytes(fs.cat_file(name, start=start, end=end))
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            if fs.size(name) <= start:  # a server refuses a range that begins behind the end
                return b""
            raise


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, wherever it lies, one piece after the other, each once; a small object in one request.

    Raises OSError as the system does; StorageError.
    """
    if not is_remote(path):
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
        return
    fs, name = _of(path)
    piece = read(path, 0, _LARGE_PIECE)
    yield piece
    if len(piece) == _LARGE_PIECE:
        with reaching(path):
            file = fs.open(name, "rb", cache_type="none")
        with file:
            file.seek(_LARGE_PIECE)
            while piece:
                with reaching(path):
                    piece = file.read(_LARGE_PIECE)
                yield piece


def put(source: Path | bytes, path: Path) -> None:
    """Put a file of this machine, or bytes, under that name, where it appears when it is whole. Raises StorageError."""
    fs, name = _of(path)
    with reaching(path):
        if isinstance(source, bytes):
            fs.pipe_file(name, source)
        else:
            fs.put_file(str(source), name)


def put_pieces(pieces: Iterable[bytes], path: Path) -> None:
    """Put what comes piece by piece under that name, where it appears when it is whole. Raises StorageError, and what
    the pieces raise.
    """
    fs, name = _of(path)
    with reaching(path):
        file = fs.open(name, "wb")
    try:
        for piece in pieces:
            with reaching(path):
                file.write(piece)
        with reaching(path):
            file.close()
    except BaseException:
        file.forced = True  # else the end of the file object would put what is there
        with suppress(Exception):  # a storage that refuses this too has said why already
            file.discard()
        raise


def move(path: Path, target: Path) -> None:
    """Give an object another name of the same bucket; its bytes do not come here. Raises StorageError."""
    fs, name = _of(path)
    with reaching(target):
        fs.cp_file(name, _of(target)[1])
        fs.rm_file(name)


def remove(path: Path) -> None:
    """Take an object away; one that is not there is no error. Raises StorageError."""
    fs, name = _of(path)
    with reaching(path):
        try:
            fs.rm_file(name)
        except FileNotFoundError:
            return


def removal(path: Path, *, all_below: bool = False) -> str:
    """Return what to type to take away a file, or all that is below a place."""
    if not is_remote(path):
        return f"rm {'-r ' if all_below else ''}{shlex.quote(str(path))}"
    command = "gcloud storage rm" if _protocol(path) == "gs" else "aws s3 rm"
    return f"{command} " + (f"--recursive {shlex.quote(f'{path}/')}" if all_below else shlex.quote(str(path)))


@contextmanager
def reaching(where: Path | str) -> Iterator[None]:
    """Raise StorageError where what runs inside fails because a storage is not reached, or refuses.

    A FileNotFoundError goes through, unless the whole bucket is not there.
    """
    try:
        yield
    except Exception as error:
        told = explained(error, str(where))
        if told is None:
            raise
        raise told from error


def _protocol(path: Path) -> str:
    return str(getattr(path, "protocol", ""))


def _of(path: Path) -> tuple[Any, str]:
    made: Any = path
    return made.fs, made.path
