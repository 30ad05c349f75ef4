"""Which slot belongs to which path: the bookkeeping of a pool, free of any browser.

A pool is a directory of files with random names, the slots; each is held open by a sync access
handle for as long as the pool is installed, because SQLite cannot wait for one to be opened.

Invariant: each slot is in exactly one of *named* (its header carries a path, or it was lent out
under a path for the lifetime of the worker), *spare* (free) and *quarantined* (its header cannot be
trusted; nothing here ever writes to it).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import header
from .errors import InvalidNameError, PoolFullError, StorageError

_JOURNAL_SUFFIXES = ("-journal", "-wal")


class Handle(Protocol):
    """What is asked of a sync access handle, in Python's terms. Offsets and sizes in bytes.

    Attributes:
        raw: The browser's own FileSystemSyncAccessHandle, for io.mjs.
    """

    raw: Any

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``."""

    def write(self, data: bytes, at: int) -> int:
        """Writes at offset ``at``; returns how many bytes were taken."""

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""

    def size(self) -> int:
        """Bytes in the file, header included."""

    def flush(self) -> None:
        """Returns when everything written is on the disk."""

    def close(self) -> None:
        """Lets go of the file."""


@dataclass(slots=True, eq=False)
class Slot:
    """One file of the pool.

    Attributes:
        name: Random name of the file in the pool's directory.
        handle: Its open access handle.
        path: The path it belongs to; empty when it is spare.
        generation: Generation of the header on disk.
        users: How many open ``sqlite3_file`` objects use it.
        deleted: True once its path was deleted while it was open: it becomes a spare when the last
            user closes it, as an unlinked file does on Unix.
        unsynced: True while the slot's old content is cut off but may still be on the disk. It must
            be gone from there before the slot gets a name: an old journal under a new header would
            look like a hot one.
    """

    name: str
    handle: Handle
    path: str = ""
    generation: int = 0
    users: int = 0
    deleted: bool = False
    unsynced: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A slot that is left alone because its header cannot be trusted.

    Attributes:
        name: Name of the file in the pool's directory.
        reason: What is wrong with it.
        size: Bytes behind the header.
        offered: The path its second header copy names, or None.
    """

    name: str
    reason: str
    size: int
    offered: str | None
    handle: Handle = field(repr=False, compare=False)


def check_path(path: str) -> str:
    """The path of a file in the pool for a name as a user writes it.

    Names are taken as they are, ``?``, ``#``, spaces, dots and non-ASCII included; only a leading
    slash is added where there is none, because the reference's paths begin with one.

    Raises:
        InvalidNameError: The name is empty, holds a NUL or is too long.
    """
    if not path.strip("/"):
        raise InvalidNameError(
            "A database needs a name.", hint="Give it one, for example notes.db."
        )
    if "\0" in path:
        raise InvalidNameError(
            f"The name {path!r} holds a NUL character.", hint="Choose a name without it."
        )
    if not path.startswith("/"):
        path = "/" + path
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > header.MAX_PATH_BYTES:
        raise InvalidNameError(
            f"The name {path[:24]}… is {length} bytes long; "
            f"a name may have at most {header.MAX_PATH_BYTES} bytes.",
            hint="Choose a shorter name.",
        )
    return path


def stored_path(path: str) -> str:
    """The path under which a header keeps ``path``.

    The same, but for the journal or WAL of a database whose own name leaves no room for the
    suffix: such a companion is kept under a hash of the database's path, so that a database may use
    all 510 bytes. The reference cannot open such a database at all, so nothing is lost by it.
    """
    raw = path.encode("utf-8", "surrogateescape")
    if len(raw) <= header.MAX_PATH_BYTES:
        return path
    for suffix in _JOURNAL_SUFFIXES:
        if path.endswith(suffix):
            return f"/.{hashlib.sha256(raw[: -len(suffix)]).hexdigest()}{suffix}"
    raise InvalidNameError(
        f"The name {path[:24]}… is {len(raw)} bytes long; "
        f"a name may have at most {header.MAX_PATH_BYTES} bytes.",
        hint="Choose a shorter name.",
    )


class SlotTable:
    """The slots of one pool."""

    def __init__(self) -> None:
        self._named: dict[str, Slot] = {}
        self._spare: list[Slot] = []
        self._orphans: list[Slot] = []  # deleted while open: named no more, not yet spare
        self.quarantined: list[Quarantined] = []

    @property
    def paths(self) -> list[str]:
        """Paths of all named slots, companions included, in no particular order."""
        return list(self._named)

    @property
    def spare_count(self) -> int:
        """How many slots are free."""
        return len(self._spare)

    @property
    def capacity(self) -> int:
        """How many slots the pool has for files: named ones and spares."""
        return len(self._named) + len(self._spare) + len(self._orphans)

    def find(self, path: str) -> Slot | None:
        """The slot of ``path``, or None."""
        return self._named.get(stored_path(path))

    def load(self, name: str, handle: Handle) -> None:
        """Takes in a file of the pool's directory, reading its header and writing nothing."""
        found = header.decode(handle.read(header.SECTOR_SIZE, 0))
        data_size = max(0, handle.size() - header.SECTOR_SIZE)
        if isinstance(found, header.Damaged):
            offered = found.offered.path if found.offered else None
            self._quarantine(name, handle, found.reason, offered or None)
            return
        slot = Slot(name, handle, found.path, found.generation)
        if not found.path:
            # Clean spares are used first, so that what a cut-off import left behind lies longest.
            self._spare.insert(0 if data_size else len(self._spare), slot)
            return
        rival = self._named.get(found.path)
        if rival is not None:
            # Both were written whole: an import was cut off between naming the new slot and
            # freeing the old one. The later header wins, the other is kept where it is.
            loser, slot = sorted((rival, slot), key=lambda each: each.generation)
            reason = f"another slot is {found.path} with a later header"
            self._quarantine(loser.name, loser.handle, reason, found.path)
        self._named[found.path] = slot

    def _quarantine(self, name: str, handle: Handle, reason: str, offered: str | None) -> None:
        size = max(0, handle.size() - header.SECTOR_SIZE)
        self.quarantined.append(Quarantined(name, reason, size, offered, handle))

    def add_spare(self, name: str, handle: Handle) -> None:
        """Takes in a new, empty file."""
        self._spare.append(Slot(name, handle))

    def take_spare(self) -> Slot:
        """Lends a spare slot out without a header: what is in it is gone with the worker.

        Raises:
            PoolFullError: There is none.
        """
        if not self._spare:
            raise PoolFullError(
                f"All {self.capacity} slots of the pool are taken.",
                hint="Await pool.add_capacity(n), or let the event loop run: "
                "spare slots are added between statements.",
            )
        slot = self._spare.pop()
        if slot.handle.size() > header.SECTOR_SIZE:
            self._empty(slot)  # left over from an import or a temporary file of a killed worker
        return slot

    def lend(self, path: str) -> Slot:
        """Lends a spare slot out under ``path`` without writing a header."""
        slot = self.take_spare()
        slot.path = path
        self._named[path] = slot
        return slot

    def create(self, path: str, flags: int) -> Slot:
        """Gives ``path`` a slot.

        The header is not flushed: it lies in the same file as the bytes it names, so the xSync that
        makes those durable makes it durable too.

        Args:
            path: A path that has no slot.
            flags: SQLITE_OPEN_* flags of the creating xOpen.

        Raises:
            PoolFullError: There is no spare slot.
        """
        path = stored_path(path)
        slot = self.take_spare()
        try:
            self._write_header(slot, path, flags)
        except BaseException:
            self._spare.insert(0, slot)
            raise
        slot.path = path
        self._named[path] = slot
        return slot

    def delete(self, path: str) -> bool:
        """Takes the slot of ``path`` away from it, durably; False when there was none.

        Deleting a rollback journal is the moment a transaction commits, so it must be on disk when
        this returns.
        """
        path = stored_path(path)
        slot = self._named.get(path)
        if slot is None:
            return False
        self._write_header(slot, "", 0)
        del self._named[path]
        slot.deleted = True
        self._orphans.append(slot)
        if not slot.users:
            self._reclaim(slot)
        slot.handle.flush()
        slot.unsynced = slot.deleted  # with users left, what they write still has to be cut off
        return True

    def rename(self, slot: Slot, path: str, flags: int) -> None:
        """Makes a lent slot the file ``path`` in one durable step, in place of the old one if any.

        The content is flushed before the header that names it. A crash before the flush of that
        header leaves the old file; one after it leaves both, and ``load`` takes the one with the
        later header.
        """
        path = stored_path(path)
        old = self._named.get(path)
        slot.handle.flush()
        slot.unsynced = False
        slot.generation = max(slot.generation, old.generation if old else 0)
        self._write_header(slot, path, flags)
        slot.handle.flush()
        self._named.pop(slot.path, None)
        if old is not None:
            self.delete(path)
        slot.path = path
        self._named[path] = slot

    def release(self, slot: Slot) -> None:
        """One user of the slot less; a deleted slot becomes a spare with its last user."""
        slot.users -= 1
        if slot.deleted and not slot.users:
            self._reclaim(slot)

    def give_back(self, slot: Slot) -> None:
        """A lent slot is needed no more."""
        if self._named.get(slot.path) is slot:
            del self._named[slot.path]
        self._empty(slot)
        slot.path = ""
        self._spare.append(slot)

    def remove_spares(self, count: int) -> list[Slot]:
        """Takes up to ``count`` spare slots out of the table, for their files to be removed."""
        return [self._spare.pop() for _ in range(min(count, len(self._spare)))]

    def close(self) -> None:
        """Closes every handle and forgets every slot; writes nothing."""
        for slot in (*self._named.values(), *self._spare, *self._orphans):
            slot.handle.close()
        for kept in self.quarantined:
            kept.handle.close()
        self._named.clear()
        self._spare.clear()
        self._orphans.clear()
        self.quarantined.clear()

    def _reclaim(self, slot: Slot) -> None:
        self._empty(slot)
        slot.path = ""
        slot.deleted = False
        self._orphans.remove(slot)
        self._spare.append(slot)

    @staticmethod
    def _empty(slot: Slot) -> None:
        """Cuts the slot's content off; on disk not before the next flush."""
        slot.handle.truncate(header.SECTOR_SIZE)
        slot.unsynced = True

    @staticmethod
    def _write_header(slot: Slot, path: str, flags: int) -> None:
        if path and slot.unsynced:
            slot.handle.flush()
            slot.unsynced = False
        sector = header.encode(path, flags, slot.generation + 1)
        written = slot.handle.write(sector, 0)
        if written != len(sector):
            raise StorageError(
                f"The storage kept {written} of the {len(sector)} bytes of a slot's header.",
                hint="The browser's storage for this site is probably full.",
                sqlite_code=13,
            )
        slot.generation += 1
