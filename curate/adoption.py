"""Which files that lie in some folders are a source's: decided by hash, by name and by glob; nothing is moved."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from curate import checksums, storage
from curate.archive import is_clutter, unread
from curate.errors import FetchError, StorageError
from curate.manifest import Manifest, RemoteFile
from curate.store import Store, Watch

PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that lies somewhere: its path, its path below the folder given, its size in bytes."""

    path: Path
    relative: str
    size: int

    @property
    def name(self) -> str:
        """Return the final name."""
        return PurePosixPath(self.relative).name


@dataclass
class Choice:
    """What of the placed files is taken; `files` by manifest name with the sha256 where it was computed already.

    `official` names the files whose bytes have the pinned hash.
    """

    files: dict[str, tuple[Placed, str | None]] = field(default_factory=dict)
    official: set[str] = field(default_factory=set)
    loose: list[Placed] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.files or self.loose)


def placed_in(folders: Sequence[Path]) -> list[Placed]:
    """List all files below the folders (or the files themselves), sorted; hidden ones and `__MACOSX` are left.

    Raises FetchError for a folder that is not there.
    """
    found: list[Placed] = []
    for folder in folders:
        if storage.is_remote(folder):
            found.extend(_remote(folder))
        elif folder.is_file():
            found.append(Placed(folder, folder.name, folder.stat().st_size))
        elif folder.is_dir():
            found.extend(sorted(_walk(folder, "", set()), key=lambda placed: placed.relative))
        else:
            raise FetchError("there is no such folder", where=str(folder), hint="give a folder that is there")
    return found


def is_there(folder: Path) -> bool:
    """Tell whether a folder (or a file) is there; on object storage: anything that begins so. Raises StorageError."""
    return storage.is_there(folder) if storage.is_remote(folder) else folder.exists()


def holds_files(folder: Path) -> bool:
    """Tell whether a folder is there that has any file in it, however deep."""
    return folder.is_dir() and next(iter(_walk(folder, "", set())), None) is not None


def choose(
    manifest: Manifest,
    placed: Sequence[Placed],
    store: Store,
    *,
    labels_only: bool,
    here: Iterable[str] = (),
    watch: Watch = lambda piece: None,
) -> Choice:
    """Decide what to take for a source; `here` names the files of the manifest that need no unpacked content.

    What lies on object storage, and has to be hashed to decide, is taken into the store on that way: it is read once.
    `watch` is called with each piece that is hashed.

    The bytes with a pinned hash win whatever their name; then a file of the right name; then, for an archive that is
    not there, what of its content lies unpacked. Raises FetchError where two files of one name differ and no pin
    decides.
    """
    choice = Choice()
    hashes = _Hashes(store, watch)
    by_name: dict[str, list[Placed]] = {}
    by_size: dict[int, list[Placed]] = {}
    for item in placed:
        by_name.setdefault(item.name, []).append(item)
        by_size.setdefault(item.size, []).append(item)
    for file in manifest.files:
        if labels_only and file.role != "labels":
            continue
        named = by_name.get(file.name, [])
        also = manifest.pattern(file.also_named).fullmatch
        others = [item for item in placed if item.name != file.name and also(item.name)]
        taken = _official(file, [*named, *others, *by_size.get(file.bytes or -1, [])], hashes)
        if taken is not None:
            choice.official.add(file.name)
        else:
            taken = _only(named, hashes) or _only(others, hashes)
        if taken is not None:
            choice.files[file.name] = (taken, hashes.known(taken))
    choice.loose = _unpacked(manifest, by_name, choice, set(here), labels_only, hashes)
    for item in [*(item for item, _ in choice.files.values()), *choice.loose]:
        _check_name(item)
    return choice


def wanted_names(manifest: Manifest, *, labels_only: bool) -> list[str]:
    """Return the names and globs that are looked for, for a message."""
    names: list[str] = []
    for file in manifest.files:
        if not labels_only or file.role == "labels":
            names.append(file.name)
        names.extend(_globs(file, labels_only))
    return list(dict.fromkeys(names))


