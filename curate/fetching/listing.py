"""What figshare lists of an article: its files, each with its size, its md5 and its address.

The article's page and its files may stand behind a challenge for browsers; the public API does not
(https://docs.figshare.com, GET /articles/{id}). The files of an article can change with its versions: a manifest names
the article, and what is listed on the day is what is downloaded, verified by the md5 that is listed with it.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from curate import hostile, transfer
from curate.archive import is_clutter
from curate.errors import FetchError
from curate.manifest import Manifest, RemoteFile

_LONGEST = 200  # bytes of a name: most systems take 255, and what is half here has a longer one


def listed(manifest: Manifest, folder: Path, unreachable: set[str], *, labels_only: bool) -> list[RemoteFile]:
    """Return the files of the article that are the source's, by name; `folder` is for the listing as it comes.

    `unreachable` is as in `transfer.fetch`. Raises FetchError where the listing cannot be had, is not in its form, or
    lists nothing of the source.
    """
    got = transfer.fetch(
        [manifest.listing],
        folder / "article.json.part",
        name="article.json",
        source=manifest.name,
        unreachable=unreachable,
    )
    fits = [glob for file in manifest.files if not labels_only or file.role == "labels" for glob in _names(file)]
    try:
        article = json.loads(got.path.read_text(encoding="utf-8"))
        found = list(_files(article["files"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as broken:
        raise FetchError(
            "the listing of the article is not in its form",
            where=manifest.listing,
            expected="JSON with files[].name, size, computed_md5, download_url",
            found=hostile.shown(f"{type(broken).__name__}: {broken}"),
        ) from broken
    finally:
        got.path.unlink()
    wanted = [file for file in found if any(fnmatch.fnmatchcase(file.name, glob) for glob in fits)]
    if not wanted:
        raise FetchError(
            "the article lists nothing of the source",
            where=manifest.listing,
            expected=", ".join(fits),
            found=", ".join(hostile.shown(file.name) for file in found[:10]) or "no files",
        )
    return sorted(wanted, key=lambda file: file.name)


def _names(file: RemoteFile) -> tuple[str, ...]:
    # The names of sheets hold no brackets, but the names of files may: only globs are read as globs.
    return (file.name.replace("[", "[[]"), *file.also_named, *file.members)


def _is_name(name: str) -> bool:
    """Tell whether a file can be called so: printable, of UTF-8, without a path, not hidden, not too long."""
    plain = PurePosixPath(name).name == name and "\\" not in name and not is_clutter(name)
    return plain and name.isprintable() and len(name.encode("utf-8", "replace")) <= _LONGEST


def _files(entries: list[dict[str, Any]]) -> Iterator[RemoteFile]:
    names: set[str] = set()
    for entry in entries:
        name, size = str(entry["name"]), entry["size"]
        if not _is_name(name) or name in names or entry.get("is_link_only"):
            continue
        names.add(name)
        md5 = str(entry.get("computed_md5") or entry.get("supplied_md5") or "")
        url = str(entry["download_url"])
        if not url.startswith(("http://", "https://")):
            continue
        urls = [url]
        if (urlsplit(url).hostname or "").endswith("figshare.com"):
            urls.append(f"https://api.figshare.com/v2/file/download/{int(entry['id'])}")
        yield RemoteFile(
            name, "pictures", urls=tuple(urls), bytes=int(size), md5=md5 if re.fullmatch("[0-9a-f]{32}", md5) else None
        )
