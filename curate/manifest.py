"""What is known of a source before a byte of it is here: its files, their hashes, its licence; one TOML file each."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import tomllib
import types
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tomli_w

from curate.errors import ManifestError

Role = Literal["labels", "pictures", "masks", "documents"]
Access = Literal["open", "manual"]
Redistribution = Literal["yes", "no", "unknown"]

OWN = "table"
"""The parser of a steward's own pictures: any CSV, whose headers the manifest names."""

COLUMNS = (
    *("image", "label", "split", "isic_id", "lesion_id", "patient_id", "age", "sex", "site", "diagnosis_method"),
    *("tone_reported", "modality", "mask"),
)
"""What `[columns]` of such a manifest may name."""

_TAKEN = frozenset(
    {"ambiguous", "diagnosis_methods", "licenses", "sexes", "sites", "taxonomy"}
)  # the names of other label maps
_HINT = "mend the manifest; docs/own-pictures.md has a whole one"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source, as its publisher names it.

    `urls` are tried in order; `bytes`, `sha256` and `md5` (lower-case hex) are None where nobody published them.
    `etag` is the hash that S3 publishes of a file sent in parts, "<md5 of the parts' md5s>-<parts>", and `etag_part`
    the bytes of a part: together they pin a file as well as an md5 does. `bytes_about` is a published size that was
    rounded: good for asking whether the disk has room, and for no more. `license` is an SPDX id where the file has
    another one than its source.
    `also_named` are globs on the names under which people keep the same file.
    `members` are globs on final names: what of an archive is wanted, packed or lying unpacked; none: not an archive.
    `provides` names other files of the manifest which this one contains: when it is here, they are not needed.
    An `optional` file is adopted where it lies, and downloaded only where its role is asked for.

    >>> RemoteFile(name="labels.csv", role="labels").pinned
    False
    """

    name: str
    role: Role
    urls: tuple[str, ...] = ()
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    etag: str | None = None
    etag_part: int | None = None
    bytes_about: int | None = None
    license: str | None = None
    optional: bool = False
    also_named: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()

    @property
    def pin(self) -> tuple[str, str] | None:
        """The published hash that tells the official bytes from others, behind its name in `curate.checksums`."""
        if self.etag is not None and self.sha256 is None and self.md5 is None:
            return f"md5/{self.etag_part}", self.etag
        return ("sha256", self.sha256) if self.sha256 else ("md5", self.md5) if self.md5 else None

    @property
    def pinned(self) -> bool:
        """Whether there is such a hash."""
        return self.pin is not None


@dataclass(frozen=True)
class Manifest:
    """A source: who made it, under which licence, which files it has, and how much must come out of them.

    `parser` names the module in `curate.sources`; ids of one `namespace` mean the same picture in all its sources;
    `released` is a year; `license` an SPDX id or `LicenseRef-...`; `attribution` the credit line that must be shown;
    `access` "manual": a person places the files, `instructions` say what and where; `listing` is the API's address of
    the figshare article that holds them: what it lists is tried before a person is asked;
    `expected` are counts, such as `records`, `train`, `pictures`, that a whole source gives.
    `columns` says under which header the parser "table" finds what: `{"image": ("filename",)}`; several headers are
    joined to one id, as a lesion's number that is unique only within a patient needs.
    """

    name: str
    title: str
    parser: str
    namespace: str
    released: int
    modality: Literal["dermoscopic", "clinical"]
    license: str
    license_url: str
    redistribution: Redistribution
    attribution: str
    citation: tuple[str, ...]
    homepage: str
    access: Access
    instructions: str = ""
    listing: str = ""
    needs_acceptance: bool = False
    expected: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[RemoteFile, ...] = ()

    def pattern(self, globs: Iterable[str]) -> re.Pattern[str]:
        """Return what the final names of the files that fit one of the globs match in full.

        Own pictures fit in any case of letters: cameras write `.JPG`, and the published sources never do.
        """
        flags = re.IGNORECASE if self.parser == OWN else re.NOFLAG
        return re.compile("|".join(map(fnmatch.translate, globs)) or r"(?!)", flags)

    def identity(self, path: str) -> str:
        """Return by what a file of the source is told from others: in the published sources by its final name, wherever
        it lies; in a steward's own folders, where every patient may have a `1.jpg`, by its path."""
        return path if self.parser == OWN else PurePosixPath(path).name

    def file(self, name: str) -> RemoteFile | None:
        """Return the file of that name, None where the manifest has none."""
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True)
class Publication:
    """Lists and splits that somebody published about the sources: read by the self-test, never a source themselves."""

    name: str
    title: str
    citation: str
    homepage: str
    license: str
    files: tuple[RemoteFile, ...] = ()


