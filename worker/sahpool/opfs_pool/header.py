"""The header, the first 4096 bytes of every slot, which hold its path and flags in two copies.

The first copy has the format of the reference, bit for bit (the reference is ``opfs-sahpool`` of
@sqlite.org/sqlite-wasm, ``sqlite3-vfs-opfs-sahpool.c-pp.js``), so that either program can open the
pool:

    ======== ===== ==========================================================================
    offset   bytes
    ======== ===== ==========================================================================
    0        512   path, UTF-8, NUL padded, at most 510 bytes; first byte 0 = the slot is free
    512      4     big-endian flags of the creating xOpen, plus 0x80 when there is a digest
    516      8     digest of bytes 0–515: two little-endian words (zero without the 0x80 flag)
    ======== ===== ==========================================================================

The second copy is sahpool's own. The reference neither reads nor writes bytes 524–4095, so the
second copy is *stale* when the reference has renamed or freed the slot in between. Hence the first
copy wins whenever its digest is right. The second copy replaces a damaged first one only when the
two are certainly the same header: either they differ in so few bits that some were flipped (two
headers that differ also differ in many of the 64 bits of their digests), or the first was torn, as
disks write 512 bytes at a time, and the rest of it agrees with the second on the whole path or on
the whole digest. Everything else is doubt, and doubt is for quarantine, never for erasing.

    ======== ===== ==========================================================================
    1024     8     the magic ``b"sahpool2"``
    1032     8     little-endian generation: number of headers this pool has written
    1040     524   the first copy, whole
    1564     32    SHA-256 of bytes 1024–1563
    ======== ===== ==========================================================================

Releases of the reference before 3.50 write no digest, and empty every slot that has one. Such a
program may still use a pool in which no path has a digest, so sahpool writes none there either
(``slots.SlotTable``).

Two other programs use the first copy's layout, each with differences. Their headers are recognised,
so that their slots are not written to and ``foreign.py`` can read them:

- wa-sqlite (``AccessHandlePoolVFS.js``): slots lie in the pool's directory itself, every one has a
  digest, that of ``wa_sqlite_digest``, and the 0x80 flag is clear.
- sqlite-wasm-rs (``sqlite-wasm-vfs``, ``sahpool.rs``): slots lie where the reference's do. It
  writes bytes 0–515 and never reads the digest, so the digest field keeps its previous value: zeros
  or a digest of ours. Its paths are the names as the program gave them. A path with a leading slash
  is one of the reference's and opens here; one without a slash cannot be opened by any name here.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field, replace

from ..names import MAX_PATH_BYTES

SECTOR_SIZE = 4096  #: bytes of header before SQLite's own bytes begin

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

#: SQLITE_OPEN_MAIN_DB, MAIN_JOURNAL, SUPER_JOURNAL, WAL: all programs treat a file with none of
#: these flags as one that need not outlive its worker.
_PERSISTENT = 0x00000100 | 0x00000800 | 0x00004000 | 0x00080000

OWN = "sahpool / @sqlite.org/sqlite-wasm"  #: whose pools open here
WA_SQLITE = "wa-sqlite"
SQLITE_WASM_RS = "sqlite-wasm-rs"

#: Bits in which a damaged first copy may differ from the second one and still be the same header.
_FLIPPED_BITS_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Header:
    """The contents of a slot's header.

    Attributes:
        path: The file's path in the pool; empty when the slot is free.
        flags: SQLITE_OPEN_* flags of the creating xOpen, without the digest bit.
        generation: Number of headers this pool has written; 0 when the header has no second copy.
        repaired: True when the first copy was damaged and the second one was used instead.
        digested: Whether the first copy has a digest.
    """

    path: str
    flags: int
    generation: int = 0
    repaired: bool = False
    digested: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A header that cannot be trusted, or is not ours; its slot belongs in quarantine.

    Attributes:
        reason: What is wrong with the header, for a person.
        offered: The contents of the second copy, if that is sound, perhaps stale; for a header of
            another program its contents.
        program: The other program whose sound header this is; empty when it is damaged.
    """

    reason: str
    offered: Header | None = None
    program: str = ""


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


