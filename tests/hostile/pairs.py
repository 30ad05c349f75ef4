"""Databases that come with a WAL or journal which was made to do harm; runs as images.py does.

Runs on both sides, inside Pyodide and outside.

Any database can come in by way of either: a WAL may hold all of its pages beside an empty file, and
a journal may write all of them back. So what a bomb does in a file it might do there, before
anybody has looked at it. And what SQLite reads of the two themselves may have been changed.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from .images import EDGES, WIDE_EDGES, sound

Pair = tuple[str, bytes, dict[str, bytes]]

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
SECTOR = 512


def _page_size(image: bytes) -> int:
    size = int.from_bytes(image[16:18], "big")
    return 65536 if size == 1 else size


def _pages(image: bytes) -> list[bytes]:
    size = _page_size(image)
    return [image[at : at + size].ljust(size, b"\0") for at in range(0, len(image), size)]


def by_wal(image: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The database in a WAL beside an empty file."""
    image = image[:18] + b"\2\2" + image[20:]
    pages = _pages(image)
    head = struct.pack(">6I", 0x377F0682, 3007000, _page_size(image), 0, 5, 6)
    frames = [
        struct.pack(">4I8x", number, len(pages) if number == len(pages) else 0, 5, 6) + page
        for number, page in enumerate(pages, 1)
    ]
    return b"", {"wal": sealed(head + bytes(8) + b"".join(frames))}


def by_journal(image: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The database in a journal that writes it all back."""
    pages, size = _pages(image), _page_size(image)
    head = struct.pack(">8s5I", JOURNAL_MAGIC, len(pages), 7, len(pages), SECTOR, size)
    records = [
        struct.pack(">I", number) + page + struct.pack(">I", _sum(page, 7))
        for number, page in enumerate(pages, 1)
    ]
    return b"\xff" * size, {"journal": head.ljust(SECTOR, b"\0") + b"".join(records)}


def _sum(page: bytes, nonce: int) -> int:
    return (nonce + sum(page[-200:0:-200])) & 0xFFFFFFFF


def sealed(wal: bytes) -> bytes:
    """The WAL with the checksums that it must have (sqlite.org/fileformat2.html, section 4.2)."""
    if len(wal) < 32:
        return wal
    order = "<" if wal[3] == 0x82 else ">"
    sums = _wal_sum(order, wal[:24], (0, 0))
    out = bytearray(wal)
    struct.pack_into(">2I", out, 24, *sums)
    step = 24 + int.from_bytes(wal[8:12], "big")
    for at in range(32, len(wal) - step + 1, step):
        sums = _wal_sum(order, wal[at + 24 : at + step], _wal_sum(order, wal[at : at + 8], sums))
        struct.pack_into(">2I", out, at + 16, *sums)
    return bytes(out)


def _wal_sum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    for first, second in struct.iter_unpack(f"{order}2I", data[: len(data) // 8 * 8]):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _resealed_journal(journal: bytes) -> bytes:
    """The journal with the checksums that its first segment must have."""
    if len(journal) < 28:
        return journal
    _, records, nonce, _, sector, size = struct.unpack_from(">8s5I", journal)
    out, step = bytearray(journal), 8 + size
    for at in range(sector, min(len(journal), sector + records * step) - step + 1, step):
        page = journal[at + 4 : at + 4 + size]
        struct.pack_into(">I", out, at + 4 + size, _sum(page, nonce))
    return bytes(out)


def _changed(rng: random.Random, content: bytes) -> bytes:
    """Some bytes are others, most of them where it says what is what."""
    out = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        kind = rng.random()
        if not out:
            break
        if kind < 0.4:
            at = 4 * rng.randrange(16)  # the header, the first frame or the next header
            value = rng.choice([*EDGES, *WIDE_EDGES, rng.randrange(1 << 32)])
        elif kind < 0.7:
            at = rng.randrange(len(out))
            value = rng.choice([*EDGES, *WIDE_EDGES])
        elif kind < 0.85:
            del out[rng.randrange(len(out)) :]
            continue
        else:
            at = rng.randrange(len(out))
            out[at:at] = out[rng.randrange(len(out)) :][: rng.choice([24, 512, 4120])]
            continue
        if at + 4 <= len(out):
            struct.pack_into(">I", out, at, value & 0xFFFFFFFF)
    return bytes(out)


def changed_pairs(seed: int, count: int) -> Iterator[Pair]:
    """So many databases with a WAL or journal that was changed; a seed gives the same ones."""
    whole = [image for image in sound() if len(image) < 200_000]
    for number in range(count):
        rng = random.Random(f"pair {seed}:{number}")
        image = rng.choice(whole)
        kind = rng.choice(["wal", "journal"])
        main, given = (by_wal if kind == "wal" else by_journal)(image)
        content = _changed(rng, given[kind])
        if rng.random() < 0.7:
            content = sealed(content) if kind == "wal" else _resealed_journal(content)
        if rng.random() < 0.5:
            main = image[:18] + (b"\2\2" if kind == "wal" else b"\1\1") + image[20:]
        yield f"{kind} {seed}:{number}", main, {kind: content}


def whole_pairs() -> Iterator[Pair]:
    """The databases as they are before anything is changed, by either way."""
    for number, image in enumerate(sound()):
        yield f"sound {number} by WAL", *by_wal(image)
        yield f"sound {number} by journal", *by_journal(image)
