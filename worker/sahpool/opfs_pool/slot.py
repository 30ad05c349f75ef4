"""One file of a pool: its handle, what it is, and what is told of it in quarantine."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from .header import SECTOR_SIZE

_log = logging.getLogger("sahpool")

#: A file of more bytes is worth making anew when it becomes a spare (spares.py).
BULKY = 4 << 20


class Handle(Protocol):
    """What is asked of a sync access handle, in Python's terms. Offsets and sizes in bytes.

    Attributes:
        raw: The browser's own FileSystemSyncAccessHandle, for io.mjs.
    """

    raw: Any

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``."""

    def write(self, data: Any, at: int) -> int:
        """Writes bytes at offset ``at``; returns how many were taken."""

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""

    def size(self) -> int:
        """Bytes in the file, header included."""

    def flush(self) -> None:
        """Returns when everything written is on the disk."""

    def close(self) -> None:
        """Lets go of the file."""


class SlotFile:
    """What lies behind the header of a slot: the file as SQLite sees it (storage.File)."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def raw(self) -> Any:
        """The browser's own FileSystemSyncAccessHandle, for io.mjs, which knows of the header."""
        return self._handle.raw

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``."""
        return self._handle.read(size, SECTOR_SIZE + at)

    def write(self, data: Any, at: int) -> int:
        """Writes bytes at offset ``at``; how many were taken."""
        return self._handle.write(data, SECTOR_SIZE + at)

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""
        self._handle.truncate(SECTOR_SIZE + size)

    def size(self) -> int:
        """Bytes in the file; 0 where not even its header is whole."""
        return max(0, self._handle.size() - SECTOR_SIZE)

    def flush(self) -> None:
        """Returns when everything written is on the disk."""
        self._handle.flush()


@dataclass(slots=True, eq=False)
class Slot:
    """One file of the pool.

    Attributes:
        name: Random name of the file in the pool's directory.
        handle: Its open access handle.
        file: What lies behind its header.
        path: The path it belongs to; empty when it is spare.
        flags: The flags in its header: SQLITE_OPEN_* of the creating open.
        generation: Generation of the header on disk; 0 when it has none of ours.
        headed: Whether the header on disk may name a file: it does, or a write of it failed.
        claim: The path that the header on disk may name where ``headed``.
        users: Addresses of the open ``sqlite3_file`` objects that use it.
        deleted: True once its path was deleted while it was open: it becomes a spare when the last
            user closes it, as an unlinked file does on Unix.
        unsynced: True while the slot's old content is cut off but may still be on the disk. It must
            be gone from there before the slot gets a name: an old journal under a new header would
            look like a hot one.
        bulky: True when the file may have been large since its handle was opened.
        uncertain: True while the header may say on the disk that the slot is free although it is
            not: a deletion failed, and so did taking it back.
    """

    name: str
    handle: Handle
    path: str = ""
    flags: int = 0
    generation: int = 0
    headed: bool = False
    claim: str = ""
    users: set[int] = field(default_factory=set)
    deleted: bool = False
    unsynced: bool = False
    bulky: bool = False
    uncertain: bool = False
    file: SlotFile = field(init=False)

    def __post_init__(self) -> None:
        self.file = SlotFile(self.handle)

    @property
    def identity(self) -> tuple[str, int]:
        """What no other file has, nor this one under another path."""
        return self.name, self.generation

    def shrank(self, by: int) -> None:
        """``by`` bytes at its end were cut off."""
        if by > BULKY:
            self.bulky = True


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A slot that is left alone because its header cannot be trusted.

    Attributes:
        name: Name of the file in the pool's directory, by which the pool's methods know it.
        reason: What is wrong with it.
        size: Bytes behind the header.
        offered: The path that its second header copy names, or its header in spite of all; None
            when there is none. Perhaps out of date.
        unread: What the storage failed with when the header was to be read, so that it may be any
            file; None when it was read.
    """

    name: str
    reason: str
    size: int
    offered: str | None
    handle: Handle = field(repr=False, compare=False)
    unread: Exception | None = field(default=None, repr=False, compare=False)


def file_of(kept: Quarantined) -> SlotFile:
    """What lies behind the header of a slot in quarantine."""
    return SlotFile(kept.handle)


def header_bytes(handle: Handle) -> bytes | None:
    """The header of a slot as it is, shorter where the file is; None when it cannot be read."""
    try:
        return handle.read(SECTOR_SIZE, 0)
    except Exception as error:  # noqa: BLE001 - whatever the browser throws
        _log.warning("The header of a slot cannot be read: %s", error)
        return None


def put_back_header(handle: Handle, sector: bytes | None) -> bool:
    """Writes back what :func:`header_bytes` gave, durably; False when the storage refuses."""
    if sector is None:
        return False
    try:
        kept = handle.write(sector, 0) == len(sector)
        if len(sector) < SECTOR_SIZE:
            handle.truncate(len(sector))
        handle.flush()
    except Exception as error:  # noqa: BLE001 - whatever the browser throws
        _log.warning("The header of a slot could not be put back: %s", error)
        return False
    return kept
