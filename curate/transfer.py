"""Addresses -> one verified file, resumable over breaks of the line and of the program; the only door to requests."""

from __future__ import annotations

import email.utils
import errno
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from curate import __version__, hostile, hosts
from curate.errors import FetchError
from curate.partial import Part, Wanted

# Dataverse and Zenodo refuse the agent of requests itself; any own one passes.
AGENT = f"curate/{__version__} (skin-lesion corpus builder)"
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 18
_NUMBER = re.compile(r"[0-9]{1,18}")  # as long as any that a header can mean
_LONGEST_WAIT = 300.0  # seconds; a host that asks for more is left for the next mirror
_UNREACHED_FOR = 8.0  # seconds after which a host that never answered is not tried again
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
    """How long to bear with a host: tries in a row without a new byte, seconds of backoff, timeouts in seconds.

    `unreached` is for a host that never answered in this call: tries until it is left for the next mirror.
    """

    tries: int = 6
    unreached: int = 3
    backoff: float = 1.0
    connect: float = 15.0
    read: float = 60.0


def fetch(
    urls: Sequence[str],
    part: Path,
    *,
    name: str | None = None,
    source: str = "SOURCE",
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    pin: tuple[str, str] | None = None,
    trusted: str | None = None,
    on_progress: Callable[[int], object] = lambda amount: None,
    on_total: Callable[[int], object] = lambda total: None,
    patience: Patience = Patience(),
    unreachable: set[str] | None = None,
) -> Transferred:
    """Download into `part` and verify; what an earlier call left in `part` is gone on with. The caller moves it away.

    The addresses are mirrors, tried in order. `size` (bytes), `sha256`, else `md5`, or any `pin` (name and value, as in
    `curate.checksums`) decide what is right; where there is none of these, a zip's members are checked, and `trusted`,
    the sha256 of the first download, must come again.
    `on_progress` is called with the bytes that came since (negative where a start from the beginning was needed),
    `on_total` with the size that a host tells.
    `source` stands in the message that says how to place the file by hand.
    `unreachable` is shared by the downloads of one call: hosts that one of them could not reach are tried only once.
    Raises FetchError: no address gave the file, another program is at it, or the disk is full.
    """
    name = name or part.name.removesuffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures: list[_MirrorError] = []
    shunned = set() if unreachable is None else unreachable
    pin = pin or (("sha256", sha256) if sha256 else ("md5", md5) if md5 else None)
    wanted = Wanted(name, size, pin, trusted)
    with Part(part, on_progress, pin[0] if pin else "sha256", on_total) as kept, requests.Session() as session:
        session.headers.update({"User-Agent": AGENT, "Accept-Encoding": "identity", "Accept": "*/*"})
        for url in urls:
            try:
                for attempt in (1, 2):
                    _complete(session, hosts.address(url), kept, wanted, patience, shunned)
                    wrong = wanted.differs(kept)
                    if wrong is None:
                        kept.forget()
                        return Transferred(part, kept.checksum(), kept.size, url)
                    whole = kept.from_one_answer
                    kept.restart()
                    if attempt == 2 or whole:
                        raise _MirrorError(wrong)
            except _MirrorError as refused:
                refused.url = url
                failures.append(refused)
    cut_off = bool(failures) and all(isinstance(failure, _UnreachedError) for failure in failures)
    network = "look whether this computer is on the network (behind a proxy: set HTTPS_PROXY), then " if cut_off else ""
    raise FetchError(
        f"{name} could not be downloaded" + (": no host that has it can be reached" if cut_off else ""),
        where=", ".join(urls) or "no address",
        expected=wanted.text(),
        # A host that cannot be reached has said nothing of the address: its name is enough.
        found="; ".join(str(f) if isinstance(f, _UnreachedError) else f"{f.url}: {f}" for f in failures)
        or "no address",
        done="what came so far is kept, and the next call goes on from there" if kept.size else None,
        hint=network + f"run the same command again, or place the file by hand: curate fetch {source} --from FOLDER",
    )


class _MirrorError(Exception):
    """This address will not do; the next may."""

    url = ""


class _UnreachedError(_MirrorError):
    """The host of this address never answered."""


def _complete(
    session: requests.Session, url: str, kept: Part, wanted: Wanted, patience: Patience, unreachable: set[str]
) -> None:
    """Ask until the last byte is here. Raises _MirrorError when this address refuses or patience ends."""
    idle, furthest = 0, kept.size
    missed, begun, host = 0, time.monotonic(), urlsplit(url).netloc
    reached = False
    while True:
        if kept.facts and kept.facts.get("total") == kept.size:
            return
        wait: float | None = None
        try:
            with _gate(url):
                wait = _ask(session, url, kept, wanted, patience)
            kept.flush()
            if wait is None:
                unreachable.discard(host)
                return
            reached, trouble = True, "the host is busy"
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError, OverflowError) as odd:
            # What a hostile or broken host writes into its headers must not stop the files of other hosts.
            raise _MirrorError(f"an answer that makes no sense ({hostile.shown(str(odd))})") from odd
        except (requests.RequestException, urllib3.exceptions.HTTPError) as broken:
            why = _unreached(broken)
            elsewhere = _asked(broken)
            if why is not None and elsewhere not in (None, host):
                raise _MirrorError(f"it sends us on to {elsewhere}, which cannot be reached: {why}") from broken
            reached = reached or why is None
            if why is not None and not reached:
                # A network that is away does not come back in seconds, and a name that is wrong never does.
                missed += 1
                late = time.monotonic() - begun > _UNREACHED_FOR
                if missed >= patience.unreached or late or host in unreachable:
                    unreachable.add(host)
                    raise _UnreachedError(f"{host} cannot be reached: {why}") from broken
                time.sleep(patience.backoff * 2.0 ** (missed - 1) * (0.5 + random.random()))
                continue
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


