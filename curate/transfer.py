"""Addresses -> one verified file, resumable over breaks of the line and of the program; the only door to requests."""

from __future__ import annotations

import email.utils
import errno
import hashlib
import json
import os
import random
import re
import shutil
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import requests
import urllib3

from curate import __version__
from curate.errors import FetchError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: two programs at one download are not kept apart there
    fcntl = None  # type: ignore[assignment]

AGENT = f"curate/{__version__} (skin-lesion corpus builder)"
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 18
_LONGEST_WAIT = 300.0  # seconds; a host that asks for more is left for the next mirror
_CONNECTIONS = 4  # per host
_gates: dict[str, threading.BoundedSemaphore] = {}
_gates_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Transferred:
    """A verified file: where it lies, its sha256 and size in bytes, and the address that gave it."""

    path: Path
    sha256: str
    bytes: int
    url: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to bear with a host: tries in a row without a new byte, seconds of backoff, timeouts in seconds."""

    tries: int = 6
    backoff: float = 1.0
    connect: float = 15.0
    read: float = 60.0


def fetch(
    urls: Sequence[str],
    part: Path,
    *,
    name: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    trusted: str | None = None,
    on_progress: Callable[[int], object] = lambda amount: None,
    patience: Patience = Patience(),
) -> Transferred:
    """Download into `part` and verify; what an earlier call left in `part` is gone on with. The caller moves it away.

    The addresses are mirrors, tried in order. `size` (bytes), `sha256`, else `md5` decide what is right; where there is
    none of these two, a zip's members are checked, and `trusted`, the sha256 of the first download, must come again.
    `on_progress` is called with the bytes that came since (negative where a start from the beginning was needed).
    Raises FetchError: no address gave the file, another program is at it, or the disk is full.
    """
    name = name or part.name.removesuffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    wanted = _Wanted(name, size, sha256, md5, trusted)
    with _Part(part, on_progress) as kept, requests.Session() as session:
        session.headers.update({"User-Agent": AGENT, "Accept-Encoding": "identity", "Accept": "*/*"})
        for url in urls:
            try:
                for attempt in (1, 2):
                    _complete(session, url, kept, wanted, patience)
                    wrong = wanted.differs(kept)
                    if wrong is None:
                        kept.forget()
                        return Transferred(part, kept.sha256, kept.size, url)
                    whole = kept.from_one_answer
                    kept.restart()
                    if attempt == 2 or whole:
                        raise _MirrorError(wrong)
            except _MirrorError as refused:
                failures.append(f"{url}: {refused}")
    raise FetchError(
        f"{name} could not be downloaded",
        where=", ".join(urls) or "no address",
        expected=wanted.text(),
        found="; ".join(failures) or "no address",
        done="what came so far is kept, and the next call goes on from there" if kept.size else None,
        hint="run the same command again, or place the file by hand: curate fetch SOURCE --from FOLDER",
    )


class _MirrorError(Exception):
    """This address will not do; the next may."""


@dataclass(frozen=True)
class _Wanted:
    name: str
    size: int | None
    sha256: str | None
    md5: str | None
    trusted: str | None

    @property
    def decided(self) -> bool:
        return bool(self.sha256 or self.md5 or self.trusted)

    def text(self) -> str:
        facts = [f"{self.size} bytes" if self.size is not None else "", f"sha256 {self.sha256}" if self.sha256 else ""]
        if not self.sha256 and self.md5:
            facts.append(f"md5 {self.md5}")
        if not (self.sha256 or self.md5) and self.trusted:
            facts.append(f"sha256 {self.trusted}, trusted on first use")
        return ", ".join(filter(None, facts)) or "any whole file (unpinned)"

    def differs(self, kept: _Part) -> str | None:
        """Return what is wrong with the finished file, None where nothing is."""
        if self.size is not None and kept.size != self.size:
            return f"{kept.size} bytes instead of {self.size}"
        if self.sha256 or self.md5:
            same = kept.sha256 == self.sha256 if self.sha256 else kept.md5 == self.md5
            found = f"sha256 {kept.sha256}" if self.sha256 else f"md5 {kept.md5}"
            return None if same else f"other bytes than the pinned ones ({found}): changed upstream, or damaged"
        if self.trusted:
            return None if kept.sha256 == self.trusted else f"the file changed upstream (now sha256 {kept.sha256})"
        if kept.size == 0:
            return "an empty file"
        return _damage(kept.path) if self.name.lower().endswith(".zip") else None


class _Part:
    """The `.part` file, its hashes as far as it goes, and the sidecar that says what it is a part of."""

    def __init__(self, path: Path, on_progress: Callable[[int], object]) -> None:
        self.path = path
        self.side = path.with_name(path.name + ".json")
        self.on_progress = on_progress
        self.from_one_answer = False
        self.facts: dict[str, Any] = {}
        self.size = 0
        self._hashes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))
        self._file: IO[bytes]

    def __enter__(self) -> _Part:
        self._file = self.path.open("ab+")
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._file.close()
                raise FetchError(
                    "another program is downloading this file", where=str(self.path), hint="wait until it has ended"
                ) from error
        self.facts = self._read_side()
        if self.facts:
            self._file.seek(0)
            while chunk := self._file.read(_CHUNK):
                self._count(chunk)
        else:
            self._file.truncate(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)
            self.side.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        return self._hashes[0].hexdigest()

    @property
    def md5(self) -> str:
        return self._hashes[1].hexdigest()

    def begin(self, facts: dict[str, Any]) -> None:
        """Start from the first byte, as a part of what `facts` describe; the sidecar stands before the first byte."""
        self.restart()
        self.facts = facts
        temporary = self.side.with_name(self.side.name + ".tmp")
        temporary.write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")
        temporary.replace(self.side)

    def restart(self) -> None:
        self.on_progress(-self.size)
        self._file.seek(0)
        self._file.truncate(0)
        self.side.unlink(missing_ok=True)
        self.facts, self.size, self.from_one_answer = {}, 0, False
        self._hashes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self._count(data)

    def flush(self) -> None:
        self._file.flush()

    def forget(self) -> None:
        self.flush()
        self.side.unlink(missing_ok=True)

    def _count(self, data: bytes) -> None:
        for hashed in self._hashes:
            hashed.update(data)
        self.size += len(data)
        self.on_progress(len(data))

    def _read_side(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.side.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # without it nobody knows what the part is of: it is begun anew
            return {}
        return facts if isinstance(facts, dict) and isinstance(facts.get("url"), str) else {}


def _complete(session: requests.Session, url: str, kept: _Part, wanted: _Wanted, patience: Patience) -> None:
    """Ask until the last byte is here. Raises _MirrorError when this address refuses or patience ends."""
    idle, furthest = 0, kept.size
    while True:
        if kept.facts and kept.facts.get("total") == kept.size:
            return
        wait: float | None = None
        try:
            with _gate(url):
                wait = _ask(session, url, kept, wanted, patience)
            kept.flush()
            if wait is None:
                return
            trouble = "the host is busy"
        except (requests.RequestException, urllib3.exceptions.HTTPError) as broken:
            trouble = f"the line broke ({type(broken).__name__})"
        except OSError as error:
            raise _disk(error, kept.path) from error
        idle = 0 if kept.size > furthest else idle + 1
        furthest = max(furthest, kept.size)
        if idle >= patience.tries:
            raise _MirrorError(f"{trouble}, {idle} times in a row without a new byte")
        pause = patience.backoff * min(60.0, 2.0**idle) * (0.5 + random.random())
        if wait and wait > _LONGEST_WAIT:
            raise _MirrorError(f"the host asks to come back in {wait:.0f} seconds")
        time.sleep(wait if wait else pause)


def _ask(session: requests.Session, url: str, kept: _Part, wanted: _Wanted, patience: Patience) -> float | None:
    """Make one request; return None when the file is complete, else the seconds to wait (0: the usual backoff)."""
    headers = {}
    if kept.size and _resumable(url, kept, wanted):
        headers["Range"] = f"bytes={kept.size}-"
        if kept.facts["url"] == url and (mark := _mark(kept.facts)):
            headers["If-Range"] = mark
    with session.get(url, headers=headers, stream=True, timeout=(patience.connect, patience.read)) as answer:
        status = answer.status_code
        if status in _RETRIED:
            return _retry_after(answer)
        if status == 416 and headers:
            total = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
            told = kept.facts.get("total")  # a host that contradicts itself is believed only where a hash decides
            if total and int(total[1]) == kept.size and (told in (None, kept.size) or wanted.decided):
                kept.facts["total"] = kept.size
                return None
            kept.restart()
            return 0.0
        _refuse(answer, wanted)
        if status == 206:
            if not _goes_on(answer, kept, url):
                kept.restart()
                return 0.0
        else:
            total_now = _length(answer)
            _fits(total_now, wanted)
            kept.begin(
                {
                    "url": url,
                    "etag": answer.headers.get("ETag"),
                    "last_modified": answer.headers.get("Last-Modified"),
                    "total": total_now,
                }
            )
            kept.from_one_answer = True
        _space(kept)
        for data in answer.raw.stream(_CHUNK, decode_content=False):
            kept.append(data)
    total = kept.facts.get("total")
    if total is None or kept.size == total:
        kept.facts["total"] = kept.size
        return None
    if kept.size > total:
        kept.restart()
    return 0.0


def _resumable(url: str, kept: _Part, wanted: _Wanted) -> bool:
    # From another mirror only where a hash decides in the end: marks hold within one host alone.
    return bool(kept.facts) and (wanted.decided or (kept.facts["url"] == url and _mark(kept.facts) is not None))


def _mark(facts: dict[str, Any]) -> str | None:
    etag = facts.get("etag")
    if etag and not etag.startswith("W/"):
        return str(etag)
    return facts.get("last_modified")


def _goes_on(answer: requests.Response, kept: _Part, url: str) -> bool:
    """Tell whether a 206 gives the bytes that come next of the file that was begun."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not found or int(found[1]) != kept.size:
        return False
    total = kept.facts.get("total")
    if found[2] != "*" and total is not None and int(found[2]) != total:
        return False
    if kept.facts["url"] == url:
        for header, fact in (("ETag", "etag"), ("Last-Modified", "last_modified")):
            now, begun = answer.headers.get(header), kept.facts.get(fact)
            if now and begun and now != begun:
                return False
    kept.from_one_answer = False
    return True


