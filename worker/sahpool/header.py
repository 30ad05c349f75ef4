"""The 4096 bytes at the head of every slot: to which path, with which flags, the slot belongs.

The first copy is the reference's own format, bit for bit (``opfs-sahpool`` of
@sqlite.org/sqlite-wasm, ``sqlite3-vfs-opfs-sahpool.c-pp.js``), so that a pool can be opened by
either program:

    ======== ===== ==========================================================================
    offset   bytes
    ======== ===== ==========================================================================
    0        512   path, UTF-8, NUL padded, at most 510 bytes; first byte 0 = the slot is free
    512      4     big-endian flags of the creating xOpen, plus 0x80 when a digest is kept
    516      8     digest of bytes 0–515: two little-endian words (zero without the 0x80 flag)
    ======== ===== ==========================================================================

The second copy is ours. The reference neither reads nor writes bytes 524–4095, so it may be
*stale* when the reference renamed or freed the slot in between. Hence the first copy wins whenever
its digest is right, and a second copy is trusted by itself only when the first differs from it in
so few bits that it is the same header with a flipped bit: the 64 bits of digest make a different
header differ in far more. Everything else is doubt, and doubt is for quarantine, never for erasing.

    ======== ===== ==========================================================================
    1024     8     the magic ``b"sahpool2"``
    1032     8     little-endian generation: counts the headers this pool has written
    1040     524   the first copy, whole
    1564     32    SHA-256 of bytes 1024–1563
    ======== ===== ==========================================================================
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

SECTOR_SIZE = 4096  #: bytes of header before SQLite's own bytes begin
MAX_PATH_BYTES = 510  #: longest path a header holds, in bytes of UTF-8

_PATH_SIZE = 512
_FLAGS_OFFSET = 512
_DIGEST_OFFSET = 516
_FIRST_SIZE = 524
_SECOND_OFFSET = 1024
_SECOND_MAGIC = b"sahpool2"
_SECOND_SIZE = len(_SECOND_MAGIC) + 8 + _FIRST_SIZE
_SECOND_DIGEST_SIZE = 32

FLAG_HAS_DIGEST = 0x80  #: the reference's "digest version 2"; SQLite itself does not use the bit
SQLITE_OPEN_DELETEONCLOSE = 0x08

#: Bits in which a damaged first copy may differ from the second one and still be the same header.
_FLIPPED_BITS_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Header:
    """What a slot's header says.

    Attributes:
        path: The file's path in the pool; empty when the slot is free.
        flags: SQLITE_OPEN_* flags of the creating xOpen, without the digest bit.
        generation: Counts the headers this pool has written; 0 when the header has no second copy.
        repaired: True when the first copy was damaged and the second one stood in for it.
    """

    path: str
    flags: int
    generation: int = 0
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Damaged:
    """A header that cannot be trusted; its slot belongs in quarantine.

    Attributes:
        reason: What is wrong with it, for a person.
        offered: What the second copy says, if it is whole; perhaps stale.
    """

    reason: str
    offered: Header | None = None


def digest(corpus: bytes) -> tuple[int, int]:
    """The reference's digest: two 32-bit words over the path and flags bytes.

    Args:
        corpus: Bytes 0–515 of the header.

    Returns:
        ``(h1, h2)``, each 0 … 2**32 − 1.
    """
    h1, h2 = 0xDEADBEEF, 0x41C6CE57
    for value in corpus:
        h1 = (h1 ^ value) * 2654435761 & 0xFFFFFFFF
        h2 = (h2 ^ value) * 104729 & 0xFFFFFFFF
    return h1, h2


def encode(path: str, flags: int, generation: int) -> bytes:
    """The header sector for a slot.

    Args:
        path: Path of the file, at most 510 bytes of UTF-8; empty for a free slot.
        flags: SQLITE_OPEN_* flags of the creating xOpen; ignored for a free slot.
        generation: The pool's count of headers written, this one included.

    Returns:
        SECTOR_SIZE bytes.

    Raises:
        ValueError: The path is longer than 510 bytes or holds a NUL.
    """
    name = path.encode("utf-8", "surrogateescape")
    if len(name) > MAX_PATH_BYTES or b"\0" in name:
        raise ValueError(f"not a path for a slot: {len(name)} bytes")
    corpus = name.ljust(_PATH_SIZE, b"\0")
    if name:
        corpus += struct.pack(">I", flags | FLAG_HAS_DIGEST)
        first = corpus + struct.pack("<II", *digest(corpus))
    else:
        first = corpus.ljust(_FIRST_SIZE, b"\0")
    second = _SECOND_MAGIC + struct.pack("<Q", generation) + first
    second += hashlib.sha256(second).digest()
    return first.ljust(_SECOND_OFFSET, b"\0") + second.ljust(SECTOR_SIZE - _SECOND_OFFSET, b"\0")


def decode(sector: bytes, *, has_content: bool = False) -> Header | Damaged:
    """What the header of a slot says.

    Args:
        sector: The first bytes of the slot, up to SECTOR_SIZE; fewer when the file is shorter.
        has_content: Whether there are bytes behind the header.

    Returns:
        A Header (with an empty path for a free slot), or Damaged when the first copy cannot be
        trusted and the second cannot stand in for it.
    """
    if not any(sector):
        return Header("", 0)  # a new file, or one whose header never reached the disk
    first = sector[:_FIRST_SIZE].ljust(_FIRST_SIZE, b"\0")
    second, generation = _second_copy(sector)
    header, reason = _read_first(first)
    if header is not None:
        if second == first:
            return Header(header.path, header.flags, generation)
        if second is not None and has_content and not any(first):
            # Another program that frees a slot cuts its content off. Here there is some, so the
            # first copy was not freed but lost.
            header, reason = None, "the first copy of its header is gone"
        else:
            return header  # another program wrote the first copy after us: the second is stale
    if second is None:
        return Damaged(reason)
    offered, _ = _read_first(second)
    if offered is None:
        return Damaged(reason)
    offered = Header(offered.path, offered.flags, generation, repaired=True)
    flipped = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    if flipped.bit_count() <= _FLIPPED_BITS_LIMIT:
        return offered
    return Damaged(reason, offered)


def _second_copy(sector: bytes) -> tuple[bytes | None, int]:
    """The image of the first copy that the second one keeps, and its generation."""
    copy = sector[_SECOND_OFFSET : _SECOND_OFFSET + _SECOND_SIZE]
    seal = sector[_SECOND_OFFSET + _SECOND_SIZE :][:_SECOND_DIGEST_SIZE]
    if not copy.startswith(_SECOND_MAGIC) or hashlib.sha256(copy).digest() != seal:
        return None, 0
    (generation,) = struct.unpack_from("<Q", copy, len(_SECOND_MAGIC))
    return copy[len(_SECOND_MAGIC) + 8 :], generation


def _read_first(first: bytes) -> tuple[Header | None, str]:
    """The first copy as a Header, or None and what is wrong with it."""
    (flags,) = struct.unpack_from(">I", first, _FLAGS_OFFSET)
    words = struct.unpack_from("<II", first, _DIGEST_OFFSET)
    if flags & FLAG_HAS_DIGEST:
        if words != digest(first[:_DIGEST_OFFSET]):
            return None, "the digest of its header is wrong"
    elif words != (0, 0):
        return None, "its header carries a digest of another program, or a damaged one"
    name = first[:_PATH_SIZE].split(b"\0", 1)[0]
    if not name:
        if any(first[:_DIGEST_OFFSET]):
            return None, "its header has flags but no path"
        return Header("", 0), ""
    if len(name) > MAX_PATH_BYTES or any(first[len(name) : _PATH_SIZE]):
        return None, "the path in its header is not padded with zeros"
    if flags & SQLITE_OPEN_DELETEONCLOSE:
        return Header("", 0), ""  # a temporary file whose owner is gone
    return Header(name.decode("utf-8", "surrogateescape"), flags & ~FLAG_HAS_DIGEST), ""
