"""What happens to files on their way: bytes flipped, cut short, mixed up, renamed, edited by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

from curate.files import Files

FIXTURES = Path(__file__).parents[1] / "fixtures"
_LABELS = re.compile(r".*\.(csv|txt|xlsx?|tab)|HAM10000_metadata")
WORDS = (
    "",
    " ",
    '"',
    ",",
    "\0",
    "\x1b",
    "\r",
    "\n",
    "\ud800",
    "||",
    "|",
    "é" * 50,
    "1",
    "0.0",
    "ISIC_0000003",
    "=1+1",
    "\x1a",
)


def others() -> dict[str, bytes]:
    """Return the label files of all fixtures, by name."""
    found = {}
    for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        files = Files.of_folder(folder)
        found |= {path.rpartition("/")[2]: files.read(path) for path in files if _LABELS.fullmatch(path.split("/")[-1])}
    return found


OTHERS = others()


def spoilt(files: Mapping[str, bytes], chance: Random) -> Iterator[dict[str, bytes]]:
    """Yield the files after each mishap in turn, now and then after two; label files suffer more often than others.

    A plain generator chooses where: drawn step by step, the same few places came again and again.
    """
    for mishap in MISHAPS:
        changed = dict(files)
        for happens in (mishap, chance.choice(MISHAPS))[: chance.choice((1, 1, 2))]:
            labels = [path for path in sorted(changed) if _LABELS.fullmatch(path.rpartition("/")[2])]
            paths = labels if labels and chance.random() < 0.9 else sorted(changed)
            if paths:
                happens(chance, changed, chance.choice(paths))
        yield changed


def _flip(chance: Random, files: dict[str, bytes], path: str) -> None:
    data = bytearray(files[path])
    for _ in range(chance.randint(1, 3)):
        if data:
            data[chance.randrange(len(data))] = chance.choice((chance.randrange(256), *b'\n\r,"|;\0'))
    files[path] = bytes(data)


def _cut(chance: Random, files: dict[str, bytes], path: str) -> None:
    files[path] = files[path][: chance.randint(0, len(files[path]))]


def _empty(chance: Random, files: dict[str, bytes], path: str) -> None:
    files[path] = chance.choice([b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1a", b"<html></html>", b" " * 99])


def _rows(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the rows of a text, and how they end."""
    parts = re.split(b"([\r\n]+)", data)
    return [row for row in parts[::2] if row], parts[1] if len(parts) > 1 else b"\n"


def _twice(chance: Random, files: dict[str, bytes], path: str) -> None:
    rows, end = _rows(files[path])
    rows += rows[1:] and [chance.choice(rows[1:])]
    files[path] = end.join(rows)


def _drop(chance: Random, files: dict[str, bytes], path: str) -> None:
    rows, end = _rows(files[path])
    files[path] = end.join(chance.sample(rows, max(0, len(rows) - 1)))


def _shuffle(chance: Random, files: dict[str, bytes], path: str) -> None:
    rows, end = _rows(files[path])
    files[path] = end.join(rows[:1] + chance.sample(rows[1:], len(rows[1:])))


def _again(chance: Random, files: dict[str, bytes], path: str) -> None:
    rows, end = _rows(files[path])
    files[path] = end.join(rows + rows)


def _cell(chance: Random, files: dict[str, bytes], path: str) -> None:
    parts = re.split(b"(,|\t|;|\r|\n|[|]+)", files[path])
    parts[chance.randrange(len(parts))] = chance.choice(WORDS).encode("utf-8", "surrogatepass")
    files[path] = b"".join(parts)


def _nibble(chance: Random, files: dict[str, bytes], path: str) -> None:
    """Take a few letters from the beginning or the end of a line."""
    parts = re.split(b"([\r\n]+)", files[path])
    place, count = 2 * chance.randint(0, len(parts) // 2), chance.randint(1, 3)
    parts[place] = parts[place][count:] if chance.random() < 0.5 else parts[place][:-count]
    files[path] = b"".join(parts)


def _quotes(chance: Random, files: dict[str, bytes], path: str) -> None:
    """Put a quote before a cell, and one behind the cell below it: two rows that look like one."""
    parts = re.split(b"([\r\n]+)", files[path])
    place = 2 * chance.randint(0, len(parts) // 2)
    if place + 2 < len(parts):
        above, below = parts[place].split(b","), parts[place + 2].split(b",")
        at = chance.randrange(min(len(above), len(below)))
        above[at], below[at] = b'"' + above[at], below[at] + b'"'
        parts[place], parts[place + 2] = b",".join(above), b",".join(below)
    files[path] = b"".join(parts)


def _other(chance: Random, files: dict[str, bytes], path: str) -> None:
    files[path] = OTHERS[chance.choice(sorted(OTHERS))]


def _rename(chance: Random, files: dict[str, bytes], path: str) -> None:
    name = path.rpartition("/")[2]
    news = [*sorted(OTHERS), f"{name}.bak", f"x{name}", name[1:] or "x", "1.jpg", "x.png", "L#12dx# .png"]
    files[path.removesuffix(name) + chance.choice(news)] = files.pop(path)


def _copy(chance: Random, files: dict[str, bytes], path: str) -> None:
    files[f"copies/{path.rpartition('/')[2]}"] = files[path]


MISHAPS: tuple[Callable[[Random, dict[str, bytes], str], None], ...] = (
    *(_flip, _cut, _empty, _twice, _drop, _shuffle, _again, _cell, _cell, _nibble, _quotes, _other, _rename, _copy),
)
