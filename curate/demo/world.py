"""A small world of all ten sources with drawn lesions, in each source's true file layout, with the right answers."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from curate import manifest as manifests_
from curate.demo import asan, isic_files, pad_ufes_20, ph2, severance, truth
from curate.demo.truth import Planted, Twins
from curate.errors import ManifestError
from curate.manifest import Manifest, RemoteFile

Size = Literal["tiny", "small", "demo"]

_DRAWN = "Drawn demo in the form of: "  # no card, report or credit may take drawn lesions for the real pictures

# The demo's own names for two files: a workbook that can be written, an archive that can be written.
STANDS_FOR = {"SeveranceA.xlsx": "SeveranceA.xls", "PH2Dataset.zip": "PH2Dataset.rar"}


@dataclass(frozen=True)
class World:
    """The demo's files under `folder/served/<source>/<file>`, and the truth about every record in them."""

    folder: Path
    seed: int
    size: Size
    records: tuple[Planted, ...]
    expected: Mapping[str, Mapping[str, int]]

    @property
    def served(self) -> Path:
        """The folder to serve: `with serve(world.served) as base: ...`."""
        return self.folder / "served"

    @property
    def manifests(self) -> Path:
        """The folder of the demo's own manifests, once `write_manifests` was called."""
        return self.folder / "manifests"

    @cached_property
    def by_id(self) -> dict[str, Planted]:
        """Every record by its id."""
        return {record.id: record for record in self.records}

    @cached_property
    def twins(self) -> tuple[Twins, ...]:
        """The groups of copies among the records that nothing else leaves out; one of each group is kept."""
        return truth.twins(self.records)

    @cached_property
    def families(self) -> dict[str, str]:
        """The family of each record by id: joined by copies, lesion and patient."""
        return truth.families(self.records)

    @property
    def left_out(self) -> Counter[str]:
        """How many records must be left out, by reason."""
        return truth.left_out(self.records)

    @property
    def kept(self) -> int:
        """How many records must be in the corpus."""
        return len(self.records) - self.left_out.total()

    def write_manifests(self, base_url: str, packaged: Mapping[str, Manifest]) -> Path:
        """Write `folder/manifests/<source>.toml` and return that folder.

        What people wrote about a source stays as in `packaged`, its title marked as drawn; addresses (below
        `base_url`), sizes, hashes and expected counts are the demo's own, and every source is open. Raises
        ManifestError where a packaged manifest lacks a source or a file that the demo has.
        """
        self.manifests.mkdir(parents=True, exist_ok=True)
        for source in sorted(self.expected):
            if source not in packaged:
                raise ManifestError("the demo has a source without a manifest", where=source)
            files = tuple(
                self._remote(base_url, packaged[source], path) for path in sorted((self.served / source).iterdir())
            )
            names = {file.name for file in files}
            files = tuple(
                dataclasses.replace(file, provides=tuple(name for name in file.provides if name in names))
                for file in files
            )
            own = dataclasses.replace(
                packaged[source],
                title=f"{_DRAWN}{packaged[source].title.removeprefix(_DRAWN)}",
                access="open",
                instructions="",
                listing="",
                needs_acceptance=False,
                expected=dict(self.expected[source]),
                files=files,
            )
            (self.manifests / f"{source}.toml").write_text(manifests_.dump(own), encoding="utf-8")
        return self.manifests

    def _remote(self, base_url: str, packaged: Manifest, path: Path) -> RemoteFile:
        known = packaged.file(path.name) or packaged.file(STANDS_FOR.get(path.name, path.name))
        if known is None:
            raise ManifestError(
                "the demo has a file that the manifest does not name", where=f"{packaged.name} {path.name}"
            )
        data = path.read_bytes()
        return dataclasses.replace(
            known,
            name=path.name,
            urls=(f"{base_url}/{packaged.name}/{quote(path.name)}",),
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            md5=None,
            etag=None,
            etag_part=None,
            bytes_about=None,
            optional=False,
            also_named=(),
        )


def make(folder: Path, *, seed: int = 1, size: Size = "demo") -> World:
    """Write the world's files below `folder` and return the world; the same seed and size give the same bytes.

    "demo" has about 1,750 records (enough of each category to train on), "small" about 640, "tiny" about 470; each
    holds every trap. Files of an earlier world of that folder are replaced.
    """
    records: list[Planted] = []
    expected: dict[str, Mapping[str, int]] = {}
    for part in (make_part(seed, size) for make_part in _PARTS):
        for source, files in part.files.items():
            home = folder / "served" / source
            home.mkdir(parents=True, exist_ok=True)
            for name, data in files.items():
                (home / name).write_bytes(data)
        records += part.records
        expected.update(part.expected)
    return World(folder, seed, size, tuple(records), expected)


_PARTS = (isic_files.make, asan.make, severance.make, ph2.make, pad_ufes_20.make)
