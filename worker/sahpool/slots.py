"""Which slot belongs to which path: the bookkeeping of a pool, free of any browser.

A pool is a directory of files with random names, the slots; each is held open by a sync access
handle for as long as the pool is installed, because SQLite cannot wait for one to be opened.

Invariant: each slot is in exactly one of *named* (its header carries its path), *lent* (it has a
path for a while, but no header), *orphaned* (its file was deleted while it was open), *spare*
(free) and *quarantined* (its header cannot be trusted; nothing here ever writes to it).
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import abi, header
from .errors import (
    SQLITE_CANTOPEN,
    SQLITE_FULL,
    DatabaseInUseError,
    InvalidNameError,
    PoolFullError,
    StorageError,
)

_log = logging.getLogger("sahpool")

#: The companions of a database that may outlive a worker.
COMPANION_SUFFIXES = ("-journal", "-wal")

#: What SQLite adds to a database's name: journal, WAL, super-journal (``main.c``, ``vdbeaux.c``).
_COMPANION = re.compile(r"-(?:journal|wal|mj[0-9A-F]{9})$")


#: The kinds of file among SQLITE_OPEN_* flags, MAIN_DB to SUPER_JOURNAL and WAL
#: (sqlite.org/c3ref/c_open_autoproxy.html).
_KINDS = 0x00087F00


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


@dataclass(slots=True, eq=False)
class Slot:
    """One file of the pool.

    Attributes:
        name: Random name of the file in the pool's directory.
        handle: Its open access handle.
        path: The path it belongs to; empty when it is spare.
        flags: The flags in its header: SQLITE_OPEN_* of the creating open.
        generation: Generation of the header on disk; 0 when it has none of ours.
        headed: Whether the header on disk may name a file: it does, or a write of it failed.
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
    flags: int = 0
    generation: int = 0
    headed: bool = False
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

    Characters are taken as they are, ``?``, ``#``, spaces and non-ASCII included. ``.`` and ``..``
    and empty parts are resolved, as os_unix.c and the reference do it: a program that asks for
    ``./notes.db`` today and for ``notes.db`` tomorrow means one database.

    Raises:
        InvalidNameError: The name is empty, holds a NUL or is too long.
    """
    if "\0" in path:
        raise InvalidNameError(
            f"The name {path!r} holds a NUL character.", hint="Choose a name without it."
        )
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise InvalidNameError(
            "A database needs a name.", hint="Give it one, for example notes.db."
        )
    path = "/" + "/".join(parts)
    try:
        length = len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise InvalidNameError(
            f"The name {path!r} cannot be written as UTF-8.", hint="Choose another one."
        ) from error
    if length > header.MAX_PATH_BYTES:
        raise _too_long(path, length)
    return path


def check_new_database(path: str) -> None:
    """Whether a new database may have this path.

    Raises:
        InvalidNameError: SQLite would take it for the companion of another database, and delete it.
    """
    found = _COMPANION.search(path)
    if found is not None:
        raise InvalidNameError(
            f"A database cannot be called {path}: SQLite keeps names that end in {found[0]} "
            "for its own journals.",
            hint="Choose another ending.",
        )


def _is_database(slot: Slot) -> bool:
    """Whether a slot holds a database, by the kind of file that its creating open named.

    The name decides where a header, another program's, names no kind.
    """
    kind = slot.flags & _KINDS
    return bool(kind & abi.SQLITE_OPEN_MAIN_DB) if kind else not _COMPANION.search(slot.path)


def stored_path(path: str) -> str:
    """The path under which a header keeps ``path``.

    The same, but for a companion of a database whose own name leaves no room for the suffix: it is
    kept under a hash of the database's path, so that a database may use all 510 bytes. The
    reference cannot open such a database at all, so nothing is lost by it.

    Raises:
        InvalidNameError: The path is too long and no companion's.
    """
    raw = path.encode("utf-8", "surrogateescape")
    if len(raw) <= header.MAX_PATH_BYTES:
        return path
    found = _COMPANION.search(path)
    if found is not None:
        base = path[: found.start()].encode("utf-8", "surrogateescape")
        return f"/.{hashlib.sha256(base).hexdigest()}{found[0]}"
    raise _too_long(path, len(raw))


def _too_long(path: str, length: int) -> InvalidNameError:
    return InvalidNameError(
        f"The name {path[:24]}… is {length} bytes long; "
        f"a name may have at most {header.MAX_PATH_BYTES} bytes.",
        hint="Choose a shorter name.",
    )


class SlotTable:
    """The slots of one pool."""

    def __init__(self) -> None:
        self._named: dict[str, Slot] = {}
        self._lent: dict[str, Slot] = {}
        self._spare: list[Slot] = []
        self._orphans: list[Slot] = []
        self._generation = 0  # the last one given to a header, or the highest one found
        self._found_digested: set[bool] = set()  # whether the names that were found had digests
        self.quarantined: list[Quarantined] = []

    @property
    def paths(self) -> list[str]:
        """Paths of all named slots, companions included, in no particular order."""
        return list(self._named)

    @property
    def databases(self) -> list[str]:
        """Paths of the named slots that are databases, in no particular order."""
        return [path for path, slot in self._named.items() if _is_database(slot)]

    @property
    def spare_count(self) -> int:
        """How many slots are free."""
        return len(self._spare)

    @property
    def lent_count(self) -> int:
        """How many slots are lent out, for an import or an export that is under way."""
        return len(self._lent)

    @property
    def capacity(self) -> int:
        """How many slots the pool has for files: all but the quarantined ones."""
        return len(self._named) + len(self._lent) + len(self._spare) + len(self._orphans)

    def find(self, path: str) -> Slot | None:
        """The slot of ``path``, lent ones included, or None."""
        path = stored_path(path)
        return self._named.get(path) or self._lent.get(path)

    # --- taking hold ----------------------------------------------------------------------------

    def load(self, name: str, handle: Handle) -> None:
        """Takes in a file of the pool's directory.

        Nothing is written but where it takes nothing away: a spare is given room for its header,
        and a slot that an import has certainly superseded is freed.
        """
        try:
            data_size = max(0, handle.size() - header.SECTOR_SIZE)
            sector = handle.read(header.SECTOR_SIZE, 0)
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            self.quarantined.append(Quarantined(name, f"cannot be read: {error}", 0, None, handle))
            return
        found = header.decode(sector, has_content=data_size > 0)
        offered = found.offered if isinstance(found, header.Damaged) else found
        self._generation = max(self._generation, offered.generation if offered else 0)
        if isinstance(found, header.Damaged):
            self._quarantine(name, handle, found.reason, offered.path if offered else None)
            return
        headed = bool(found.path)
        if headed:
            self._found_digested.add(found.digested)
        slot = Slot(name, handle, found.path, found.flags, found.generation, headed)
        if not found.path:
            self._load_spare(slot, data_size)
            return
        rival = self._named.get(found.path)
        if rival is not None:
            slot = self._settle(rival, slot)
        self._named[found.path] = slot

    def keep_companions(self) -> None:
        """Quarantines journals and WALs whose database may lie in quarantine, once all are loaded.

        Without their database SQLite would delete them as soon as somebody opens its name.
        """
        if not self.quarantined:
            return
        owned = {
            stored_path(path + suffix) for path in self._named for suffix in COMPANION_SUFFIXES
        }
        for path, slot in list(self._named.items()):
            if (
                path not in owned
                and not _is_database(slot)
                and slot.handle.size() > header.SECTOR_SIZE
            ):
                del self._named[path]
                reason = "its database is missing, and may be one of those in quarantine"
                self._quarantine(slot.name, slot.handle, reason, path)

    def check_new(self, path: str) -> None:
        """Whether a new database may have this path, in this pool.

        Raises:
            InvalidNameError: As :func:`check_new_database`.
            StorageError: A journal or WAL of that name is in quarantine: the next start would give
                it to the new database, which would be ruined by it.
        """
        check_new_database(path)
        companions = {stored_path(path + suffix) for suffix in COMPANION_SUFFIXES}
        for kept in self.quarantined:
            if kept.offered in companions:
                raise StorageError(
                    f"No new database can be called {path}: {kept.offered} is in quarantine, "
                    "and so may be the database that it belongs to.",
                    hint="Choose another name; pool.quarantined tells more.",
                    sqlite_code=SQLITE_CANTOPEN,
                )

    def _load_spare(self, slot: Slot, data_size: int) -> None:
        if slot.handle.size() < header.SECTOR_SIZE:
            # The reference reads the headers of all slots into one buffer: a shorter file leaves
            # the header of the slot before in it.
            slot.handle.truncate(header.SECTOR_SIZE)
        # Clean spares are used first, so that what a cut-off import left behind lies longest.
        self._spare.insert(0 if data_size else len(self._spare), slot)

    def _settle(self, one: Slot, two: Slot) -> Slot:
        """Of two slots with the same path, the one that has it.

        An import was cut off between naming the new slot and freeing the old one (``rename``). The
        new one was on the disk first, so where both headers are ours the older slot is what it was
        to be: free. Where another program has written one of them, nobody knows: it is kept.
        """
        loser, winner = sorted((one, two), key=lambda slot: slot.generation)
        if 0 < loser.generation < winner.generation and self._free_header(loser):
            loser.path = ""
            self._spare.insert(0, loser)
            return winner
        reason = f"another slot is {winner.path}, with a later header"
        self._quarantine(loser.name, loser.handle, reason, winner.path)
        return winner

    def _quarantine(self, name: str, handle: Handle, reason: str, offered: str | None) -> None:
        size = max(0, handle.size() - header.SECTOR_SIZE)
        _log.warning("Slot %s is left alone: %s (%d bytes, maybe %s)", name, reason, size, offered)
        self.quarantined.append(Quarantined(name, reason, size, offered or None, handle))

    def add_spare(self, name: str, handle: Handle) -> None:
        """Takes in a new, empty file, and gives it room for its header (see ``_load_spare``)."""
        try:
            handle.truncate(header.SECTOR_SIZE)
        except BaseException:
            handle.close()  # nobody would close it later, and the file is a spare all the same
            raise
        self._spare.append(Slot(name, handle))

    def remove_spares(self, count: int) -> list[Slot]:
        """Takes up to ``count`` spare slots out of the table, for their files to be removed."""
        return [self._spare.pop() for _ in range(min(count, len(self._spare)))]

    def close(self) -> None:
        """Closes every handle and forgets every slot; writes nothing."""
        for slot in (*self._named.values(), *self._lent.values(), *self._spare, *self._orphans):
            slot.handle.close()
        for kept in self.quarantined:
            kept.handle.close()
        for each in (self._named, self._lent, self._spare, self._orphans, self.quarantined):
            each.clear()
        self._found_digested.clear()

    # --- files that stay ------------------------------------------------------------------------

    def create(self, path: str, flags: int) -> Slot:
        """Gives ``path`` a slot.

        The header is not flushed: it lies in the same file as the bytes it names, so the xSync that
        makes those durable makes it durable too.

        Args:
            path: A path that has no slot.
            flags: SQLITE_OPEN_* flags of the creating xOpen.

        Raises:
            PoolFullError: There is no spare slot.
            StorageError: The storage has no room for the header.
        """
        path = stored_path(path)
        slot = self.take_spare()
        try:
            self._write_header(slot, path, flags)
        except BaseException:
            self._make_spare(slot)
            raise
        slot.path, slot.flags = path, flags
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
            return self._delete_lent_companion(path)
        self._write_header(slot, "", 0)
        if not slot.users:
            self._empty(slot)
        slot.handle.flush()
        # Asked before anything changes here: a storage that does not answer must not lose the slot.
        unsynced = not slot.users and slot.handle.size() > header.SECTOR_SIZE
        slot.headed = False
        del self._named[path]
        if slot.users:
            slot.deleted = True
            self._orphans.append(slot)
        else:
            slot.path, slot.unsynced = "", unsynced
            self._spare.append(slot)
        return True

    def release(self, slot: Slot) -> None:
        """One user of the slot less; a deleted slot becomes a spare with its last user."""
        slot.users -= 1
        if slot.deleted and not slot.users:
            slot.deleted = False
            self._orphans.remove(slot)
            self._make_spare(slot)

    # --- slots without a name -------------------------------------------------------------------

    def take_spare(self) -> Slot:
        """Takes a spare slot without writing a header: what is in it is gone with the worker.

        Raises:
            PoolFullError: There is none.
        """
        if not self._spare:
            raise PoolFullError(
                f"All {self.capacity} slots of the pool are taken.",
                hint="Await pool.add_capacity(n), or let the event loop run: "
                "spare slots are added between statements.",
            )
        slot = self._spare[-1]
        if slot.handle.size() > header.SECTOR_SIZE:
            # Left over from a killed worker, or from a storage that refused to empty it before.
            slot.unsynced = True
            slot.handle.truncate(header.SECTOR_SIZE)
        return self._spare.pop()

    def lend(self, path: str) -> Slot:
        """Lends a spare slot out under ``path``, which only ``find`` knows."""
        slot = self.take_spare()
        slot.path = path
        self._lent[path] = slot
        return slot

    def rename(self, slot: Slot, path: str, flags: int) -> None:
        """Makes a lent slot the file ``path`` in one durable step, in place of the old one if any.

        The content is flushed before the header that names it. A crash before the flush of that
        header leaves the old file; one after it leaves both, and ``load`` takes the later one. So
        once that flush has returned the swap has happened, whatever becomes of the old slot.
        """
        path = stored_path(path)
        old = self._named.get(path)
        if old is not None and old.users:
            raise DatabaseInUseError(f"{path} is open and cannot be replaced.")
        slot.handle.flush()
        slot.unsynced = False
        self._write_header(slot, path, flags)
        slot.handle.flush()
        del self._lent[slot.path]
        slot.path, slot.flags = path, flags
        self._named[path] = slot
        if old is not None:
            self._make_spare(old)

    def _delete_lent_companion(self, path: str) -> bool:
        """SQLite has rolled back or carried over the journal or WAL of a lent database."""
        slot = self._lent.get(path)
        if slot is None or not path.endswith(COMPANION_SUFFIXES):
            return False
        self.give_back(slot)
        return True

    def give_back(self, slot: Slot) -> None:
        """A slot that was taken or lent is needed no more."""
        self._lent.pop(slot.path, None)
        self._make_spare(slot)

    # --- helpers --------------------------------------------------------------------------------

    def _make_spare(self, slot: Slot) -> None:
        """Puts a slot among the spares, unless its header cannot be freed.

        Such a slot might be taken for its old file by the next worker, so it is not used again by
        this one: it stays an orphan.
        """
        slot.path = ""
        if slot.headed and not self._free_header(slot):
            self._orphans.append(slot)
            return
        self._empty(slot)
        self._spare.append(slot)

    def _free_header(self, slot: Slot) -> bool:
        """Takes the name out of the header on disk; False when the storage refuses."""
        try:
            self._write_header(slot, "", 0)
            slot.handle.flush()
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            _log.warning("The header of slot %s could not be freed: %s", slot.name, error)
            return False
        slot.headed = False
        return True

    @staticmethod
    def _empty(slot: Slot) -> None:
        """Cuts the slot's content off; on disk not before the next flush.

        Where the storage refuses, the content stays until the slot is taken the next time.
        """
        slot.unsynced = True
        try:
            slot.handle.truncate(header.SECTOR_SIZE)
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            _log.warning("Slot %s could not be emptied: %s", slot.name, error)

    def _write_header(self, slot: Slot, path: str, flags: int) -> None:
        if path and slot.unsynced:
            slot.handle.flush()
            slot.unsynced = False
        self._generation += 1
        # A program that knows no digests may still use a pool that has none (header.py).
        digested = self._found_digested != {False}
        sector = header.encode(path, flags, self._generation, digested=digested)
        slot.headed = slot.headed or bool(path)
        written = slot.handle.write(sector, 0)
        if written != len(sector):
            raise StorageError(
                f"The storage kept {written} of the {len(sector)} bytes of a slot's header.",
                hint="The browser's storage for this site is probably full.",
                sqlite_code=SQLITE_FULL,
            )
        slot.generation = self._generation
