"""An opened root: its paths, its recipe, its manifests and label maps, its store and its database."""

from __future__ import annotations

import importlib.util
import shlex
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate import freshness, storage, whole
from curate import lock as lock_
from curate import manifest as manifests_
from curate.adoption import holds_files
from curate.bucket import Bucket
from curate.db import Database, ask
from curate.errors import CorpusError, ManifestError, UsageError
from curate.files import Files, Location
from curate.labelmaps import OPTIONAL, known_files
from curate.lock import LockedSource
from curate.manifest import Manifest
from curate.recipe import Recipe
from curate.report import Progress, silent
from curate.store import Store
from curate.tree import listing
from curate.turn import NAME, Turn
from curate.workers import Processes, Workers, chosen

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 90.0  # seconds that a stage waits for who reads the database; a query has 60 unless it is given more


class Workspace:
    """A folder in which a corpus is built.

    `root` holds what a person decided (`curate.toml`, `corpus.lock.json`, `decisions.csv`, own manifests and label maps
    in `manifests/` and `label_maps/`) or placed (`placed/<source>/`); `root/data_cache` holds what can be made again.

    >>> Workspace(".").ask("select count(*) as pictures from corpus").to_pylist()  # doctest: +SKIP
    [{'pictures': 1354}]
    """

    def __init__(
        self,
        root: Path | str = ".",
        *,
        workers: Workers | int | None = None,
        progress: Progress = silent,
        label_maps: Path | None = None,
        wait: Callable[[str], object] | None = None,
    ) -> None:
        """Open a root; nothing is read yet. `label_maps`: a folder of maps to go before those of this root.

        `workers`: who does the work on pictures; so many processes of this machine, one for each processor, or others.
        `wait` hears, in a sentence, for which other curate it waits before it writes; without it, it is refused.
        Raises UsageError for an address: a root lies on a disk of this machine.
        """
        if storage.is_address(str(root)) or storage.is_remote(Path(root) if isinstance(root, str) else root):
            raise no_root(str(root))
        self.workers = chosen(workers)
        # Others may stand in another folder, where a relative path would lead elsewhere.
        self.root = Path(root) if isinstance(self.workers, Processes) else Path(root).absolute()
        self.given_maps = label_maps
        self.progress = progress
        self.cache = self.root / "data_cache"
        self.lock_path = self.root / "corpus.lock.json"
        self.decisions_path = self.root / "decisions.csv"
        self.database_path = self.cache / "corpus.duckdb"
        self.turn = Turn(self.cache / NAME, wait)
        self._is_sound = False

    @cached_property
    def store(self) -> Store:
        """The objects of this root: in `data_cache/objects`, or where `[storage] objects` of the recipe says.

        Raises UsageError for an address that cannot be meant, StorageError where what reads it is not installed.
        """
        address = self.recipe.storage.objects
        if not address:
            return Store(self.cache / "objects")
        folder = storage.place(address)
        if not storage.is_remote(folder):
            raise UsageError(
                "objects lie in data_cache/objects, or on object storage",
                where=f"{self.root / 'curate.toml'} [storage] objects",
                expected="an address such as s3://bucket/objects",
                found=address,
                hint="mend it, or take the line out for the default",
            )
        return Bucket(folder)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of this root: `curate.toml`, or the defaults."""
        return Recipe.read(self.root / "curate.toml")

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """The manifests by source name, in alphabetical order: those of this root beside those that ship with curate,
        and before them where both have a name; all of them, or those that the recipe names.

        Raises ManifestError for one that cannot be meant, UsageError where the recipe names a source that has none.
        """
        known = {}
        for path in self.facts("manifests", "*.toml").values():
            manifest = manifests_.read(path)
            known_parser = manifest.parser.isidentifier()  # with a dot in it, the search itself would fail
            if not known_parser or importlib.util.find_spec(f"curate.sources.{manifest.parser}") is None:
                raise ManifestError(
                    f"there is no parser {manifest.parser!r}",
                    where=f"{path}: parser",
                    expected=f'"{manifests_.OWN}" for pictures of your own, or the name of a source that ships',
                    hint="mend that line of the manifest",
                )
            known[path.stem] = manifest
        chosen = self.recipe.corpus.sources or tuple(known)
        for name in chosen:
            if name not in known:
                raise UsageError(
                    f"there is no source {name!r}",
                    where=f"{self.root / 'curate.toml'} [corpus] sources",
                    expected=", ".join(known),
                    hint=f"mend the name, or write its manifest: {self.root / 'manifests' / name}.toml",
                )
        return {name: known[name] for name in known if name in chosen}

    @cached_property
    def label_maps(self) -> dict[str, Path]:
        """The taxonomy and the maps by file name: those of this root go before those that ship with curate, and those
        of a given folder before both.

        Raises UsageError where the given folder holds no map, or a file that is none.
        """
        return dict(sorted((self.facts("label_maps", "*.csv") | self._given()).items()))

    def own_maps(self) -> list[str]:
        """Return the names of the label maps that say otherwise than what ships with curate, sorted; the map of a
        source that does not ship says nothing otherwise.
        """
        ours = {path.name: path for path in shipped("label_maps").glob("*.csv")}
        return [
            name
            for name, path in self.label_maps.items()
            if name in OPTIONAL or (name in ours and path.read_bytes() != ours[name].read_bytes())
        ]

    def keep_maps(self) -> list[Path]:
        """Copy the given folder's maps into this root, each file whole or not at all; return those written."""
        kept = []
        for name, path in self._given().items():
            kept.append(self.root / "label_maps" / name)
            if path.resolve() != kept[-1].resolve():
                whole.write_bytes(kept[-1], path.read_bytes())
        return kept

    def _given(self) -> dict[str, Path]:
        if self.given_maps is None:
            return {}
        found = {path.name: path for path in sorted(self.given_maps.glob("*.csv"))}
        sources = {Path(name).stem for name in self.facts("manifests", "*.toml")}
        known = known_files([path.name for path in shipped("label_maps").glob("*.csv")], sorted(sources))
        strange = [name for name in found if name not in known]
        if strange or not found:
            raise UsageError(
                f"{strange[0]} is none of the label maps" if strange else "there is no label map in this folder",
                where=str(self.given_maps),
                expected=", ".join(sorted(known)),
                found=", ".join(found) or "no file that ends in .csv",
                done="nothing was changed",
                hint="mend the name; docs/label-maps.md says what each file is",
            )
        return found

    def facts(self, folder: str, glob: str, *, own: Path | None = None) -> dict[str, Path]:
        """Return the files of a folder by name, sorted: what ships with curate, each of them in this root instead of it
        where it is there too, and what is in this root alone; `own`: in that folder rather than in this root.

        Raises CorpusError where nothing ships.
        """
        found = {path.name: path for path in shipped(folder).glob(glob)}
        found |= {path.name: path for path in (own or self.root / folder).glob(glob)}
        return dict(sorted(found.items()))

    def placed(self, source: str) -> Path:
        """Return the folder into which a person puts files of a source, and into which `fetch` looks by itself."""
        return self.root / "placed" / source

    def folder(self, name: str) -> Path:
        """Return the folder that the lock names: below the root, anywhere else, or on object storage."""
        return storage.place(name) if storage.is_address(name) else self.root / name

    def sources(self, names: Sequence[str] = ()) -> list[str]:
        """Return the named sources, each once, in alphabetical order; all of them where none is named.

        Raises UsageError for a name that has no manifest.
        """
        for name in names:
            if name not in self.manifests:
                raise UsageError(
                    f"there is no source {name!r}", expected=", ".join(self.manifests), hint="curate sources"
                )
        return sorted(set(names)) or list(self.manifests)

    def tree_path(self, source: str) -> Path:
        """Return the path of the listing of a source's tree, which `fetch` writes."""
        return self.cache / "incoming" / f"{source}.json"

    def tree(self, source: str) -> dict[str, Any] | None:
        """Return the listing of a source's tree as `fetch` wrote it, None where nothing was fetched.

        Raises FetchError for one that is damaged.
        """
        return listing(self.tree_path(source), source)

    def files(self, source: str) -> Files | None:
        """Return the read-only view of a source's tree, None where nothing was fetched. Raises FetchError as `tree`."""
        given = self.tree(source)
        if given is None:
            return None
        locations = {path: Location.parse(text) for path, text in given["files"].items()}
        return Files(locations, self.store.path)

    def locked(self) -> dict[str, LockedSource]:
        """Return what `corpus.lock.json` says of each source: its files, where they came from, what was accepted."""
        return lock_.read(self.lock_path)

    def lock(self) -> lock_.Lock:
        """Return all that `corpus.lock.json` says: of each source, and of the corpus that was built of them."""
        return lock_.load(self.lock_path)

    def remembered(self) -> list[str]:
        """Return the sources of which something is, was or is placed here, sorted, also where `data_cache` is gone.

        One whose fetch gave nothing is not among them.
        """
        locked = {source for source, entry in self.locked().items() if not entry.empty}
        return [
            source
            for source in self.manifests
            if source in locked or self.tree_path(source).exists() or holds_files(self.placed(source))
        ]

    def ask(self, query: str) -> pa.Table:
        """Return the answer to an auditor's query: read-only, bounded, see `curate.db.ask`.

        Warns where the tables are of two times, as `sql` does: see `caution`.

        >>> Workspace("corpus").ask("from class_balance").to_pandas()  # doctest: +SKIP
        """
        said = self.caution()
        if said is not None:
            warnings.warn(said, stacklevel=2)
        return ask(self.database_path, query)

    def caution(self) -> str | None:
        """Return what has to be said to who asks the tables as they are; see `curate.freshness.caution`."""
        with self.database(read_only=True) as database:
            return freshness.caution(database)

    def database(self, *, read_only: bool = False, create: bool = False) -> Database:
        """Open the corpus database; close it by leaving its `with`.

        Raises CorpusError where it is in use, not there and not to be created, or no longer what was written last. That
        is looked at once before it is written to: afterwards a new hash would vouch for what is damaged. Who has the
        only right to write in this root waits a while: only one who reads can be in the way, and a build is not lost to
        a `curate status`.
        """
        said_of = self.cache / "corpus.duckdb"  # also where a copy of it is worked on
        if not read_only and not self._is_sound:
            self._require_sound()
        patience = _PATIENCE if self.turn.held and not read_only else 0.0
        return Database(self.database_path, read_only=read_only, create=create, said_of=said_of, patience=patience)

    def _require_sound(self) -> None:
        expected = whole.sealed(self.database_path) if self.database_path.exists() else None
        if expected is not None and expected != whole.sha256(self.database_path):
            raise CorpusError(
                "the corpus database is damaged",
                where=str(self.database_path),
                expected=f"sha256 {expected}, as it was when it was written last",
                done="nothing was changed",
                hint=f"rm {shlex.quote(str(self.database_path))} && curate build   (only time is lost)",
            )
        self._is_sound = True


def no_root(address: str) -> UsageError:
    """Return the error about an address that was given for a root."""
    return UsageError(
        "a root cannot lie on object storage: its database needs a disk of this machine",
        where=address,
        expected="a folder",
        hint=f'curate --root FOLDER ..., with [storage] objects = "{address.rstrip("/")}/objects" in '
        "FOLDER/curate.toml: then all large files lie there",
    )


def shipped(name: str) -> Path:
    """Return the folder `name` that ships with curate: inside the package, or beside it in a checkout.

    Raises CorpusError where neither is there.
    """
    package = Path(str(resources.files("curate")))
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise CorpusError(f"the folder {name} is missing", where=str(package), hint="pip install . in the folder of curate")
