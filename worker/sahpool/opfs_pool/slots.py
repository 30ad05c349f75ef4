"""The changes of state of a pool's slots, on the disk and in memory; needs no browser.

A pool is a directory of files with random names, the slots. A sync access handle holds each slot
open for as long as the pool is installed, because SQLite cannot wait for one to be opened.

An exception may strike at any line. If it strikes before the flush that makes a change durable, the
change is undone; after that flush, the change is completed by steps that can be repeated.
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
from .states import State

_log = logging.getLogger("sahpool")


class SlotTable(Places):
    """The slots of one pool, with the changes that write to the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0  # the last generation written to a header, or the highest one found
        self._found_digested: set[bool] = set()  # whether headers with a path had digests, as found
        self._kept_supers: set[str] = set()  # super-journals found while slots were in quarantine
        #: Path that the header of a slot in quarantine may have on the disk → name of the slot.
        self._reserved: dict[str, str] = {}

    # --- taking hold ----------------------------------------------------------------------------

    def load(self, name: str, handle: Handle) -> None:
        """Adds a file of the pool's directory as a slot.

        Writes only where no content is lost: a spare slot is extended to the size of its header,
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
        self._move(slot, State.NAMED, found.path)

    def keep_companions(self) -> None:
        """Quarantines journals and WALs whose database may be in quarantine, once all are loaded.

        SQLite would delete a journal or WAL without a database as soon as a database of that name
        is opened. A super-journal keeps its name: once it is gone, SQLite takes the journals that
        refer to it for those of a committed transaction. ``delete`` quarantines it.
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
                self._move(slot, State.QUARANTINED, path)
                reason = "its database is missing, and may be one of those in quarantine"
                self._quarantine(slot.name, slot.handle, reason, path)

    def check_new(self, path: str, besides: Container[str] = ()) -> None:
        """Checks that a new database may have this path in this pool.

        Args:
            path: The path.
            besides: Names of slots in quarantine to ignore.

        Raises:
            InvalidNameError: As :func:`check_new_database`.
            StorageError: A journal or WAL of that database is in quarantine; after the next start
                SQLite would apply it to the new database and ruin it. Or the storage failed while a
                slot in quarantine was given the name, or while a slot was read.
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
        """Checks that no slot is unread that may belong to a named database.

        Raises:
            StorageError: Some slot could not be read. It may be the journal or WAL of the database,
                without which SQLite would take an unfinished transaction for a committed one.
        """
        slot = self._named.get(stored_path(path))
        if slot is not None and is_database(slot):
            self._check_unread(path)

    def read_again(self) -> None:
        """Loads the slots again that could not be read when they were loaded."""
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
            # The reference reads all headers into one buffer; reading a shorter file would leave
            # the header of the previous slot in it.
            slot.handle.truncate(header.SECTOR_SIZE)
        # Empty spares are used first, so that the remains of an interrupted import stay longest.
        self._move(slot, State.SPARE, first=size > header.SECTOR_SIZE)

    def _settle(self, one: Slot, two: Slot) -> Slot:
        """Of two slots with the same path, returns the one that keeps it.

        An import was interrupted after it named the new slot and before it freed the old one
        (``rename``). The new slot was durable by then, so if both headers are ours, the older slot
        is freed, as the import would have done. If another program has written one of the headers,
        the order is unknown, and the loser is quarantined.
        """
        loser, winner = sorted((one, two), key=lambda slot: slot.generation)
        if 0 < loser.generation < winner.generation and self._free_header(loser):
            self._move(loser, State.SPARE, first=True)
            return winner
        reason = f"another slot is {winner.path}, with a later header"
        self._move(loser, State.QUARANTINED, winner.path)
        self._quarantine(loser.name, loser.handle, reason, winner.path)
        return winner

    def _quarantine(self, name: str, handle: Handle, reason: str, offered: str | None) -> None:
        size = max(0, handle.size() - header.SECTOR_SIZE)
        _log.warning("Slot %s is left alone: %s (%d bytes, maybe %s)", name, reason, size, offered)
        self.quarantined.append(Quarantined(name, reason, size, offered or None, handle))

    def add_spare(self, name: str, handle: Handle) -> None:
        """Adds a new, empty file as a spare slot, and writes its header."""
        slot = Slot(name, handle)
        try:
            self._write_free(slot)
            self._move(slot, State.SPARE)
        except BaseException:
            if slot not in self._spare:
                handle.close()  # nobody would close it later; the file is a spare at the next start
            raise

    def _write_free(self, slot: Slot) -> None:
        """Writes the header of a free slot, durably.

        A spare slot may hold content: a worker fills it before giving it a name, or ends first. If
        its header were all zeros, it could not be told from a slot that lost its header.
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
        """Gives ``path`` a slot, and returns it.

        The header is not flushed: it is in the same file as the content, so the xSync that makes
        the content durable makes the header durable too. The header of a WAL is flushed, once in
        the WAL's long life: a header that is found torn later is then certainly damaged, and not
        merely one that was never written (``wal_guard.check_wal``).

        Args:
            path: A path that has no slot.
            flags: SQLITE_OPEN_* flags of the creating xOpen.

        Raises:
            PoolFullError: There is no spare slot.
            StorageError: The storage has no room for the header.
        """
        path = stored_path(path)
        if (base := database_of(path)) != path and self._is_temporary(base):
            return self.lend(path)  # a journal of a lent database must not outlive the worker
        slot = self._ready_spare()
        try:
            self._write_header(slot, path, flags)
            if flags & abi.SQLITE_OPEN_WAL:
                slot.handle.flush()
            slot.flags = flags
            self._move(slot, State.NAMED, path)
            return slot
        except BaseException:
            self._make_spare(slot)
            raise

    def _is_temporary(self, path: str) -> bool:
        """Whether a database has its path for a while only: lent, or shown from quarantine."""
        return path in self._lent or path in self._shown

    def delete(self, path: str) -> bool:
        """Deletes the file of ``path``, durably; False when there was none.

        Deleting a rollback journal commits a transaction, so the deletion must be on disk when this
        returns. When it fails, the file is there as before, or, for a journal or WAL, empty.
        """
        path = stored_path(path)
        slot = self._named.get(path)
        if slot is None:
            return self._delete_lent_companion(path)
        if path in self._kept_supers and not slot.users:
            reason = "a super-journal: a journal in quarantine may belong to its transaction"
            self._quarantine(slot.name, slot.handle, reason, path)
            self._move(slot, State.QUARANTINED, path)
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
        """Frees a slot whose path is off the disk; an open one only with its last user."""
        slot.headed = False
        if slot.users:
            self._move(slot, State.DELETED, path)
            return
        if slot.file.size():
            self._empty(slot)
        self._move(slot, State.SPARE)

    def _keep_name(self, slot: Slot) -> None:
        """Writes the path into a header again, after the header may have been freed.

        Otherwise SQLite would continue to use the file, but the next worker would not find it.
        """
        slot.unsynced = False  # any content behind the header is the file's own
        try:
            self._write_header(slot, slot.path, slot.flags)
            slot.uncertain = False
        except Exception as error:  # noqa: BLE001 - whatever the browser throws
            _log.warning("%s may have lost its name on the disk: %s", slot.path, error)
            slot.uncertain = True

    def ensure_name(self, slot: Slot) -> None:
        """Makes sure that a file that is about to be used has its path in a header on the disk.

        Raises:
            Exception: The storage still refuses it; whatever the browser throws.
        """
        self._end_claims(slot.path)
        if slot.uncertain:
            self._write_header(slot, slot.path, slot.flags)
            slot.uncertain = False

    def _end_claims(self, path: str) -> None:
        """Frees headers on the disk that may name ``path``, except the one of its own slot.

        They belong to a failed import or to a replaced file, and the storage refused to free them.
        The next worker might take such a slot for the file, or bring a deleted file back.

        Raises:
            Exception: The storage still refuses it; whatever the browser throws.
        """
        for slot in [each for each in self.those(State.ORPHANED) if each.claim == path]:
            self._write_header(slot, "", 0)
            slot.handle.flush()
            slot.headed = False
            self._make_spare(slot)

    def release(self, slot: Slot, user: int) -> None:
        """Removes a user of the slot; a deleted slot becomes a spare with its last user."""
        slot.users.discard(user)
        if slot.deleted and not slot.users:
            self._make_spare(slot)

    # --- slots without a name -------------------------------------------------------------------

    def temporary(self) -> Slot:
        """Takes a spare slot for a temporary file, without a change on the disk.

        Raises:
            PoolFullError, StorageError: As for :meth:`lend`.
        """
        slot = self._ready_spare()
        self._move(slot, State.TEMPORARY)
        return slot

    def give_back_temporary(self, used: Container[Slot | None]) -> None:
        """Makes the slots that were taken for temporary files spares, except those in ``used``."""
        for slot in [each for each in self.those(State.TEMPORARY) if each not in used]:
            self._make_spare(slot)

    def _ready_spare(self) -> Slot:
        """A spare slot that is empty and whose header says free; it remains a spare until moved."""
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
            # Content of a killed worker, or content that the storage refused to cut off before.
            slot.unsynced = True
            slot.file.truncate(0)
        return slot

    def lend(self, path: str) -> Slot:
        """Lends a spare slot out under ``path``, where only ``find`` finds it.

        No header is written, so the content does not outlive the worker.

        Raises:
            PoolFullError: There is no spare slot.
            StorageError: The storage has no room for its header.
        """
        slot = self._ready_spare()
        self._move(slot, State.LENT, path)
        return slot

    def take_back(self, path: str) -> None:
        """Makes the slot lent under ``path``, if any, a spare again, and its journal or WAL too."""
        slot = self._lent.get(path)
        if slot is not None:
            self.give_back(slot)
        self._give_back_companions(path)

    def rename(self, slot: Slot, path: str, flags: int) -> None:
        """Makes a lent slot the file ``path`` in one durable step, replacing the old one if any.

        The content is flushed before the header that names it. A crash before the flush of that
        header leaves the old file; a crash after it leaves both, and ``load`` takes the later one.
        So the swap is done once that flush has returned, even if the old slot cannot be freed.
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
        """Makes the slot the file ``path`` in memory, as its header says on the disk."""
        if slot.path != path:
            self._give_back_companions(slot.path)
        slot.flags = flags
        self._move(slot, State.NAMED, path)
        if old is not None:
            self._make_spare(old)

    def _delete_lent_companion(self, path: str) -> bool:
        """Gives back the lent slot of a journal or WAL that SQLite deletes; False without one."""
        slot = self._lent.get(path)
        if slot is None or not path.endswith(COMPANION_SUFFIXES):
            return False
        self.give_back(slot)
        return True

    def give_back(self, slot: Slot) -> None:
        """Makes a taken or lent slot a spare again."""
        self._give_back_companions(slot.path)
        self._make_spare(slot)

    def _give_back_companions(self, path: str) -> None:
        """Gives back lent journals and WALs, which SQLite leaves behind when a write fails."""
        for suffix in COMPANION_SUFFIXES:
            slot = self._lent.get(path + suffix)
            if slot is not None:
                self._make_spare(slot)

    # --- quarantine -----------------------------------------------------------------------------

    @contextmanager
    def shown(self, kept: Quarantined, path: str) -> Iterator[None]:
        """Lets ``find`` return a slot in quarantine for ``path`` within the block, for SQLite."""

        def hide() -> None:
            slot = self._shown.get(path)
            if slot is not None:
                self._move(slot, State.GONE, path)
            self._give_back_companions(path)

        with Cleanup(hide) as last, last:
            self._move(Slot(kept.name, kept.handle, path), State.SHOWN, path)
            yield

    def name_quarantined(self, kept: Quarantined, path: str, flags: int) -> None:
        """Makes a slot in quarantine the file ``path``; otherwise as :meth:`rename`.

        When it fails, the slot stays in quarantine with its old header. If that header could not be
        restored for certain, no other database gets the path (``check_new``).
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
        """Writes a slot's new header durably, takes it out of quarantine, and calls ``place``.

        All or nothing: when the header cannot be made durable, the old one is written back.
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
        """Makes a slot a spare, or an orphan when its header cannot be freed.

        The next worker might take an orphan for its old file, so this worker does not use it again.
        """
        if slot.headed and not self._free_header(slot):
            self._move(slot, State.ORPHANED)
            return
        if slot not in self._spare:
            self._empty(slot)
        self._move(slot, State.SPARE)

    def _free_header(self, slot: Slot) -> bool:
        """Removes the path from the header on the disk; False when the storage refuses."""
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
        """Cuts the slot's content off; durable with the next flush.

        When the storage refuses, the content stays until the slot is taken the next time.
        """
        slot.unsynced = True
        try:
            # Rollback journals do not count: each commit deletes one.
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
        # A program that knows no digests may still use a pool without any (header.py).
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
