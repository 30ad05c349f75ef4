"""What becomes of a pool's slots, on the disk and in its table: free of any browser.

A pool is a directory of files with random names, the slots; each is held open by a sync access
handle for as long as the pool is installed, because SQLite cannot wait for one to be opened.

An exception may strike at any line. Until the flush that makes a change durable the change is
undone then, from there on it is completed; what completes it can be done again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager

from ..cleanup import Cleanup
from ..errors import SQLITE_CANTOPEN, SQLITE_FULL, DatabaseInUseError, PoolFullError, StorageError
from ..names import (
    COMPANION_SUFFIXES,
    check_new_database,
    database_of,
    is_super_journal,
    stored_path,
)
from ..sqlite import abi
from . import header
from .places import Places, is_database
from .slot import BULKY, Handle, Quarantined, Slot, header_bytes, put_back_header

_log = logging.getLogger("sahpool")


class SlotTable(Places):
    """The slots of one pool, what is on the disk and what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0  # the last one given to a header, or the highest one found
        self._found_digested: set[bool] = set()  # whether the names that were found had digests
        self._kept_supers: set[str] = set()  # super-journals that were found beside a quarantine
        #: Paths that the headers of slots in quarantine may have on the disk, with their names.
        self._reserved: dict[str, str] = {}

    # --- taking hold ----------------------------------------------------------------------------

    def load(self, name: str, handle: Handle) -> None:
        """Takes in a file of the pool's directory.

        Nothing is written but where it takes nothing away: a spare is given room for its header,
        and a slot that an import has certainly superseded is freed.
        """
        try:
            size = handle.size()
            sector = handle.read(header.SECTOR_SIZE, 0)
        except (MemoryError, RecursionError):
            raise  # they say nothing about the file
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            reason = f"cannot be read: {error}"
            self.quarantined.append(Quarantined(name, reason, 0, None, handle, error))
            return
        found = header.decode(sector, has_content=size > header.SECTOR_SIZE)
        offered = found.offered if isinstance(found, header.Damaged) else found
        self._generation = max(self._generation, offered.generation if offered else 0)
        if isinstance(found, header.Damaged):
            self._quarantine(name, handle, found.reason, offered.path if offered else None)
            return
        headed = bool(found.path)
        if headed:
            self._found_digested.add(found.digested)
        slot = Slot(name, handle, found.path, found.flags, found.generation, headed, found.path)
        if not found.path:
            self._load_spare(slot, size)
            return
        rival = self._named.get(found.path)
        if rival is not None:
            slot = self._settle(rival, slot)
        self._named[found.path] = slot

    def keep_companions(self) -> None:
        """Quarantines journals and WALs whose database may lie in quarantine, once all are loaded.

        Without their database SQLite would delete them as soon as somebody opens its name. A
        super-journal keeps its name: SQLite takes the journals that refer to it for those of a
        committed transaction as soon as it is gone. ``delete`` sets it aside.
        """
        if not self.quarantined:
            return
        owned = {
            stored_path(path + suffix) for path in self._named for suffix in COMPANION_SUFFIXES
        }
        for path, slot in list(self._named.items()):
            if is_database(slot) or not slot.file.size():
                continue
            if is_super_journal(path):
                self._kept_supers.add(path)
            elif path not in owned:
                del self._named[path]
                reason = "its database is missing, and may be one of those in quarantine"
                self._quarantine(slot.name, slot.handle, reason, path)

    def check_new(self, path: str, besides: Container[str] = ()) -> None:
        """Whether a new database may have this path, in this pool.

        Args:
            path: The path.
            besides: Names of slots in quarantine that do not count.

        Raises:
            InvalidNameError: As :func:`check_new_database`.
            StorageError: A journal or WAL of that name is in quarantine: the next start would give
                it to the new database, which would be ruined by it. Or the storage failed when a
                slot in quarantine was to have the name, or when one was to be read.
        """
        check_new_database(path)
        self._check_unread(path, besides)
        reserved = self._reserved.get(stored_path(path))
        if reserved is not None and reserved not in besides:
            raise StorageError(
                f"No new database can be called {path}: the slot {reserved}, which is in "
                "quarantine, may have that name on the disk.",
                hint="Recover or drop that slot, or choose another name.",
                sqlite_code=SQLITE_CANTOPEN,
            )
        companions = {stored_path(path + suffix) for suffix in COMPANION_SUFFIXES}
        for kept in self.quarantined:
            if kept.offered in companions and kept.name not in besides:
                raise StorageError(
                    f"No new database can be called {path}: {kept.offered} is in quarantine, "
                    "and so may be the database that it belongs to.",
                    hint="Choose another name; pool.quarantined tells more.",
                    sqlite_code=SQLITE_CANTOPEN,
                )

    def check_whole(self, path: str) -> None:
        """Whether all that belongs to a named database is known.

        Raises:
            StorageError: Some slot could not be read: it may be the journal or WAL of the database,
                without which SQLite would take a transaction that was cut off for a whole one.
        """
        slot = self._named.get(stored_path(path))
        if slot is not None and is_database(slot):
            self._check_unread(path)

    def read_again(self) -> None:
        """Tries the slots once more that could not be read when they were loaded."""
        unread = [kept for kept in self.quarantined if kept.unread is not None]
        for kept in unread:
            self.quarantined.remove(kept)
            try:
                self.load(kept.name, kept.handle)
            except BaseException:
                self.quarantined.append(kept)
                raise
        if unread:
            self.keep_companions()

    def _check_unread(self, path: str, besides: Container[str] = ()) -> None:
        if any(kept.unread and kept.name not in besides for kept in self.quarantined):
            self.read_again()
        for kept in self.quarantined:
            if kept.unread is not None and kept.name not in besides:
                raise StorageError(
                    f"{path} was not opened: the slot {kept.name} {kept.reason}. It may belong to "
                    "this database, or be it.",
                    hint="Try again later. If you give the slot up, drop it.",
                    sqlite_code=SQLITE_CANTOPEN,
                ) from kept.unread

    def _load_spare(self, slot: Slot, size: int) -> None:
        if size < header.SECTOR_SIZE:
            # The reference reads the headers of all slots into one buffer: a shorter file leaves
            # the header of the slot before in it.
            slot.handle.truncate(header.SECTOR_SIZE)
        # Clean spares are used first, so that what a cut-off import left behind lies longest.
        self._spare.insert(0 if size > header.SECTOR_SIZE else len(self._spare), slot)

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
        """Takes in a new, empty file, and gives it the header of a free slot."""
        slot = Slot(name, handle)
        try:
            self._write_free(slot)
            self._spare.append(slot)
        except BaseException:
            if slot not in self._spare:
                handle.close()  # nobody would close it later, and the file is a spare all the same
            raise

    def _write_free(self, slot: Slot) -> None:
        """Says in the header, durably, that the slot is free.

        A spare may hold content, until the worker that fills it gives it a name, or ends. If its
        header were nothing but zeros, a lost header could not be told from it.
        """
        self._write_header(slot, "", 0)
        slot.handle.flush()

    def close(self) -> None:
        """Closes every handle and forgets every slot; writes nothing."""
        super().close()
        for found in (self._found_digested, self._kept_supers, self._reserved):
            found.clear()

    # --- files that stay ------------------------------------------------------------------------

    def create(self, path: str, flags: int) -> Slot:
        """Gives ``path`` a slot.

        The header is not flushed: it lies in the same file as the bytes it names, so the xSync that
        makes those durable makes it durable too. That of a WAL is, once in its long life: a header
        that is torn later is then damaged for certain, not just new (``wal_guard.check_wal``).

        Args:
            path: A path that has no slot.
            flags: SQLITE_OPEN_* flags of the creating xOpen.

        Raises:
            PoolFullError: There is no spare slot.
            StorageError: The storage has no room for the header.
        """
        path = stored_path(path)
        if (base := database_of(path)) != path and (base in self._lent or base in self._shown):
            return self.lend(path)  # nobody is to find it again
        slot = self._ready_spare()
        try:
            self._write_header(slot, path, flags)
            if flags & abi.SQLITE_OPEN_WAL:
                slot.handle.flush()
            slot.flags = flags
            self._move(slot, self._named, path)
            return slot
        except BaseException:
            self._make_spare(slot)
            raise

    def delete(self, path: str) -> bool:
        """Takes the slot of ``path`` away from it, durably; False when there was none.

        Deleting a rollback journal is the moment a transaction commits, so it must be on disk when
        this returns. When it fails, the file is there as before, or (a journal or WAL) empty.
        """
        path = stored_path(path)
        slot = self._named.get(path)
        if slot is None:
            return self._delete_lent_companion(path)
        if path in self._kept_supers and not slot.users:
            reason = "a super-journal: a journal in quarantine may belong to its transaction"
            self._quarantine(slot.name, slot.handle, reason, path)
            del self._named[path]
            self._kept_supers.remove(path)
            return True
        self._end_claims(path)
        one_flush = not slot.users and not is_database(slot)
        is_freed = False
        try:
            self._write_header(slot, "", 0)
            if one_flush:
                self._empty(slot)
            slot.handle.flush()
            slot.unsynced = False
            is_freed = True
            self._let_go(slot, path)
            return True
        except BaseException:
            if is_freed:
                self._let_go(slot, path)
            else:
                self._keep_name(slot)
            raise

    def _let_go(self, slot: Slot, path: str) -> None:
        """The slot's name is off the disk: an open one becomes a spare with its last user."""
        slot.headed = False
        if slot.users:
            slot.deleted = True
            self._move(slot, self._orphans, path)
            return
        if slot.file.size():
            self._empty(slot)
        self._move(slot, self._spare)

    def _keep_name(self, slot: Slot) -> None:
        """Writes the name into a header again that could not be freed for certain.

        Otherwise SQLite would go on using the file, and the next worker would not find it.
        """
        slot.unsynced = False  # what may be left behind the header is the file's own
        try:
            self._write_header(slot, slot.path, slot.flags)
            slot.uncertain = False
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            _log.warning("%s may have lost its name on the disk: %s", slot.path, error)
            slot.uncertain = True

    def ensure_name(self, path: str) -> None:
        """Sees to it that the file which is about to be used has its name on the disk.

        Raises:
            Exception: The storage still refuses, by whatever the browser throws.
        """
        slot = self.find(path)
        if slot is None:
            return
        self._end_claims(slot.path)
        if slot.uncertain:
            self._write_header(slot, slot.path, slot.flags)
            slot.uncertain = False

    def _end_claims(self, path: str) -> None:
        """Frees the headers on disk that may name ``path`` and are not its slot's.

        They are those of an import that failed, or of what an import has replaced, when the storage
        refused to free them. The next worker might take them for the file, or for one that was
        deleted.

        Raises:
            Exception: The storage still refuses, by whatever the browser throws.
        """
        for slot in [each for each in self._orphans if each.headed and each.claim == path]:
            self._write_header(slot, "", 0)
            slot.handle.flush()
            slot.headed = False
            self._make_spare(slot)

    def release(self, slot: Slot, user: int) -> None:
        """One user of the slot less; a deleted slot becomes a spare with its last user."""
        slot.users.discard(user)
        if slot.deleted and not slot.users:
            self._make_spare(slot)
            slot.deleted = False

    # --- slots without a name -------------------------------------------------------------------

    def take_spare(self) -> Slot:
        """Takes a spare slot for a temporary file; nothing on the disk says so.

        Raises:
            PoolFullError, StorageError: As for :meth:`lend`.
        """
        slot = self._ready_spare()
        self._move(slot, self._taken)
        return slot

    def give_back_taken(self, used: Container[Slot | None]) -> None:
        """Slots that were taken for temporary files are needed no more, but for those ``used``."""
        for slot in [each for each in self._taken if each not in used]:
            self._make_spare(slot)

    def _ready_spare(self) -> Slot:
        """A spare slot that is empty and known on the disk to be free; it is not taken yet."""
        if not self._spare:
            raise PoolFullError(
                f"All {self.capacity} slots of the pool are taken.",
                hint="Await pool.add_capacity(n), or let the event loop run: "
                "spare slots are added between statements.",
            )
        slot = self._spare[-1]
        if not slot.generation:  # another program made it or freed it
            self._write_free(slot)
        if slot.file.size():
            # Left over from a killed worker, or from a storage that refused to empty it before.
            slot.unsynced = True
            slot.file.truncate(0)
        return slot

    def lend(self, path: str) -> Slot:
        """Lends a spare slot out under ``path``, which only ``find`` knows.

        No header is written: what is in it is gone with the worker.

        Raises:
            PoolFullError: There is none.
            StorageError: The storage has no room for its header.
        """
        slot = self._ready_spare()
        self._move(slot, self._lent, path)
        return slot

    def take_back(self, path: str) -> None:
        """What is lent under ``path``, if anything, is a spare again, with its journal or WAL."""
        slot = self._lent.get(path)
        if slot is not None:
            self.give_back(slot)
        self._give_back_companions(path)

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
        is_named = False
        try:
            slot.handle.flush()
            is_named = True
            self._replace(old, slot, path, flags)
        except BaseException:
            if is_named:
                self._replace(old, slot, path, flags)
            raise

    def _replace(self, old: Slot | None, slot: Slot, path: str, flags: int) -> None:
        """The slot is the file ``path`` on the disk: it is so here."""
        if slot.path != path:
            self._give_back_companions(slot.path)
        slot.flags = flags
        self._move(slot, self._named, path)
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
        self._give_back_companions(slot.path)
        self._make_spare(slot)

    def _give_back_companions(self, path: str) -> None:
        """When SQLite fails to write it closes a journal without deleting it."""
        for suffix in COMPANION_SUFFIXES:
            slot = self._lent.get(path + suffix)
            if slot is not None:
                self._make_spare(slot)

    # --- quarantine -----------------------------------------------------------------------------

    @contextmanager
    def shown(self, kept: Quarantined, path: str) -> Iterator[None]:
        """Lets SQLite open a slot in quarantine under ``path``, which only ``find`` knows."""

        def hide() -> None:
            self._shown.pop(path, None)
            self._give_back_companions(path)

        with Cleanup(hide) as last, last:
            self._shown[path] = Slot(kept.name, kept.handle, path)
            yield

    def name_quarantined(self, kept: Quarantined, path: str, flags: int) -> None:
        """Makes a slot in quarantine the file ``path``; otherwise as :meth:`rename`.

        When it fails, the slot stays in quarantine with the header that it had; where not even that
        is certain, no other database gets the path (``check_new``).
        """
        path = stored_path(path)
        old = self._named.get(path)
        if old is not None and old.users:
            raise DatabaseInUseError(f"{path} is open and cannot be replaced.")
        slot = Slot(kept.name, kept.handle, path, flags)
        self._take_over(kept, slot, lambda: self._replace(old, slot, path, flags))

    def free_quarantined(self, kept: Quarantined) -> None:
        """Makes a slot in quarantine a spare, durably; when it fails, the slot stays there."""
        slot = Slot(kept.name, kept.handle)
        self._take_over(kept, slot, lambda: self._make_spare(slot))

    def _take_over(self, kept: Quarantined, slot: Slot, place: Callable[[], None]) -> None:
        """Gives a slot another header, durably, takes it out of quarantine, and has it placed.

        All or nothing: when it fails, the old header is put back.
        """
        before = header_bytes(kept.handle)
        is_headed = False
        try:
            slot.handle.flush()
            self._write_header(slot, slot.path, slot.flags)
            slot.handle.flush()
            is_headed = True
            self._leave_quarantine(kept, slot)
            place()
        except BaseException:
            if is_headed:
                self._leave_quarantine(kept, slot)
                place()
            elif not put_back_header(kept.handle, before) and slot.path:
                self._reserved[slot.path] = kept.name
            raise

    def _leave_quarantine(self, kept: Quarantined, slot: Slot) -> None:
        slot.headed = bool(slot.path)
        self.quarantined = [each for each in self.quarantined if each.name != kept.name]
        self._reserved = {each: name for each, name in self._reserved.items() if name != kept.name}

    # --- helpers --------------------------------------------------------------------------------

    def _make_spare(self, slot: Slot) -> None:
        """Puts a slot among the spares, unless its header cannot be freed.

        Such a slot might be taken for its old file by the next worker, so it is not used again by
        this one: it stays an orphan.
        """
        if slot.headed and not self._free_header(slot):
            self._move(slot, self._orphans)
            return
        if slot not in self._spare:
            self._empty(slot)
        self._move(slot, self._spare)

    def _free_header(self, slot: Slot) -> bool:
        """Takes the name out of the header on disk; False when the storage refuses."""
        try:
            self._write_free(slot)
        except (MemoryError, RecursionError):
            raise  # they say nothing about the storage; who is stopped here does it again
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
            # Not of rollback journals: each commit deletes one.
            if not slot.path.endswith("-journal") and slot.handle.size() > BULKY:
                slot.bulky = True
            slot.file.truncate(0)
        except (MemoryError, RecursionError):
            raise  # they say nothing about the storage; who is stopped here does it again
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
        if path:
            slot.headed, slot.claim = True, path
        written = slot.handle.write(sector, 0)
        if written != len(sector):
            raise StorageError(
                f"The storage kept {written} of the {len(sector)} bytes of a slot's header.",
                hint="The browser's storage for this site is probably full.",
                sqlite_code=SQLITE_FULL,
            )
        slot.generation = self._generation