def wa_sqlite_digest(corpus: bytes) -> tuple[int, int]:
    """wa-sqlite's digest; arguments and result as those of :func:`digest`.

    Source: ``#computeDigest`` in wa-sqlite's ``AccessHandlePoolVFS.js``.
    """
    if not corpus[0]:
        return 0xFECC5F80, 0xACCEC037
    h1, h2 = 0xDEADBEEF, 0x41C6CE57
    for value in corpus:
        h1 = (h1 ^ value) * 2654435761 & 0xFFFFFFFF
        h2 = (h2 ^ value) * 1597334677 & 0xFFFFFFFF
    h1 = ((h1 ^ h1 >> 16) * 2246822507 ^ (h2 ^ h2 >> 13) * 3266489909) & 0xFFFFFFFF
    h2 = ((h2 ^ h2 >> 16) * 2246822507 ^ (h1 ^ h1 >> 13) * 3266489909) & 0xFFFFFFFF
    return h1, h2


def encode(path: str, flags: int, generation: int, *, digested: bool = True) -> bytes:
    """The header sector for a slot.

    Args:
        path: Path of the file, at most 510 bytes of UTF-8; empty for a free slot.
        flags: SQLITE_OPEN_* flags of the creating xOpen; ignored for a free slot.
        generation: The pool's count of headers written, this one included.
        digested: Whether the first copy has a digest; that of a free slot never has one.

    Returns:
        SECTOR_SIZE bytes.

    Raises:
        ValueError: The path is longer than 510 bytes or holds a NUL.
    """
    name = path.encode("utf-8", "surrogateescape")
    if len(name) > MAX_PATH_BYTES or b"\0" in name:
        raise ValueError(f"not a path for a slot: {len(name)} bytes")
    corpus = name.ljust(_PATH_SIZE, b"\0")
    if name and digested:
        corpus += struct.pack(">I", flags | FLAG_HAS_DIGEST)
        first = corpus + struct.pack("<II", *digest(corpus))
    else:
        corpus += struct.pack(">I", flags if name else 0)
        first = corpus.ljust(_FIRST_SIZE, b"\0")
    second = _SECOND_MAGIC + struct.pack("<Q", generation) + first
    second += hashlib.sha256(second).digest()
    return first.ljust(_SECOND_OFFSET, b"\0") + second.ljust(SECTOR_SIZE - _SECOND_OFFSET, b"\0")


def decode(sector: bytes, *, has_content: bool = False) -> Header | Damaged:
    """Reads the header of a slot.

    Args:
        sector: The first bytes of the slot, up to SECTOR_SIZE; fewer when the file is shorter.
        has_content: Whether there are bytes behind the header.

    Returns:
        A Header (with an empty path for a free slot), or Damaged when the first copy cannot be
        trusted and the second cannot replace it.
    """
    if not any(sector):
        # A new file, or an empty one of another program. A spare slot of ours that is being filled
        # has the header of a free slot instead.
        return Damaged("its header is gone") if has_content else Header("", 0)
    first = sector[:_FIRST_SIZE].ljust(_FIRST_SIZE, b"\0")
    second, generation = _second_copy(sector)
    found = _read_first(first)
    if isinstance(found, Header):
        if second == first:
            return replace(found, generation=generation)
        if second is None and has_content and not any(first) and any(sector[_FIRST_SIZE:]):
            return Damaged("both copies of its header are gone")
        kept = _kept_flags(found, first, second)
        if kept is not None:
            return replace(kept, generation=generation, repaired=True)
        if second is None or not has_content or any(first):
            return found  # another program wrote the first copy after us: the second is stale
        # Another program cuts the content off when it frees a slot. Here there is content, so the
        # first copy was lost, not freed.
        found = Damaged("the first copy of its header is gone")
    if second is None:
        return found
    flipped = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    offered = _read_first(second)
    if isinstance(offered, Header):
        offered = replace(offered, generation=generation, repaired=True)
        if flipped.bit_count() <= _FLIPPED_BITS_LIMIT and not _is_renamed(first, second):
            return offered
    if found.program:
        return found
    rewritten = _rewritten(first, second, has_content)
    if rewritten is not None:
        return rewritten
    if isinstance(offered, Header) and offered.path and _is_torn(first, second):
        return offered
    return Damaged(found.reason, offered if isinstance(offered, Header) else None)


