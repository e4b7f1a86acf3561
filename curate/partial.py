"""A download as far as it came: the `.part` file with its hashes, its sidecar, and what the whole has to be."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curate import checksums
from curate.archive import members_of
from curate.checksums import Checksum
from curate.errors import FetchError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: two programs at one download are not kept apart there
    fcntl = None  # type: ignore[assignment]

_CHUNK = 1 << 18


class Part:
    """The `.part` file, its hashes as far as it goes, and the sidecar that says what it is a part of.

    A context: it holds the file open, and locked against other programs. `facts` are those of the sidecar: url, etag,
    last_modified, total (bytes, or None). `algorithm` names the checksum that is kept beside the sha256; `on_total` is
    called with the total whenever it becomes known.
    Entering raises FetchError where another program is at the file.
    """

    def __init__(
        self,
        path: Path,
        on_progress: Callable[[int], object],
        algorithm: str = "sha256",
        on_total: Callable[[int], object] = lambda total: None,
    ) -> None:
        self.path = path
        self.algorithm = algorithm
        self.on_total = on_total
        self.side = path.with_name(path.name + ".json")
        self.on_progress = on_progress
        self.from_one_answer = False
        self.facts: dict[str, Any] = {}
        self.size = 0
        self._hashes = self._empty()
        self._file: IO[bytes]

    def __enter__(self) -> Part:
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
            self._tell_total()
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

    def checksum(self, algorithm: str = "sha256") -> str:
        """Return the checksum of what is here: its sha256, or the other one that is kept."""
        return self._hashes[algorithm].hexdigest()

    @property
    def mark(self) -> str | None:
        """Return by what the host told this version of the file from others: a strong ETag, else the date."""
        etag = self.facts.get("etag")
        if etag and not etag.startswith("W/"):
            return str(etag)
        return self.facts.get("last_modified")

    def resumable(self, url: str, *, decided: bool) -> bool:
        """Tell whether the rest may be asked of an address; `decided`: a hash says in the end what is right."""
        # From another mirror only where a hash decides in the end: marks hold within one host alone.
        return bool(self.facts) and (decided or (self.facts["url"] == url and self.mark is not None))

    def goes_on(self, url: str, headers: Mapping[str, str]) -> bool:
        """Tell whether an answer 206 gives the bytes that come next of the file that was begun."""
        found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", headers.get("Content-Range", ""))
        if not found or int(found[1]) != self.size:
            return False
        total = self.facts.get("total")
        if found[2] != "*" and total is not None and int(found[2]) != total:
            return False
        if self.facts["url"] == url:
            for header, fact in (("ETag", "etag"), ("Last-Modified", "last_modified")):
                now, begun = headers.get(header), self.facts.get(fact)
                if now and begun and now != begun:
                    return False
        self.from_one_answer = False
        return True

    def begin(self, facts: dict[str, Any]) -> None:
        """Start from the first byte, as a part of what `facts` describe; the sidecar stands before the first byte."""
        self.restart()
        self.facts = facts
        self._tell_total()
        temporary = self.side.with_name(self.side.name + ".tmp")
        temporary.write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")
        temporary.replace(self.side)

    def restart(self) -> None:
        """Throw away what is here."""
        self.on_progress(-self.size)
        self._file.seek(0)
        self._file.truncate(0)
        self.side.unlink(missing_ok=True)
        self.facts, self.size, self.from_one_answer = {}, 0, False
        self._hashes = self._empty()

    def append(self, data: bytes) -> None:
        """Add the bytes that come next."""
        self._file.write(data)
        self._count(data)

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._file.flush()

    def head(self) -> bytes:
        """Return the first bytes of what is here."""
        self.flush()
        with self.path.open("rb") as file:
            return file.read(512)

    def forget(self) -> None:
        """Take the sidecar away: the file is whole and verified."""
        self.flush()
        self.side.unlink(missing_ok=True)

    def room(self) -> None:
        """Raise FetchError where the disk has no room for the rest."""
        total = self.facts.get("total")
        free = shutil.disk_usage(self.path.parent).free
        if total is not None and total - self.size > free:
            raise FetchError(
                "not enough room on the disk",
                where=str(self.path.parent),
                expected=f"{total - self.size} bytes",
                found=f"{free} bytes",
                hint="make room, then run the same command again",
            )

    def _tell_total(self) -> None:
        if (total := self.facts.get("total")) is not None:
            self.on_total(total)

    def _empty(self) -> dict[str, Checksum]:
        return {algorithm: checksums.new(algorithm) for algorithm in {"sha256", self.algorithm}}

    def _count(self, data: bytes) -> None:
        for hashed in self._hashes.values():
            hashed.update(data)
        self.size += len(data)
        self.on_progress(len(data))

    def _read_side(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.side.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # without it nobody knows what the part is of: it is begun anew
            return {}
        return facts if isinstance(facts, dict) and isinstance(facts.get("url"), str) else {}


@dataclass(frozen=True)
class Wanted:
    """What the finished file has to be: `pin` is a checksum's name and value as in `curate.checksums`, `trusted` the
    sha256 that an unpinned file had when it first came."""

    name: str
    size: int | None
    pin: tuple[str, str] | None
    trusted: str | None

    @property
    def decided(self) -> bool:
        """Tell whether a hash says in the end what is right."""
        return bool(self.pin or self.trusted)

    @property
    def is_page(self) -> bool:
        """Tell whether a web page is what is wanted."""
        return self.name.lower().endswith((".html", ".htm"))

    def text(self) -> str:
        """Return it in words."""
        facts = [f"{self.size} bytes" if self.size is not None else ""]
        if self.pin:
            facts.append(f"{_word(self.pin[0])} {self.pin[1]}")
        elif self.trusted:
            facts.append(f"sha256 {self.trusted}, trusted on first use")
        return ", ".join(filter(None, facts)) or "any whole file (unpinned)"

    def differs(self, kept: Part) -> str | None:
        """Return what is wrong with the finished file, None where nothing is."""
        if self.size is not None and kept.size != self.size:
            return f"{kept.size} bytes instead of {self.size}"
        if self.pin:
            algorithm, value = self.pin
            found = kept.checksum(algorithm)
            if found == value:
                return None
            return f"other bytes than the pinned ones ({_word(algorithm)} {found}): changed upstream, or damaged"
        if self.trusted:
            now = kept.checksum()
            return None if now == self.trusted else f"the file changed upstream (now sha256 {now})"
        if kept.size == 0:
            return "an empty file"
        if looks_like_a_page(kept.head()) and not self.is_page:
            return "a web page instead of the file"
        return _damage(kept.path) if self.name.lower().endswith(".zip") else None


def looks_like_a_page(head: bytes) -> bool:
    """Tell whether bytes begin as a web page does: what hosts give under any type where they have no such file."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype html", b"<html", b"<head", b"<script"))


def _word(algorithm: str) -> str:
    return "etag" if "/" in algorithm else algorithm


def part_size(part: Path) -> int:
    """Return how many bytes of a download are here already (0 where nothing can be gone on with)."""
    try:
        return os.stat(part).st_size if part.with_name(part.name + ".json").exists() else 0  # noqa: PTH116
    except OSError:
        return 0


def _damage(path: Path) -> str | None:
    """Return what is wrong with a zip that no hash vouches for: every member is read and its CRC compared."""
    try:
        members_of(path)  # what means harm is not unpacked to be checked
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except FetchError as refused:
        return f"no whole zip ({refused.what}: {refused.found})"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        return f"no whole zip ({error})"
    return None if bad is None else f"a zip whose member {bad} is damaged"
