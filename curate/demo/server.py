"""A real HTTP server on loopback for the demo's files, with byte ranges and strong ETags like the real hosts."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

_BLOCK = 1 << 18


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the files below `folder` on 127.0.0.1 while the block runs; yields the base address, ending in no slash.

    GET and HEAD; one byte range a request, with If-Range; 404 for what is not there, 416 for a range beyond the end.
    """
    root = folder.resolve()
    handler = type("_Bound", (_Handler,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: ClassVar[Path]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Say nothing: progress is told by who fetches."""

    def _answer(self, *, body: bool) -> None:
        path = (self.root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        if not path.is_relative_to(self.root) or not path.is_file():
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        size = path.stat().st_size
        etag = f'"{hashlib.md5(f"{path.name}/{size}/{path.stat().st_mtime_ns}".encode()).hexdigest()}"'
        span = self._span(size, etag)
        if span is None:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ("Content-Range", f"bytes */{size}"))
            return
        start, end = span
        part = (start, end) != (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
        if part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Type", "text/csv" if path.suffix in (".csv", ".txt") else "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", etag)
        self.end_headers()
        if body:
            self._send(path, start, end)

    def _send(self, path: Path, start: int, end: int) -> None:
        with path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left and (block := file.read(min(_BLOCK, left))):
                try:
                    self.wfile.write(block)
                except (BrokenPipeError, ConnectionResetError):
                    # Whoever asked has gone away, which is their right; there is nobody left to tell.
                    self.close_connection = True
                    return
                left -= len(block)

    def _span(self, size: int, etag: str) -> tuple[int, int] | None:
        """Return the bytes asked for as [start, end); the whole file where no range is meant; None beyond the end."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or self.headers.get("If-Range", etag) != etag or not any(asked.groups()):
            return 0, size
        first, last = asked.groups()
        if not first:
            return max(0, size - int(last)), size
        start, end = int(first), min(int(last) + 1, size) if last else size
        return (start, end) if start < end else None

    def _refuse(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()