def _unpacked(
    manifest: Manifest,
    by_name: dict[str, list[Placed]],
    choice: Choice,
    here: set[str],
    labels_only: bool,
    hashes: _Hashes,
) -> list[Placed]:
    here |= {name for name, (item, _) in choice.files.items() if _is_read(item.path)}
    globs = [glob for file in manifest.files if file.name not in here for glob in _globs(file, labels_only)]
    names = {file.name for file in manifest.files}
    also = manifest.pattern(name for file in manifest.files for name in file.also_named).fullmatch
    fits = manifest.pattern(globs).fullmatch
    alike: dict[str, list[Placed]] = {}
    for name, items in by_name.items():
        if fits(name) and name not in names and not also(name):
            for item in items:
                alike.setdefault(manifest.identity(item.relative), []).append(item)
    loose = [only for items in alike.values() if (only := _only(items, hashes)) is not None]
    return sorted(loose, key=lambda item: item.relative)


def _is_read(path: Path) -> bool:
    try:
        return unread(path) is None
    except StorageError:
        raise
    except FetchError:
        return True  # it is refused with its reasons when it is taken


def _check_name(item: Placed) -> None:
    """Raise FetchError for a name that no file of text can hold: the lock and the listing are such files."""
    try:
        str(item.path.absolute()).encode("utf-8")
    except UnicodeEncodeError as other:
        raise FetchError(
            "the name of a file is not UTF-8",
            where=repr(str(item.path)),
            expected="a name that can be written down",
            found=str(other),
            done="nothing was adopted",
            hint="rename the file, or the folder it lies in, then fetch again",
        ) from other


def _globs(file: RemoteFile, labels_only: bool) -> list[str]:
    if labels_only and file.role != "labels":
        return [glob for glob in file.members if PurePosixPath(glob).suffix.lower() not in PICTURES]
    return list(file.members)


def _official(file: RemoteFile, candidates: Sequence[Placed], hashes: _Hashes) -> Placed | None:
    if file.pin is None:
        return None
    algorithm, value = file.pin
    for item in candidates:
        if (file.bytes is None or item.size == file.bytes) and hashes.of(item, algorithm) == value:
            return item
    return None


def _only(items: Sequence[Placed], hashes: _Hashes) -> Placed | None:
    """Return the one file, the first of several with the same bytes. Raises FetchError where they differ."""
    for item in items[1:]:
        if item.size != items[0].size or hashes.of(item) != hashes.of(items[0]):
            raise FetchError(
                f"two files of one name differ, and no hash is known that decides: {item.name}",
                where=f"{items[0].path} ({items[0].size} bytes) and {item.path} ({item.size} bytes)",
                done="nothing was adopted",
                hint="name the folder of the right one only",
            )
    return items[0] if items else None


class _Hashes:
    """Hashes computed so far, so that no file is read twice for one."""

    def __init__(self, store: Store, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self._known: dict[tuple[Path, str], str] = {}

    def known(self, item: Placed) -> str | None:
        return self._known.get((item.path, "sha256"))

    def of(self, item: Placed, algorithm: str = "sha256") -> str:
        """Return a file's hash; its sha256 is computed along with any other, since it is asked for next."""
        if (item.path, algorithm) not in self._known:
            hashed = {name: checksums.new(name) for name in {"sha256", algorithm}}

            def count(piece: bytes) -> None:
                for checksum in hashed.values():
                    checksum.update(piece)
                self._watch(piece)

            try:
                if storage.is_remote(item.path):
                    self._store.adopt(item.path, link=False, watch=count)
                else:
                    for piece in storage.pieces(item.path):
                        count(piece)
            except OSError as error:
                raise FetchError(
                    "a file cannot be read",
                    where=str(item.path),
                    found=str(error),
                    hint="mend that and run the same command again",
                ) from error
            self._known |= {(item.path, name): checksum.hexdigest() for name, checksum in hashed.items()}
        return self._known[item.path, algorithm]


def _remote(folder: Path) -> Iterable[Placed]:
    below = storage.below(folder)
    for relative, size in below.items():
        if not is_clutter(relative):
            yield Placed(folder / relative, relative, size)
    if not below:
        raise FetchError(
            "nothing lies below this address",
            where=str(folder),
            expected="a bucket and a prefix with files below it",
            hint="mend the address, or put the files there",
        )


def _walk(folder: Path, above: str, seen: set[tuple[int, int]]) -> Iterable[Placed]:
    state = folder.stat()
    if (state.st_dev, state.st_ino) in seen:  # a link that leads back up
        return
    seen.add((state.st_dev, state.st_ino))
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_clutter(entry.name):
                    continue
                if entry.is_dir():
                    yield from _walk(Path(entry.path), f"{above}{entry.name}/", seen)
                elif entry.is_file():
                    yield Placed(Path(entry.path), above + entry.name, entry.stat().st_size)
    except PermissionError as error:
        raise FetchError("a folder cannot be read", where=str(folder), found=str(error)) from error
