"""What an archive says of each of its members, and which of that means harm, whatever the kind of archive."""

from __future__ import annotations

import re
from dataclasses import dataclass

from curate.errors import FetchError

LARGEST_MEMBER = 1 << 30  # bytes; no picture or label file comes near it
MOST_MEMBERS = 500_000  # the largest archive of any source has 33,126
_BOMB_SIZE = 64 << 20  # bytes; below it no ratio does harm
_BOMB_RATIO = 100  # unpacked / packed; drawn masks reach 500, but only when they are small
_INNER_SIZE = 1 << 20  # bytes; a packed inner zip is unpacked to be listed, so its ratio counts sooner
_LARGEST_INNER = 16 << 30  # bytes of a packed inner zip, which go to a temporary file
_LONGEST_NAME = 1024  # characters; some systems take no path longer than that
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 120  # characters of a name in a message


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as its archive's headers have it: sizes in bytes; `plain`: stored, not compressed.

    `crc` is its CRC-32, None where the archive keeps another checksum.
    """

    name: str
    size: int
    packed_size: int
    crc: int | None
    plain: bool
    link: bool = False
    encrypted: bool = False


def refuse(entry: Entry, where: str, *, inner: bool = False) -> None:
    """Raise FetchError, naming the archive `where` and the member, for one that means harm; `inner`: it is a zip."""
    name = entry.name
    refuse_name(name, where)
    if entry.link:
        raise refused("a member of the archive is a link", where, "plain files", shown(name))
    if entry.encrypted:
        raise refused("a member of the archive is encrypted", where, "plain members", shown(name))
    is_bomb = entry.size > _BOMB_RATIO * max(1, entry.packed_size)
    if inner and not entry.plain:
        if entry.size > _LARGEST_INNER or (entry.size > _INNER_SIZE and is_bomb):
            raise _bomb(entry, where)
    elif not inner and entry.size > LARGEST_MEMBER:
        raise too_large(f"{where}!/{shown(name)}", f"{entry.size} bytes")
    elif entry.size > _BOMB_SIZE and is_bomb:
        raise _bomb(entry, where)


def refuse_name(name: str, where: str) -> None:
    """Raise FetchError, naming the archive `where`, for a member's name that leads outside or that no file can have."""
    if len(name) > _LONGEST_NAME:
        raise refused("the name of a member is too long", where, f"at most {_LONGEST_NAME} characters", shown(name))
    if _CONTROL.search(name):
        raise refused("the name of a member has control characters", where, "a name that can be printed", shown(name))
    if not name or name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise refused("a member of the archive leads outside of it", where, "a relative path", shown(name))
    if "\\" in name:  # what it means depends on who reads it
        raise FetchError(
            "the name of a member has backslashes",
            where=where,
            expected="folders parted by /",
            found=shown(name),
            done="nothing of it was taken",
            hint="unpack it, then give the folder: curate fetch SOURCE --from FOLDER",
        )


def refused(what: str, where: str, expected: str, found: str) -> FetchError:
    """Return the error for an archive of which nothing is taken."""
    return FetchError(
        what,
        where=where,
        expected=expected,
        found=found,
        done="nothing of it was taken",
        hint="get the archive again from its publisher",
    )


def too_large(where: str, found: str | None = None) -> FetchError:
    """Return the error for a file, or a member, that is larger than any that a source can have."""
    return FetchError(
        "too large to be a picture or a label file",
        where=where,
        expected="at most 1 GiB",
        found=found,
        hint="get the archive again from its publisher",
    )


def too_many(where: str) -> FetchError:
    """Return the error for an archive with more members than any source has."""
    return refused("the archive has too many members", where, f"at most {MOST_MEMBERS:,}", "more than that")


def shown(name: str) -> str:
    """Return a name as a message may print it: in full, but nothing in it moves the cursor or fills the screen.

    >>> shown("T_1.jpg")
    'T_1.jpg'
    >>> shown("T_1.jpg\\x1b[2J")
    'T_1.jpg\\\\x1b[2J'
    """
    printed = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name[:_SHOWN])
    return printed if len(name) <= _SHOWN else f"{printed}... ({len(name)} characters)"


def _bomb(entry: Entry, where: str) -> FetchError:
    return refused(
        "a member of the archive is a bomb",
        where,
        f"at most {_BOMB_RATIO} times its packed size",
        f"{shown(entry.name)}: {entry.packed_size} bytes that unpack to {entry.size}",
    )