def _refuse(answer: requests.Response, wanted: _Wanted) -> None:
    if answer.status_code == 202:
        raise _MirrorError("the host answers 202 with nothing in it: it wants a browser")
    if answer.status_code not in (200, 206):
        raise _MirrorError(f"HTTP {answer.status_code} {answer.reason}")
    kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"} and not wanted.name.lower().endswith((".html", ".htm")):
        raise _MirrorError("a web page instead of the file")
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise _MirrorError(f"bytes encoded as {encoding} though none was asked for")
    if answer.status_code == 206 and "Range" not in answer.request.headers:
        raise _MirrorError("a part of the file though all was asked for")


def _fits(total: int | None, wanted: _Wanted) -> None:
    if wanted.size is not None and total is not None and total != wanted.size:
        raise _MirrorError(f"{total} bytes instead of {wanted.size}: changed upstream")


def _length(answer: requests.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _retry_after(answer: requests.Response) -> float:
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:  # not given, or no date: the usual backoff
        return 0.0


def _space(kept: _Part) -> None:
    total = kept.facts.get("total")
    free = shutil.disk_usage(kept.path.parent).free
    if total is not None and total - kept.size > free:
        raise FetchError(
            "not enough room on the disk",
            where=str(kept.path.parent),
            expected=f"{total - kept.size} bytes",
            found=f"{free} bytes",
            hint="make room, then run the same command again",
        )


def _disk(error: OSError, path: Path) -> FetchError:
    what = "the disk is full" if error.errno == errno.ENOSPC else "the download could not be written"
    return FetchError(what, where=str(path), found=str(error), hint="mend that, then run the same command again")


def _damage(path: Path) -> str | None:
    """Return what is wrong with a zip that no hash vouches for: every member is read and its CRC compared."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        return f"no whole zip ({error})"
    return None if bad is None else f"a zip whose member {bad} is damaged"


def _gate(url: str) -> threading.BoundedSemaphore:
    host = urlsplit(url).netloc
    with _gates_lock:
        return _gates.setdefault(host, threading.BoundedSemaphore(_CONNECTIONS))


def part_size(part: Path) -> int:
    """Return how many bytes of a download are here already (0 where nothing can be gone on with)."""
    try:
        return os.stat(part).st_size if part.with_name(part.name + ".json").exists() else 0  # noqa: PTH116
    except OSError:
        return 0