def _rewritten(first: bytes, second: bytes, has_content: bool) -> Header | Damaged | None:
    """The header written by a program that writes no digest and left ours in place; else None."""
    if first[_DIGEST_OFFSET:] != second[_DIGEST_OFFSET:]:
        return None
    said = _read_first(first[:_DIGEST_OFFSET].ljust(_FIRST_SIZE, b"\0"))
    if isinstance(said, Damaged):
        return said if said.program else None
    # A program cuts the content off when it frees a slot.
    trusted = said.flags & _PERSISTENT if said.path else not has_content
    return said if trusted else None


def _kept_flags(found: Header, first: bytes, second: bytes | None) -> Header | None:
    """The second copy, when neither copy has a digest and both have the same path; else None.

    No program changes the flags of a path. So differing flags were damaged, perhaps into those of a
    file to be deleted.
    """
    if second is None or found.digested or not any(first):
        return None
    if first[:_PATH_SIZE] != second[:_PATH_SIZE]:
        return None
    kept = _read_first(second)
    return kept if isinstance(kept, Header) and not kept.digested else None


def _is_renamed(first: bytes, second: bytes) -> bool:
    """Whether a program that writes no digest has given the slot another path.

    It leaves our digest in place and clears the flag for it. Paths such as ``data1`` and ``data2``
    differ in fewer bits than count as damage.
    """
    same_digest = first[_DIGEST_OFFSET:] == second[_DIGEST_OFFSET:] != bytes(8)
    undigested = not first[_FLAGS_OFFSET + 3] & FLAG_HAS_DIGEST
    return same_digest and undigested and first[:_PATH_SIZE] != second[:_PATH_SIZE]


def _is_torn(first: bytes, second: bytes) -> bool:
    """Whether a damaged first copy agrees with the second up to, or from, a disk's sector boundary.

    Either part identifies the file: the first one by its whole path, the second by its digest.
    """
    digested = second[_FLAGS_OFFSET + 3] & FLAG_HAS_DIGEST
    same_path = first[:_PATH_SIZE] == second[:_PATH_SIZE]
    return same_path or bool(digested and first[_PATH_SIZE:] == second[_PATH_SIZE:])


def _second_copy(sector: bytes) -> tuple[bytes | None, int]:
    """The first copy as stored in the second copy, or None if that is unsound; its generation."""
    copy = sector[_SECOND_OFFSET : _SECOND_OFFSET + _SECOND_SIZE]
    seal = sector[_SECOND_OFFSET + _SECOND_SIZE :][:_SECOND_DIGEST_SIZE]
    if not copy.startswith(_SECOND_MAGIC) or hashlib.sha256(copy).digest() != seal:
        return None, 0
    (generation,) = struct.unpack_from("<Q", copy, len(_SECOND_MAGIC))
    return copy[len(_SECOND_MAGIC) + 8 :], generation


def _read_first(first: bytes) -> Header | Damaged:
    """Reads the first copy by itself."""
    corpus = first[:_DIGEST_OFFSET]
    (flags,) = struct.unpack_from(">I", first, _FLAGS_OFFSET)
    words = struct.unpack_from("<II", first, _DIGEST_OFFSET)
    digested = bool(flags & FLAG_HAS_DIGEST)
    program = ""
    if words == wa_sqlite_digest(corpus):
        program = WA_SQLITE
    elif digested and words != digest(corpus):
        return Damaged("the digest of its header is wrong")
    elif not digested and words != (0, 0):
        return Damaged("its header carries a digest of another program, or a damaged one")
    name = corpus[:_PATH_SIZE].split(b"\0", 1)[0]
    if not name and any(corpus):
        return Damaged("its header has flags but no path")
    if len(name) > MAX_PATH_BYTES or any(first[len(name) : _PATH_SIZE]):
        return Damaged("the path in its header is not padded with zeros")
    path = name.decode("utf-8", "surrogateescape")
    if flags & SQLITE_OPEN_DELETEONCLOSE:
        path = ""  # a temporary file whose owner is gone
    elif path and not digested and not flags & _PERSISTENT:
        return Damaged("its header names no kind of file that stays: it may be cut off")
    elif flags & _PERSISTENT and not digested and path and not path.startswith("/"):
        program = program or SQLITE_WASM_RS
    if not path:
        flags = 0
    header = Header(path, flags & ~FLAG_HAS_DIGEST, digested=digested)
    if not program:
        return header
    return Damaged(
        f"it belongs to {program}; pool.import_pool() copies its databases", header, program
    )
