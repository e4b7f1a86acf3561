"""A real HTTP server on loopback that cuts off, lies, stalls and refuses as it is told to."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One path: its bytes, and how the server misbehaves for the first `times` requests (for ever where None)."""

    data: bytes
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = None
    cut: int | None = None  # bytes of each body after which the line breaks
    ranges: bool = True
    etag: str | None = '"one"'
    length: int | None = None  # what Content-Length says instead of the truth; 0: not said
    kind: str = "application/octet-stream"
    delay: float = 0.0
    then: Page | None = None  # what stands there after the first request


class Server:
    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.at_once = self.most_at_once = 0
        self.guard = threading.Lock()
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server_version = "Hostile/1"
    here: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def do_GET(self) -> None:
        here = self.here
        with here.guard:
            here.asked.append((self.path, dict(self.headers)))
            here.at_once += 1
            here.most_at_once = max(here.most_at_once, here.at_once)
            page = here.pages.get(self.path)
            if page is not None and page.then is not None:
                here.pages[self.path] = page.then
        if page is not None and page.delay:
            time.sleep(page.delay)
        with here.guard:  # before the answer: who has it may ask for the next before this line
            here.at_once -= 1
        self._give(page)

    def _give(self, page: Page | None) -> None:
        if page is None:
            self.send_error(404)
            return
        misbehave = page.times is None or page.times > 0
        if page.times is not None:
            page.times -= 1
        if page.status is not None and misbehave:
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in page.headers:
                self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and page.ranges and self.headers.get("If-Range", page.etag) == page.etag:
            start = int(asked[1])
            if start >= len(page.data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(page.data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(page.data) - 1}/{len(page.data)}")
        else:
            self.send_response(200)
        body = page.data[start:]
        self.send_header("Content-Type", page.kind)
        if page.length != 0:
            self.send_header("Content-Length", str(page.length if page.length is not None else len(body)))
        if page.etag:
            self.send_header("ETag", page.etag)
        self.end_headers()
        if page.cut is not None and misbehave:
            body = body[: page.cut]
        self.wfile.write(body)
        self.close_connection = True


@contextmanager
def serving() -> Iterator[Server]:
    here = Server()
    handler = type("Handler", (_Handler,), {"here": here})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        here.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield here
        finally:
            http.shutdown()
            thread.join()


def nobody() -> str:
    """A loopback host and port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"
