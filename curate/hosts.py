"""What particular hosts ask of who downloads from them; each rule is of one host, with where it was learnt."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# Since January 2026 `figshare.com/ndownloader` answers programs with 202 and a challenge for browsers; the API's own
# path to the same file does not (neuromorphs/tonic pull request 337, scverse/cellrank pull request 1283).
_FIGSHARE = re.compile(r"/(?:ndownloader/)?files/(\d+)/?")


def address(url: str) -> str:
    """Return the address under which a host gives the file itself to a program.

    >>> address("https://www.dropbox.com/s/abc/x.zip?dl=0")
    'https://www.dropbox.com/s/abc/x.zip?dl=1'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"figshare.com", "www.figshare.com"} and (file := _FIGSHARE.fullmatch(parts.path)):
        return f"https://api.figshare.com/v2/file/download/{file[1]}"
    if host in {"dropbox.com", "www.dropbox.com"}:
        # Without `dl=1` a share is a web page.
        query = [(name, value) for name, value in parse_qsl(parts.query) if name != "dl"]
        return urlunsplit(parts._replace(query=urlencode([*query, ("dl", "1")])))
    return url
