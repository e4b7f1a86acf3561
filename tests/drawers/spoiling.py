"""What happens to files on their way: bytes flipped, cut short, mixed up, renamed, edited by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from curate.files import Files
from drawers.layout import Placed

FIXTURES = Path(__file__).parents[1] / "fixtures"
_LABELS = re.compile(r".*\.(csv|txt|xlsx?|tab)|HAM10000_metadata")
ANY = st.text(max_size=6) | st.sampled_from(['"', ",", "\0", "\x1b", "\r", "\ud800", "||", "|", "", " ", "é" * 50, "1"])


def others() -> dict[str, bytes]:
    """Return the label files of all fixtures, by name."""
    found = {}
    for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        files = Files.of_folder(folder)
        found |= {path.rpartition("/")[2]: files.read(path) for path in files if _LABELS.fullmatch(path.split("/")[-1])}
    return found


OTHERS = others()


@st.composite
def spoilt(draw: st.DrawFn, tree: Placed) -> dict[str, bytes]:
    """Draw what happens to one to three files of the tree, label files more often than others."""
    files = dict(tree.files)
    for _ in range(draw(st.integers(1, 3))):
        labels = [path for path in sorted(files) if _LABELS.fullmatch(path.rpartition("/")[2])]
        path = draw(st.sampled_from(labels or sorted(files) or [""]) | st.sampled_from(sorted(files) or [""]))
        if path:
            draw(st.sampled_from(HAPPENINGS))(draw, files, path)
    return files


def _flip(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    data = bytearray(files[path])
    for place in draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=3)) if data else []:
        data[place] = draw(st.integers(0, 255) | st.sampled_from(b'\n\r,"|;\0'))
    files[path] = bytes(data)


def _cut(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    files[path] = files[path][: draw(st.integers(0, len(files[path])))]


def _empty(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    files[path] = draw(
        st.sampled_from([b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1a", b"<html></html>", b" " * 99])
    )


def _lines(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    parts = re.split(b"(?<=\n)", files[path])
    place = draw(st.integers(0, len(parts) - 1))
    how = draw(st.sampled_from(["twice", "drop", "shuffle", "again"]))
    if how == "twice":
        parts.insert(place, parts[place])
    elif how == "drop":
        parts.pop(place)
    elif how == "shuffle":
        parts = draw(st.permutations(parts))
    else:
        parts += parts
    files[path] = b"".join(parts)


def _cell(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    parts = re.split(b"(,|\t|;|\r|\n|[|]+)", files[path])
    parts[draw(st.integers(0, len(parts) - 1))] = draw(ANY).encode("utf-8", "surrogatepass")
    files[path] = b"".join(parts)


def _other(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    files[path] = OTHERS[draw(st.sampled_from(sorted(OTHERS)))]


def _rename(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    name = path.rpartition("/")[2]
    new = draw(
        st.sampled_from([*sorted(OTHERS), f"{name}.bak", f"x{name}", name[1:] or "x", "1.jpg", "x.png", "L#12dx# .png"])
    )
    files[path.removesuffix(name) + new] = files.pop(path)


def _copy(draw: st.DrawFn, files: dict[str, bytes], path: str) -> None:
    files[f"copies/{path.rpartition('/')[2]}"] = files[path]


HAPPENINGS: tuple[Callable[[st.DrawFn, dict[str, bytes], str], None], ...] = (
    *(_flip, _cut, _empty, _lines, _lines, _cell, _cell, _other, _rename, _copy),
)