def _unreached(broken: Exception) -> str | None:
    """Return why no connection came about, None where one did and broke later."""
    if isinstance(broken, requests.ConnectTimeout):
        return "it does not answer"
    if isinstance(broken, requests.exceptions.ProxyError):
        return "the proxy does not let us through"
    if isinstance(broken, requests.exceptions.SSLError):
        return f"no secure connection ({broken})"
    reason = getattr(broken.args[0], "reason", None) if broken.args else None
    if not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return None
    cause = reason.__cause__
    if isinstance(cause, socket.gaierror):
        return f"its name cannot be resolved ({cause.strerror})"
    return (cause.strerror if isinstance(cause, OSError) else None) or str(reason)


def _asked(broken: Exception) -> str | None:
    """Return the host that was asked when the line broke: after a redirect it is another one."""
    request = getattr(broken, "request", None)
    return urlsplit(request.url).netloc if request is not None and request.url else None


def _ask(session: requests.Session, url: str, kept: Part, wanted: Wanted, patience: Patience) -> float | None:
    """Make one request; return None when the file is complete, else the seconds to wait (0: the usual backoff)."""
    headers = {}
    if kept.size and kept.resumable(url, decided=wanted.decided):
        headers["Range"] = f"bytes={kept.size}-"
        if kept.facts["url"] == url and (mark := kept.mark):
            headers["If-Range"] = mark
    with session.get(url, headers=headers, stream=True, timeout=(patience.connect, patience.read)) as answer:
        status = answer.status_code
        if status in _RETRIED:
            return _retry_after(answer)
        if status == 416 and headers:
            total = re.fullmatch(r"bytes \*/([0-9]{1,18})", answer.headers.get("Content-Range", ""))
            told = kept.facts.get("total")  # a host that contradicts itself is believed only where a hash decides
            if total and int(total[1]) == kept.size and (told in (None, kept.size) or wanted.decided):
                kept.facts["total"] = kept.size
                return None
            kept.restart()
            return 0.0
        _refuse(answer, wanted)
        if status == 206:
            if not kept.goes_on(url, answer.headers):
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
        try:
            kept.room()
        except FetchError as full:  # or the host lies about the size, and another does not
            raise _MirrorError(f"{full.what}: {full.expected} wanted, {full.found} free") from full
        for data in answer.raw.stream(_CHUNK, decode_content=False):
            kept.append(data)
            if wanted.size is not None and kept.size > wanted.size:  # a body without a length may never end
                kept.restart()
                raise _MirrorError(f"more than {wanted.size} bytes: changed upstream")
    total = kept.facts.get("total")
    if total is None or kept.size == total:
        kept.facts["total"] = kept.size
        return None
    if kept.size > total:
        kept.restart()
    return 0.0


def _refuse(answer: requests.Response, wanted: Wanted) -> None:
    if answer.status_code == 202:
        raise _MirrorError("the host answers 202 with nothing in it: it wants a browser")
    if answer.status_code not in (200, 206):
        raise _MirrorError(f"HTTP {answer.status_code} {hostile.shown(str(answer.reason))}")
    kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"} and not wanted.is_page:
        raise _MirrorError("a web page instead of the file")
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise _MirrorError(f"bytes encoded as {hostile.shown(encoding)} though none was asked for")
    if answer.status_code == 206 and "Range" not in answer.request.headers:
        raise _MirrorError("a part of the file though all was asked for")


def _fits(total: int | None, wanted: Wanted) -> None:
    if wanted.size is not None and total is not None and total != wanted.size:
        raise _MirrorError(f"{total} bytes instead of {wanted.size}: changed upstream")


def _length(answer: requests.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if _NUMBER.fullmatch(length) else None


def _retry_after(answer: requests.Response) -> float:
    value = answer.headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):  # not given, or no date that can be: the usual backoff
        return 0.0


def _disk(error: OSError, path: Path) -> FetchError:
    what = "the disk is full" if error.errno == errno.ENOSPC else "the download could not be written"
    return FetchError(what, where=str(path), found=str(error), hint="mend that, then run the same command again")


def _gate(url: str) -> threading.BoundedSemaphore:
    host = urlsplit(url).netloc
    with _gates_lock:
        return _gates.setdefault(host, threading.BoundedSemaphore(_CONNECTIONS))