def read(path: Path) -> Manifest:
    """Read one manifest. Raises ManifestError for what is no TOML, has unknown or missing keys, or cannot be meant."""
    try:
        return _read(path)
    except ManifestError as error:
        raise ManifestError(
            error.what, where=error.where, expected=error.expected, found=error.found, hint=error.hint or _HINT
        ) from error


def _read(path: Path) -> Manifest:
    given = _toml(path)
    files = _files(given, path)
    values = _values(Manifest, given, str(path), absent={"files"})
    manifest = Manifest(**values, files=files)
    _check_whole(manifest, path)
    return manifest


def read_publication(path: Path) -> Publication:
    """Read one publication. Raises ManifestError as `read` does, and for a file that no hash tells from another."""
    given = _toml(path)
    files = _files(given, path)
    publication = Publication(**_values(Publication, given, str(path), absent={"files"}), files=files)
    for file in files:
        if not file.sha256 or not file.urls:
            raise ManifestError("a published list is fetched by its hash", where=str(path), found=file.name)
    return publication


def read_all(folder: Path) -> dict[str, Manifest]:
    """Read all `*.toml` of a folder, sorted by name. Raises ManifestError, also where the folder holds none."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise ManifestError("no manifests", where=str(folder), expected="<source>.toml files")
    return {manifest.name: manifest for manifest in map(read, paths)}


def dump(manifest: Manifest) -> str:
    """Return the manifest as TOML that `read` gives back unchanged; what is not known or is the default is left out."""
    tables = _plain(manifest)
    tables["files"] = [_plain(file) for file in manifest.files]
    return tomli_w.dumps(tables)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise ManifestError("the manifest is not TOML", where=str(path), found=str(broken)) from broken


def _files(given: dict[str, Any], path: Path) -> tuple[RemoteFile, ...]:
    """Take the files out of what the TOML says."""
    entries = given.pop("files", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ManifestError("files are no tables", where=str(path), expected="[[files]]", found=repr(entries)[:80])
    files = []
    for number, entry in enumerate(entries, 1):
        where = f"{path} [[files]] {entry.get('name', number)}"
        file = RemoteFile(**_values(RemoteFile, entry, where))
        _check_file(file, where)
        files.append(file)
    return tuple(files)


def _plain(thing: RemoteFile | Manifest) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for knob in dataclasses.fields(thing):
        value = getattr(thing, knob.name)
        if value is None or value == () or (knob.default is not dataclasses.MISSING and value == knob.default):
            continue
        if isinstance(value, Mapping):
            if value:
                made[knob.name] = {word: list(it) if isinstance(it, tuple) else it for word, it in value.items()}
        elif knob.name != "files":
            made[knob.name] = list(value) if isinstance(value, tuple) else value
    return made


def _values(
    kind: type[RemoteFile] | type[Manifest] | type[Publication],
    given: dict[str, Any],
    where: str,
    absent: Collection[str] = (),
) -> dict[str, Any]:
    hints = get_type_hints(kind)
    knobs = {knob.name: knob for knob in dataclasses.fields(kind) if knob.name not in absent}
    unknown = sorted(set(given) - set(knobs))
    if unknown:
        raise ManifestError("an unknown key", where=where, expected=", ".join(knobs), found=", ".join(unknown))
    missing = [
        name
        for name, knob in knobs.items()
        if name not in given and knob.default is dataclasses.MISSING and knob.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ManifestError("a key is missing", where=where, expected=", ".join(missing))
    return {name: _value(hints[name], value, f"{where}: {name}") for name, value in given.items()}


def _value(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin is Literal:
        if value not in get_args(kind):
            raise ManifestError("no such choice", where=where, expected=", ".join(get_args(kind)), found=repr(value))
        return value
    if origin is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ManifestError("the wrong kind of value", where=where, expected="a list of words", found=repr(value))
        return tuple(value)
    if origin is not None and issubclass(origin if isinstance(origin, type) else object, Mapping):
        if get_origin(get_args(kind)[1]) is tuple:
            return _columns(value, where)
        if not isinstance(value, dict) or not all(type(count) is int and count >= 0 for count in value.values()):
            raise ManifestError("the wrong kind of value", where=where, expected="counts", found=repr(value))
        return value
    wanted = next(arg for arg in get_args(kind) if arg is not type(None)) if origin is types.UnionType else kind
    if type(value) is not wanted:
        raise ManifestError("the wrong kind of value", where=where, expected=wanted.__name__, found=repr(value))
    return value


def _columns(value: Any, where: str) -> dict[str, tuple[str, ...]]:
    headers: dict[str, Any] = value if isinstance(value, dict) else {"": None}
    made: dict[str, tuple[str, ...]] = {}
    for name, header in headers.items():
        parts: list[Any] = header if isinstance(header, list) else [header]
        if not parts or not all(isinstance(part, str) and part for part in parts):
            raise ManifestError(
                "the wrong kind of value",
                where=f"{where} {name}".rstrip(),
                expected="a header of the CSV, or a list of headers that are joined",
                found=repr(header if name else value),
            )
        made[name] = tuple(parts)
    return made


def _check_file(file: RemoteFile, where: str) -> None:
    _check_name(file.name, where)
    for name in file.also_named + file.members + file.provides:
        _check_name(name, where)
    for word, value, length in (("sha256", file.sha256, 64), ("md5", file.md5, 32)):
        if value is not None and not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
            raise ManifestError(
                f"no {word}", where=where, expected=f"{length} lower-case hexadecimal digits", found=repr(value)
            )
    for word, size in (("bytes", file.bytes), ("bytes_about", file.bytes_about), ("etag_part", file.etag_part)):
        if size is not None and size < (1 if word == "etag_part" else 0):
            raise ManifestError(f"{word}: no size", where=where, expected="a number of bytes", found=str(size))
    if (file.etag is None) != (file.etag_part is None) or (
        file.etag is not None and not re.fullmatch(r"[0-9a-f]{32}-[1-9][0-9]*", file.etag)
    ):
        raise ManifestError(
            "no hash of parts",
            where=where,
            expected="etag = 32 hexadecimal digits, - and the number of parts; etag_part = bytes of a part",
            found=f"etag {file.etag!r}, etag_part {file.etag_part!r}",
        )
    for url in file.urls:
        _check_url(url, where)


def _check_url(url: str, where: str) -> None:
    if not re.match(r"https?://", url):
        raise ManifestError("no web address", where=where, expected="http:// or https://", found=url)


def _check_name(name: str, where: str) -> None:
    if "/" in name or "\\" in name or name in {"", ".", ".."}:
        raise ManifestError("no plain file name", where=where, expected="a name without a path", found=repr(name))


def _check_whole(manifest: Manifest, path: Path) -> None:
    where = str(path)
    if manifest.name != path.stem:
        raise ManifestError("name and file name differ", where=where, expected=path.stem, found=manifest.name)
    if not re.fullmatch(r"[a-z0-9_]+", manifest.name):
        raise ManifestError("no name for a source", where=where, expected="a-z, 0-9 and _", found=manifest.name)
    if manifest.name in _TAKEN:
        raise ManifestError(
            "that is the name of a label map of all sources", where=where, expected="another name", found=manifest.name
        )
    names = [file.name for file in manifest.files]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ManifestError("a file name stands twice", where=where, found=", ".join(doubled))
    for file in manifest.files:
        for name in file.provides:
            if name not in names or name == file.name:
                raise ManifestError("`provides` names no other file", where=f"{where} {file.name}", found=name)
        if manifest.access == "open" and not file.optional and not file.urls:
            raise ManifestError("an open source's file has no address", where=where, found=file.name)
    if manifest.listing:
        _check_url(manifest.listing, f"{where}: listing")
    if manifest.columns and manifest.parser != OWN:
        raise ManifestError("only a source whose parser is the table has columns", where=where, found=manifest.parser)
    for name in manifest.columns:
        if name not in COLUMNS:
            raise ManifestError(
                "no record has such a column", where=f"{where} [columns]", expected=", ".join(COLUMNS), found=name
            )
    if manifest.access == "manual" and not manifest.instructions.strip():
        raise ManifestError("a manual source needs instructions", where=where, expected="instructions = ...")
