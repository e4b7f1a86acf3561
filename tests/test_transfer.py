"""Downloads against a hostile server: the right bytes, or an error that says why; a real server, nothing mocked."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hostile_server import Page, Server, nobody, serving

from curate.errors import FetchError
from curate.hosts import address
from curate.partial import part_size
from curate.store import digest
from curate.transfer import AGENT, Patience, Transferred, fetch

DATA = random.Random(1).randbytes(100_000)
SHA = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()
QUICK = Patience(tries=3, backoff=0.001, connect=2, read=0.5)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as here:
        yield here


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "incoming" / "file.bin.part"


def got(server: Server, part: Path, *paths: str, **known: Any) -> Transferred:
    return fetch([server.url(path) for path in paths or ("/f",)], part, patience=QUICK, **known)


def refused(server: Server, part: Path, *paths: str, **known: Any) -> str:
    with pytest.raises(FetchError) as caught:
        got(server, part, *paths, **known)
    return str(caught.value)


@pytest.mark.parametrize("known", [{"sha256": SHA}, {"md5": MD5}, {"size": len(DATA), "sha256": SHA, "md5": MD5}, {}])
def test_a_whole_file(server: Server, part: Path, known: dict[str, Any]) -> None:
    server.pages["/f"] = Page(DATA)
    seen: list[int] = []
    assert got(server, part, on_progress=seen.append, **known) == Transferred(part, SHA, len(DATA), server.url("/f"))
    assert part.read_bytes() == DATA
    assert sum(seen) == len(DATA)
    assert [path.name for path in part.parent.iterdir()] == [part.name]
    headers = server.asked[0][1]
    assert headers["User-Agent"] == AGENT
    assert headers["Accept-Encoding"] == "identity"


def test_a_line_that_breaks_is_gone_on_with(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=30_000)
    assert got(server, part, sha256=SHA).sha256 == SHA
    assert server.ranges() == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]
    assert server.asked[1][1]["If-Range"] == '"one"'


def test_a_server_that_ignores_range_is_begun_anew(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=30_000, times=2, ranges=False)
    assert got(server, part, sha256=SHA).sha256 == SHA
    assert part.read_bytes() == DATA


def test_a_server_that_always_cuts_and_ignores_range_ends_in_an_error(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=30_000, ranges=False)
    assert "without a new byte" in refused(server, part, sha256=SHA)
    assert len(server.asked) <= 5


@pytest.mark.parametrize("known", [{"sha256": hashlib.sha256(DATA[::-1]).hexdigest()}, {}])
def test_a_file_that_changes_between_two_ranges_is_never_mixed(
    server: Server, part: Path, known: dict[str, Any]
) -> None:
    server.pages["/f"] = Page(DATA, cut=30_000, then=Page(DATA[::-1], etag='"two"'))
    got(server, part, **known)
    assert part.read_bytes() == DATA[::-1]


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_change_that_the_server_hides_is_found_by_the_hash(server: Server, part: Path, etag: str | None) -> None:
    other = DATA[::-1]
    server.pages["/f"] = Page(DATA, cut=30_000, etag=etag, then=Page(other, etag=etag))
    assert got(server, part, sha256=hashlib.sha256(other).hexdigest()).bytes == len(other)
    assert part.read_bytes() == other


def test_without_a_mark_or_a_hash_nothing_is_gone_on_with(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=30_000, times=1, etag=None)
    assert got(server, part).sha256 == SHA
    assert server.ranges() == [None, None]


def test_retry_after_is_honoured(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, status=503, headers={"Retry-After": "1"}, times=1)
    begun = time.monotonic()
    got(server, part, sha256=SHA)
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_host_is_asked_again_and_then_left(server: Server, part: Path, status: int) -> None:
    server.pages["/f"] = Page(DATA, status=status, times=2)
    assert got(server, part, sha256=SHA).sha256 == SHA
    server.pages["/f"] = Page(DATA, status=status)
    assert "busy" in refused(server, part, sha256=SHA)


def test_a_host_that_asks_for_hours_is_left_at_once(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, status=503, headers={"Retry-After": "7200"})
    assert "come back in 7200 seconds" in refused(server, part, sha256=SHA)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(b"", status=202, headers={"x-amzn-waf-action": "challenge"}), "202"),
        (Page(b"", status=204), "HTTP 204"),
        (Page(b"", status=403), "HTTP 403"),
        (Page(b"", status=416), "HTTP 416"),
        (Page(b"<html>log in</html>", kind="text/html; charset=utf-8"), "a web page instead"),
        (Page(b""), "empty"),
        (Page(b"", status=206, headers={"Content-Range": "bytes 5-9/10"}), "a part of the file"),
        (Page(b"", status=200, headers={"Content-Encoding": "gzip"}), "encoded as gzip"),
    ],
)
def test_what_is_no_file_is_refused_and_the_mirror_asked(server: Server, part: Path, page: Page, why: str) -> None:
    server.pages["/f"] = page
    message = refused(server, part)
    assert why in message
    assert server.url("/f") in message
    assert not list(part.parent.iterdir())
    server.pages["/mirror"] = Page(DATA)
    assert got(server, part, "/f", "/mirror", sha256=SHA).url == server.url("/mirror")


@pytest.mark.parametrize("start", [b"<!DOCTYPE html>", b"\xef\xbb\xbf \n<html lang=en>", b"<head><title>Sign in"])
def test_a_web_page_under_another_type_is_seen_by_its_bytes(server: Server, part: Path, start: bytes) -> None:
    server.pages["/f"] = Page(start + b"<body>please sign in</body>", kind="application/octet-stream")
    assert "a web page instead of the file" in refused(server, part)
    server.pages["/good"] = Page(b"image,label\n")
    assert got(server, part, "/f", "/good").url == server.url("/good")


@pytest.mark.parametrize("size", [999, 1000, 1001, 25_000, 100_000])
def test_the_hash_of_a_file_sent_in_parts_pins_it(server: Server, part: Path, size: int) -> None:
    server.pages["/f"] = Page(DATA[:size], cut=7_000)
    parts = [DATA[start : min(start + 1000, size)] for start in range(0, size, 1000)]
    etag = hashlib.md5(b"".join(hashlib.md5(each).digest() for each in parts)).hexdigest() + f"-{len(parts)}"
    assert got(server, part, pin=("md5/1000", etag)).bytes == size
    assert digest(part, "md5/1000") == (etag, size)
    part.unlink()
    said = refused(server, part, pin=("md5/998", etag))
    assert f"etag {etag}" in said
    assert "changed upstream, or damaged" in said


def test_the_size_that_a_host_tells_is_told_before_the_bytes_come(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=60_000)
    told: list[tuple[str, int]] = []
    got(
        server,
        part,
        sha256=SHA,
        on_total=lambda total: told.append(("of", total)),
        on_progress=lambda amount: told.append(("now", amount)),
    )
    assert told[1] == ("of", len(DATA)), told[:3]
    assert sum(amount for word, amount in told if word == "now") == len(DATA)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (503, {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}),
        (503, {"Retry-After": "9" * 5000}),
        (200, {"Content-Length": "9" * 5000}),
        (302, {"Location": "http://[::1/x"}),
        (302, {"Location": "file:///etc/passwd"}),
        (302, {"Location": "http://no-such-host.invalid/x"}),
        (404, {}),
    ],
)
def test_headers_that_cannot_be_meant_leave_the_host_for_the_next(
    server: Server, part: Path, status: int, headers: dict[str, str]
) -> None:
    server.pages["/odd"] = Page(b"", status=status, headers=headers)
    server.pages["/f"] = Page(DATA)
    assert got(server, part, "/odd", "/f", sha256=SHA).url == server.url("/f")
    part.unlink()
    said = refused(server, part, "/odd", sha256=SHA)
    assert server.url("/odd") in said or str(server.port) in said


def test_a_redirect_that_leads_nowhere_does_not_blame_who_sent_it(server: Server, part: Path) -> None:
    server.pages["/odd"] = Page(b"", status=302, headers={"Location": "http://no-such-host.invalid/x"})
    shunned: set[str] = set()
    said = refused(server, part, "/odd", unreachable=shunned)
    assert "it sends us on to no-such-host.invalid, which cannot be reached: its name cannot be resolved" in said
    assert "on the network" not in said
    assert not shunned


def test_a_host_that_lies_about_the_size_is_left_for_the_next(server: Server, part: Path) -> None:
    server.pages["/huge"] = Page(DATA, length=10**17)
    server.pages["/f"] = Page(DATA)
    assert got(server, part, "/huge", "/f").bytes == len(DATA)
    part.unlink()
    assert "not enough room" in refused(server, part, "/huge")


def test_a_body_that_goes_on_and_on_is_left(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA * 100, length=0)
    said = refused(server, part, size=len(DATA), sha256=SHA)
    assert f"more than {len(DATA)} bytes" in said
    assert not part.exists()


def test_a_range_that_cannot_be_satisfied_begins_anew(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=60_000, then=Page(b"", status=500))
    refused(server, part, sha256=SHA)
    assert part_size(part) == 60_000
    server.pages["/f"] = Page(DATA[:50_000], etag=None)
    assert got(server, part, sha256=hashlib.sha256(DATA[:50_000]).hexdigest()).bytes == 50_000
    assert "bytes=60000-" in server.ranges()


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://figshare.com/ndownloader/files/9328573", "https://api.figshare.com/v2/file/download/9328573"),
        ("https://www.figshare.com/files/9328573/", "https://api.figshare.com/v2/file/download/9328573"),
        ("https://ndownloader.figshare.com/files/9328573", "https://ndownloader.figshare.com/files/9328573"),
        ("https://www.dropbox.com/s/k88/PH2.rar", "https://www.dropbox.com/s/k88/PH2.rar?dl=1"),
        ("https://www.dropbox.com/scl/x.rar?rlkey=6&dl=0", "https://www.dropbox.com/scl/x.rar?rlkey=6&dl=1"),
        ("https://dataverse.harvard.edu/api/access/datafile/1?format=original",) * 2,
        ("http://127.0.0.1/figshare.com/ndownloader/files/1",) * 2,
    ],
)
def test_hosts_are_asked_as_they_want_to_be_asked(given: str, asked: str) -> None:
    assert address(given) == asked


def test_other_bytes_than_the_pinned_ones(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA[::-1])
    message = refused(server, part, sha256=SHA)
    assert "changed upstream" in message
    assert SHA in message
    assert "md5" in refused(server, part, md5=MD5)
    assert "99999 bytes" in refused(server, part, size=99_999)
    assert not list(part.parent.iterdir())
    server.pages["/mirror"] = Page(DATA)
    assert got(server, part, "/f", "/mirror", sha256=SHA).url == server.url("/mirror")


def test_an_unpinned_file_that_changed_since_its_first_use(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA)
    assert got(server, part, trusted=SHA).sha256 == SHA
    assert "changed upstream" in refused(server, part, trusted="0" * 64)


def test_another_mirror_goes_on_where_the_first_broke(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=60_000, then=Page(DATA, status=404))
    server.pages["/mirror"] = Page(DATA, etag='"other mark"')
    assert got(server, part, "/f", "/mirror", sha256=SHA, size=len(DATA)).url == server.url("/mirror")
    assert server.ranges() == [None, "bytes=60000-", "bytes=60000-"]
    assert "If-Range" not in server.asked[2][1]


def test_lengths_that_lie(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, length=200_000)
    assert "without a new byte" in refused(server, part)
    server.pages["/f"] = Page(DATA, length=50_000)
    assert "other bytes" in refused(server, part, sha256=SHA)
    server.pages["/f"] = Page(DATA, length=0)
    assert got(server, part, sha256=SHA).sha256 == SHA


def test_a_server_that_stalls(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, delay=2.0)
    assert "the line broke" in refused(server, part, sha256=SHA)


def test_a_host_that_cannot_be_reached_is_left_sooner_than_a_busy_one(part: Path) -> None:
    first, second = nobody(), nobody()
    shared: set[str] = set()
    with pytest.raises(FetchError, match="no host that has it can be reached") as caught:
        fetch([f"http://{first}/f", f"http://{second}/f"], part, patience=QUICK, unreachable=shared)
    message = str(caught.value)
    assert "file.bin" in message
    assert f"{first} cannot be reached: Connection refused" in message
    assert f"{second} cannot be reached" in message
    assert "on the network" in message
    assert "--from FOLDER" in message
    assert shared == {first, second}
    assert not list(part.parent.iterdir())
    begun = time.monotonic()
    with pytest.raises(FetchError):  # known to be away: no second try, and so no pause
        fetch([f"http://{first}/f"], part, patience=Patience(backoff=300.0), unreachable=shared)
    assert time.monotonic() - begun < 100


def test_a_name_that_nobody_knows(part: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(FetchError, match=r"nowhere\.invalid cannot be reached: its name cannot be resolved"):
        fetch(["http://nowhere.invalid/f"], part, patience=QUICK)
    assert time.monotonic() - begun < 20


def test_the_mirror_is_asked_where_the_first_host_cannot_be_reached(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA)
    shared: set[str] = set()
    away = nobody()
    got = fetch([f"http://{away}/f", server.url("/f")], part, sha256=SHA, patience=QUICK, unreachable=shared)
    assert (got.url, shared) == (server.url("/f"), {away})


def test_a_host_that_answered_once_is_borne_with(part: Path) -> None:
    patient = Patience(tries=6, unreached=1, backoff=0.01, connect=2, read=0.5)
    with ExitStack() as stack:
        server = stack.enter_context(serving())
        server.pages["/f"] = Page(DATA, cut=30_000)
        with pytest.raises(FetchError, match="6 times in a row without a new byte"):
            fetch([server.url("/f")], part, sha256=SHA, patience=patient, on_progress=lambda _: stack.close())
    assert part_size(part) > 0


def test_a_range_survives_a_redirect_to_another_host(server: Server, part: Path) -> None:
    server.pages["/signed"] = Page(DATA, cut=40_000)
    server.pages["/f"] = Page(b"", status=302, headers={"Location": server.url("/signed", "localhost")})
    assert got(server, part, sha256=SHA).url == server.url("/f")
    assert [path for path, _ in server.asked] == ["/f", "/signed"] * 3
    assert server.ranges()[-1] == "bytes=80000-"


def test_an_unpinned_zip_is_read_whole(server: Server, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.jpg", b"0123456789")
    good, part = buffer.getvalue(), tmp_path / "a.zip.part"
    server.pages["/f"] = Page(good)
    assert got(server, part).bytes == len(good)
    part.unlink()
    server.pages["/f"] = Page(good.replace(b"0123456789", b"0123456780"))
    assert "damaged" in refused(server, part)
    server.pages["/f"] = Page(good[:-30])
    assert "no whole zip" in refused(server, part)


def test_a_part_that_is_whole_already_is_only_verified(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=60_000, then=Page(DATA, status=404))
    refused(server, part, sha256=SHA)
    assert part_size(part) == 60_000
    part.write_bytes(DATA)
    assert got(server, part, sha256=SHA).sha256 == SHA
    assert len(server.asked) == 2


def test_a_part_without_its_sidecar_does_not_count(server: Server, part: Path) -> None:
    part.parent.mkdir()
    part.write_bytes(b"junk of unknown origin")
    assert part_size(part) == 0
    server.pages["/f"] = Page(DATA)
    assert got(server, part).sha256 == SHA


def test_a_part_that_somebody_damaged_is_begun_anew(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, cut=60_000, then=Page(DATA, status=404))
    refused(server, part, sha256=SHA)
    part.write_bytes(bytes(60_000))
    server.pages["/f"] = Page(DATA)
    assert got(server, part, sha256=SHA).sha256 == SHA
    assert server.ranges()[-2:] == ["bytes=60000-", None]


def test_two_programs_at_one_file(server: Server, part: Path) -> None:
    server.pages["/f"] = Page(DATA, delay=0.4)
    code = f"import pathlib, curate.transfer as t; t.fetch([{server.url('/f')!r}], pathlib.Path({str(part)!r}))"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        while not part.exists():
            time.sleep(0.005)
        assert "another program" in refused(server, part)
        assert other.wait() == 0
    assert part.read_bytes() == DATA


def test_killed_at_random_points_fifty_times(server: Server, part: Path) -> None:
    draw = random.Random(7)
    data = draw.randbytes(3_000_000)
    server.pages["/f"] = Page(data)
    sha256 = hashlib.sha256(data).hexdigest()
    code = f"""
import sys
from pathlib import Path
import curate.transfer as transfer
transfer._CHUNK = 1 << 12
print("go", flush=True)
transfer.fetch([{server.url("/f")!r}], Path({str(part)!r}), sha256={sha256!r}, on_progress=lambda n: print(flush=True))
"""
    killed = 0
    while killed < 50:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(draw.random() * 0.03)
            os.kill(child.pid, signal.SIGKILL)
            child.stdout.close()
            if child.wait() < 0:
                killed += 1
            else:  # it was faster: the file has to be right, and is begun anew
                assert part.read_bytes() == data
                part.unlink()
    assert got(server, part, sha256=sha256).sha256 == sha256
    assert part.read_bytes() == data
