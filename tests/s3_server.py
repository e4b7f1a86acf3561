"""An S3-compatible server on loopback (moto), which keeps a list of what was asked, and can refuse as Amazon does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ASKED = "/-/asked"  # gives a line of each request
REFUSED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@dataclass
class S3:
    """The address of the server; `asked` is a line of each request; what `refuses` says yes to gets a 403. `folder`:
    where what it serves was taken from."""

    url: str
    asked: list[str] = field(default_factory=list)
    refuses: Callable[[str], bool] = lambda line: False
    folder: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to know to ask this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def files(self) -> Any:
        """Return a file system of its own, as somebody else would use it."""
        return fsspec.filesystem("s3", key="testing", secret="testing", endpoint_url=self.url, use_listings_cache=False)

    def upload(self, folder: Path, prefix: str) -> None:
        """Put all files of a folder below `bucket/prefix`; the bucket is made."""
        files = self.files()
        files.mkdir(prefix.partition("/")[0])
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            files.pipe_file(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def download(self, prefix: str) -> dict[str, bytes]:
        """Return what lies below `bucket/prefix`, by name from there."""
        files = self.files()
        return {name.removeprefix(f"{prefix}/"): files.cat_file(name) for name in files.find(prefix)}


@contextmanager
def s3_server() -> Iterator[S3]:
    """Serve an empty S3 on a free port of this machine."""
    moto = DomainDispatcherApplication(create_backend_app)
    s3 = S3("")

    def application(environment: dict[str, Any], respond: Callable[..., Any]) -> Any:
        asked = [environment["REQUEST_METHOD"], environment["PATH_INFO"], environment.get("HTTP_RANGE", "")]
        if environment["PATH_INFO"] == ASKED:
            respond("200 OK", [("Content-Type", "text/plain")])
            return ["\n".join(s3.asked).encode()]
        line = " ".join(filter(None, [*asked[:2], environment["QUERY_STRING"], asked[2]]))
        s3.asked.append(line)
        if s3.refuses(line):
            respond("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(REFUSED)))])
            return [REFUSED]
        return moto(environment, respond)

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Silent)
    s3.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":  # python tests/s3_server.py FOLDER: its files in the bucket `lesions`, until Ctrl-C
    import sys

    with s3_server() as served:
        served.upload(Path(sys.argv[1]), "lesions/sources")
        print(*(f"export {name}={value}" for name, value in served.environment.items()), sep="\n", flush=True)
        threading.Event().wait()
