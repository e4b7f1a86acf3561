"""Where the files of a drawn tree lie: in folders, in zips, in zips inside zips."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from curate.files import Files
from curate.records import Claim, Record, Sheet
from drawers.drawing import Tree

FOLDERS = ("", "a/", "deep er/down/", "a.zip/", "packed.zip/top/", "outer.zip/images/inner.zip/part_1/", "é/ü/")


@dataclass(frozen=True)
class Placed:
    """A tree laid out in folders and zips: bytes by path, and the claims with the paths of their pictures."""

    files: Mapping[str, bytes]
    claims: Sequence[Claim] = field(default=())


@st.composite
def placed(draw: st.DrawFn, trees: st.SearchStrategy[Tree]) -> Placed:
    """Draw where the files of a drawn tree lie."""
    tree = draw(trees)
    folders = draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=4))
    paths = {name: folders[at % len(folders)] + name for at, name in enumerate(sorted(tree.files))}
    claims = []
    for claim in tree.claims:
        if isinstance(claim, Record):
            claim = dataclasses.replace(claim, file=paths.get(claim.file or ""), mask=paths.get(claim.mask or ""))
        elif isinstance(claim, Sheet):
            claim = dataclasses.replace(claim, file=paths[claim.file])
        claims.append(claim)
    return Placed({paths[name]: data for name, data in tree.files.items()}, claims)


def write(folder: Path, files: Mapping[str, bytes], *, backwards: bool = False) -> Files:
    """Write the files, those of a zip packed, in this order or backwards, and return the view of them."""
    for name, data in _packed(dict(reversed(files.items())) if backwards else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Files.of_folder(folder)


def _packed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    plain: dict[str, bytes] = {}
    zips: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        head, mark, rest = path.partition(".zip/")
        if mark:
            zips.setdefault(f"{head}.zip", {})[rest] = data
        else:
            plain[path] = data
    for path, members in zips.items():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, data in _packed(members).items():
                archive.writestr(zipfile.ZipInfo(name), data)
        plain[path] = out.getvalue()
    return plain
