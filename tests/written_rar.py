"""RAR archives written by hand, in both forms of the format; members are stored, or claim to be packed."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

SIGNATURE_4 = b"Rar!\x1a\x07\x00"
SIGNATURE_5 = b"Rar!\x1a\x07\x01\x00"


@dataclass(frozen=True)
class Odd:
    """A member that is not simply stored: what its header claims beside its bytes."""

    data: bytes = b"packed somehow"
    method: int = 0  # 0 is stored; 3 is the usual packing
    size: int | None = None  # unpacked
    crc: int | None = None
    checksum: str = "crc"  # or "blake2", or "none"; the old form has only the first
    flags: int = 0  # of the block (new form), of the member (old form)
    mode: int = 0o100644
    extra: bytes = field(default=b"")  # records of the new form


Members = Mapping[str, "bytes | Odd"]


def rar4(members: Members, *, main_flags: int = 0, end: bool = True) -> bytes:
    """The form of RAR 2.9 to 4."""
    blocks = [SIGNATURE_4, _block4(0x73, main_flags, bytes(6))]
    for name, member in members.items():
        odd = member if isinstance(member, Odd) else Odd(member)
        raw = name.encode("utf-8", "surrogateescape")
        body = struct.pack(
            "<LLBLLBBHL",
            len(odd.data),
            len(odd.data) if odd.size is None else odd.size,
            3,  # Unix
            zlib.crc32(odd.data) if odd.crc is None else odd.crc,
            0x50210000,  # 1 January 2020
            29,
            0x30 + odd.method,
            len(raw),
            odd.mode,
        )
        blocks.append(_block4(0x74, 0x8000 | odd.flags, body + raw) + odd.data)
    return b"".join(blocks) + (_block4(0x7B, 0x4000, b"") if end else b"")


def rar5(members: Members, *, main_flags: int = 0, end: bool = True, encrypted_headers: bool = False) -> bytes:
    """The form of RAR 5 and later."""
    blocks = [SIGNATURE_5]
    if encrypted_headers:
        blocks.append(_block5(4, 0, b"\x00\x00\x0f" + bytes(16)))
    blocks.append(_block5(1, 0, number(main_flags) + (number(1) if main_flags & 2 else b"")))
    for name, member in members.items():
        odd = member if isinstance(member, Odd) else Odd(member)
        raw = name.encode("utf-8", "surrogateescape")
        has_crc = odd.checksum == "crc"
        body = number(4 if has_crc else 0) + number(len(odd.data) if odd.size is None else odd.size)
        body += number(odd.mode)
        if has_crc:
            body += struct.pack("<L", zlib.crc32(odd.data) if odd.crc is None else odd.crc)
        body += number(odd.method << 7) + number(1) + number(len(raw)) + raw
        extra = odd.extra + (record(2, b"\x00" + blake2sp(odd.data)) if odd.checksum == "blake2" else b"")
        blocks.append(_block5(2, odd.flags | 2, body, extra, len(odd.data)) + odd.data)
    return b"".join(blocks) + (_block5(5, 0, number(0)) if end else b"")


def link5(target: str, kind: int = 1) -> bytes:
    """The record of a link (1 symbolic, 4 hard) or of a reference to equal content (5)."""
    raw = target.encode()
    return record(5, number(kind) + number(0) + number(len(raw)) + raw)


def password5() -> bytes:
    """The record of an encrypted member."""
    return record(1, number(0) + number(0) + b"\x0f" + bytes(32))


def record(kind: int, body: bytes) -> bytes:
    body = number(kind) + body
    return number(len(body)) + body


def number(value: int) -> bytes:
    """Seven bits to a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def blake2sp(data: bytes) -> bytes:
    leaves = [
        hashlib.blake2s(fanout=8, depth=2, inner_size=32, node_offset=leaf, last_node=leaf == 7) for leaf in range(8)
    ]
    for at in range(0, len(data), 64):
        leaves[at // 64 % 8].update(data[at : at + 64])
    root = hashlib.blake2s(fanout=8, depth=2, inner_size=32, node_depth=1, last_node=True)
    for leaf in leaves:
        root.update(leaf.digest())
    return root.digest()


def _block4(kind: int, flags: int, body: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


def _block5(kind: int, flags: int, body: bytes, extra: bytes = b"", size: int = 0) -> bytes:
    flags |= 1 if extra else 0
    head = number(kind) + number(flags) + (number(len(extra)) if extra else b"") + (number(size) if flags & 2 else b"")
    head += body + extra
    sized = number(len(head)) + head
    return struct.pack("<L", zlib.crc32(sized)) + sized
