"""Every way in which a slot's header is damaged; for CPython and, sent there, for Pyodide.

Runs on both sides, inside Pyodide and outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

SECTOR = 4096  # bytes of header
FIRST = 524  # bytes of its first copy
WRITTEN = 1596  # bytes up to the end of its second copy
DISK_SECTOR = 512  # bytes that a disk writes whole

FLAGS = 0x106  # SQLITE_OPEN_MAIN_DB | READWRITE | CREATE


def flipped(sector: bytes, bit: int) -> bytes:
    """One bit of the first copy the other way round."""
    damaged = bytearray(sector)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def first_copy_cut(sector: bytes, kept: int) -> bytes:
    """The first copy's tail is zeros, from a byte on."""
    return sector[:kept] + bytes(FIRST - kept) + sector[FIRST:]


def header_cut(sector: bytes, kept: int) -> bytes:
    """All of the header's tail is zeros, from a byte on."""
    return sector[:kept].ljust(SECTOR, b"\0")


#: What is done to a header, and at how many places.
DAMAGES: dict[str, tuple[Callable[[bytes, int], bytes], int]] = {
    "bits flipped": (flipped, 8 * FIRST),
    "first copy cut": (first_copy_cut, FIRST),
    "header cut": (header_cut, WRITTEN),
}


def damaged(sector: bytes, arm: str) -> Iterator[bytes]:
    """The header with this damage, at each place in turn."""
    change, places = DAMAGES[arm]
    return (change(sector, place) for place in range(places))


def tears(old: bytes, new: bytes) -> Iterator[bytes]:
    """Some of a disk's sectors have the new header, some the old one; never all of them the old."""
    at = range(0, SECTOR, DISK_SECTOR)
    differing = [each for each in at if old[each:][:DISK_SECTOR] != new[each:][:DISK_SECTOR]]
    for count in range(1, len(differing) + 1):
        for written in itertools.combinations(differing, count):
            torn = bytearray(old)
            for each in written:
                torn[each : each + DISK_SECTOR] = new[each : each + DISK_SECTOR]
            yield bytes(torn)
