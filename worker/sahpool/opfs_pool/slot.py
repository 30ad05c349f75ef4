"""One file of a pool: its handle, its state, and its record in quarantine."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from .header import SECTOR_SIZE
from .states import State

_log = logging.getLogger("sahpool")

#: A spare slot that has been larger than this, in bytes, is replaced by a new file (spares.py).
BULKY = 4 << 20


class Handle(Protocol):
    """A sync access handle in Python's terms. Offsets and sizes are in bytes.

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
        """Closes the handle."""


class SlotFile:
    """The bytes of a slot behind its header: the file as SQLite sees it (storage.File)."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def raw(self) -> Any:
        """The browser's FileSystemSyncAccessHandle, for io.mjs."""
        return self._handle.raw

    @property
    def start(self) -> int:
        """The bytes of the header, behind which SQLite's bytes begin."""
        return SECTOR_SIZE

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``."""
        return self._handle.read(size, SECTOR_SIZE + at)

    def write(self, data: Any, at: int) -> int:
        """Writes bytes at offset ``at``; returns how many were taken."""
        return self._handle.write(data, SECTOR_SIZE + at)

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""
        self._handle.truncate(SECTOR_SIZE + size)

    def size(self) -> int:
        """Bytes in the file; 0 when not even its header is complete."""
        return max(0, self._handle.size() - SECTOR_SIZE)

    def flush(self) -> None:
        """Returns when everything written is on the disk."""
        self._handle.flush()


@dataclass(slots=True, eq=False)
class Slot:
    """One file of the pool.

    Attributes:
        name: Random name of the file in the pool's directory.
        handle: The open access handle of the file.
        file: The bytes behind the header.
        path: The path it belongs to; empty when it is spare.
        flags: The flags in its header: SQLITE_OPEN_* of the creating open.
        generation: Generation of the header on disk; 0 when the header is not one of ours.
        headed: Whether the header on disk may name a file: it does, or a write of it failed.
        claim: While ``headed``, the path that the header on disk may name.
        state: Its state, which only ``Places`` changes.
        users: Addresses of the open ``sqlite3_file`` objects that use it.
        unsynced: True while the slot's old content is cut off but may still be on the disk. It must
            be flushed away before the slot gets a path: an old journal under a new header would
            look like a hot journal.
        bulky: True when the file may have been large since its handle was opened.
        uncertain: True while the header on disk may say that the slot is free although it is not,
            because a deletion failed and the path could not be written back.
    """

    name: str
    handle: Handle
    path: str = ""
    flags: int = 0
    generation: int = 0
    headed: bool = False
    claim: str = ""
    state: State = State.NEW
    users: set[int] = field(default_factory=set)
    unsynced: bool = False
    bulky: bool = False
    uncertain: bool = False
    file: SlotFile = field(init=False)

    def __post_init__(self) -> None:
        self.file = SlotFile(self.handle)

    @property
    def deleted(self) -> bool:
        """Whether its path was deleted while it was open.

        It becomes a spare when the last user closes it, as an unlinked file does on Unix.
        """
        return self.state is State.DELETED

    @property
    def identity(self) -> tuple[str, int]:
        """Identifies this file under this path: name and generation of the slot."""
        return self.name, self.generation

    def shrank(self, by: int) -> None:
        """Notes that ``by`` bytes at the end of the file were cut off."""
        if by > BULKY:
            self.bulky = True


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A slot that is left alone because its header cannot be trusted.

    Attributes:
        name: Name of the file in the pool's directory, which the pool's methods take.
        reason: Why the header cannot be trusted.
        size: Bytes behind the header.
        offered: The path that the header names although it cannot be trusted, or that its second
            copy names; None when there is none. It may be out of date.
        unread: The exception of the storage when the header could not be read, so that the slot may
            be any file; None when it was read.
    """

    name: str
    reason: str
    size: int
    offered: str | None
    handle: Handle = field(repr=False, compare=False)
    unread: Exception | None = field(default=None, repr=False, compare=False)


def file_of(kept: Quarantined) -> SlotFile:
    """The bytes behind the header of a slot in quarantine."""
    return SlotFile(kept.handle)


def header_bytes(handle: Handle) -> bytes | None:
    """The bytes of a slot's header, fewer in a shorter file; None when they cannot be read."""
    try:
        return handle.read(SECTOR_SIZE, 0)
    except Exception as error:  # noqa: BLE001 - whatever the browser throws
        _log.warning("The header of a slot cannot be read: %s", error)
        return None


def put_back_header(handle: Handle, sector: bytes | None) -> bool:
    """Writes the result of :func:`header_bytes` back, durably; False when the storage refuses."""
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
