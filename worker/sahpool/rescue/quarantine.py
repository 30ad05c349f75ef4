"""The ways out of quarantine: export, recover, drop. Each happens on demand only.

A slot is quarantined because its header cannot be trusted; the bytes behind the header may be a
complete database. ``recover`` restores it in steps, at each of which a worker may end or fail:

1. *Check.* SQLite checks the database together with its journal or WAL, without changing either: it
   gets a copy of the WAL, or of both the database and the hot journal. Nothing has changed.
2. *Complete.* SQLite rolls the journal's transaction back, or checkpoints the WAL, in the database
   itself, from a copy of the journal or WAL. Both are idempotent: if the worker ends here, the
   original journal or WAL is still there, and the same is done again. Then the database is flushed.
3. *Free* the journal or WAL, durably. The database is complete without it.
4. *Name* the database: one header, one flush.

So there is no moment at which a database has its name without its journal, or a journal applies to
another database of that name.

A WAL may also be in quarantine while its database is not. If the WAL holds commits that the
database lacks, the database does not open (wal_guard.py) until the WAL was dropped or recovered,
which does steps 1 to 3 with the database where it is. If the database has all pages of the WAL, the
WAL is freed: a crash tore the header while SQLite deleted it, after its last checkpoint. A journal
in quarantine does not keep its database from opening: the deletion of a journal is the commit, so a
torn header belongs to a transaction that may count as committed, though it was not acknowledged.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ..cleanup import Cleanup
from ..databases import beside, transfer
from ..databases.access import Access
from ..databases.soundness import check_content
from ..errors import (
    SQLITE_FULL,
    SQLITE_IOERR,
    ImportRejectedError,
    InvalidNameError,
    NewerSchemaWarning,
    NoSuchDatabaseError,
    SahpoolError,
    StorageError,
    UnsupportedError,
    exception_name,
    sqlite_code,
    warn,
)
from ..fileformat.companions import ENDED, JOURNAL_MAGIC, WAL_MAGICS, is_among, super_journal
from ..fileformat.database import FILE_HEADER_SIZE, check_header, has_commits
from ..names import COMPANION_SUFFIXES, check_path, is_companion, stored_path
from ..storage import File, KeptFile, Quarantining

_log = logging.getLogger("sahpool")

_CHUNK = 1 << 20  # bytes of one step of a copy

_WAL = "-wal"

_STAYS = "It stays in quarantine as it is: export what is left of it, or drop it."


@dataclass(frozen=True, slots=True)
class _Companion:
    """A journal or WAL in quarantine that belongs to the recovered database.

    Attributes:
        kept: Its slot.
        suffix: ``"-journal"`` or ``"-wal"``.
        size: Bytes of it that SQLite must see; 0 when it has nothing to apply.
        doubtful: Whether SQLite will ignore it for a reason that may be wrong; then it is not
            freed.
    """

    kept: KeptFile
    suffix: str
    size: int
    doubtful: bool = False


def of(access: Access) -> Quarantining:
    """The storage, if it has a quarantine.

    Raises:
        UnsupportedError: It has none.
    """
    storage: Any = access.storage
    if not storage.capabilities.quarantine:
        raise UnsupportedError(
            f"The storage {access.name} has no quarantine.",
            hint="There is nothing to recover: a file is there, or it is not.",
        )
    quarantining: Quarantining = storage
    return quarantining


def find(storage: Quarantining, name: str) -> KeptFile:
    """The slot of that name in quarantine, after slots that could not be read are read again.

    Raises:
        NoSuchDatabaseError: No slot of that name is in quarantine.
    """
    storage.read_again()
    for kept in _kept(storage):
        if kept.name == name:
            return kept
    raise NoSuchDatabaseError(
        f"There is no slot {name} in quarantine.", hint="pool.quarantined lists those there are."
    )


def _kept(storage: Quarantining) -> list[KeptFile]:
    return list(storage.quarantined)


# --- export and drop ----------------------------------------------------------------------------


def export(storage: Quarantining, kept: KeptFile, size: int) -> Iterator[bytes]:
    """See :meth:`Pool.export_quarantined`."""
    with _failing(f"The slot {kept.name} cannot be read"):
        _check_there(storage, kept)
        file = storage.file_of(kept)
        for _, piece in transfer.read_pieces(file, file.size(), size, f"the slot {kept.name}"):
            yield piece
            _check_there(storage, kept)


def _check_there(storage: Quarantining, kept: KeptFile) -> None:
    if kept not in storage.quarantined:
        raise StorageError(
            f"The slot {kept.name} left quarantine before all of it was exported.",
            hint="What was exported of it is not the whole.",
        )


def drop(storage: Quarantining, kept: KeptFile) -> None:
    """See :meth:`Pool.drop_quarantined`."""
    with _failing(f"The slot {kept.name} could not be dropped"):
        storage.free_quarantined(kept)
    _log.info("Slot %s was dropped: %d bytes, maybe %s", kept.name, kept.size, kept.offered)


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Turns a browser's exception in the block into a StorageError that begins with ``what``."""
    try:
        yield
    except (SahpoolError, sqlite3.Error):
        raise
    except Exception as error:
        raise StorageError(
            f"{what}: {exception_name(error)}: {error}",
            hint="It stays in quarantine: try again later, or export what can be read of it.",
            sqlite_code=sqlite_code(error, SQLITE_IOERR),
        ) from error


# --- recover ------------------------------------------------------------------------------------


class Recovery:
    """The recovery of one slot from quarantine; each method is a step of it."""

    def __init__(self, access: Access, kept: KeptFile) -> None:
        """``kept`` is in the quarantine of the storage."""
        self._access = access
        self._storage = of(access)
        self._kept = kept
        self._file = self._storage.file_of(kept)

    def run(self, as_name: str | None, replace: bool) -> int:
        """See :meth:`Pool.recover`."""
        base = self._owner()
        if base is not None and as_name in (None, base, base.removeprefix("/")):
            with self._failing():
                return self._complete_owner(base)
        path = self._target(as_name)
        with self._failing():
            return self._recover(path, replace)

    def _failing(self) -> AbstractContextManager[None]:
        return _failing(f"The slot {self._kept.name} could not be recovered")

    # --- as a database --------------------------------------------------------------------------

    def _recover(self, path: str, replace: bool) -> int:
        kept, storage = self._kept, self._storage
        self._file.read(1, 0)  # fails first, before other slots, when this one cannot be read
        companions = self._companions(path)
        besides = {kept.name, *(each.kept.name for each in companions)}
        if storage.find(path) is None:
            storage.check_new(path, besides)
        else:
            transfer.check_target(self._access, path, replace)
        applied = [each for each in companions if each.size]
        self._check(path, applied)
        if applied:
            self._complete(applied)
        self._file.flush()
        size = self._file.size()  # here, because no step may fail once the database has its name
        for each in companions:
            if not each.doubtful:
                storage.free_quarantined(each.kept)
        transfer.settle(self._access, path)
        storage.name_quarantined(kept, path, transfer.MAIN_DB_FLAGS)
        name = self._access.name
        _log.info("%s: recovered %s from slot %s, %d bytes", name, path, kept.name, size)
        return size

    def _target(self, as_name: str | None) -> str:
        """The path that the recovered database gets: the given name, or the offered one."""
        kept = self._kept
        if as_name is not None:
            return check_path(as_name)
        if kept.offered is None:
            raise InvalidNameError(
                f"The slot {kept.name} does not tell the name of its database.",
                hint="Give the name that it had: what else of it is in quarantine is known by it.",
            )
        if is_companion(kept.offered):
            raise ImportRejectedError(
                f"The slot {kept.name} holds {kept.offered}, which is no database.",
                hint="It comes back with its database, when that is recovered.",
            )
        return check_path(kept.offered)

    def _check(self, path: str, applied: list[_Companion]) -> None:
        """Checks that the database is sound with its journal or WAL applied; changes nothing."""
        with self._lending() as copies:
            try:
                unread = self._look_at_content(copies, applied)
            except ImportRejectedError as error:
                names = ", ".join(f"{each.kept.offered} ({each.kept.name})" for each in applied)
                hint = f"{_STAYS} It was checked with {names}." if applied else _STAYS
                raise ImportRejectedError(str(error), hint=hint) from error
        if unread is not None:
            warn(unread, path)

    def _look_at_content(
        self, copies: _Copies, applied: list[_Companion]
    ) -> NewerSchemaWarning | None:
        kept = self._kept
        if any(each.suffix == "-journal" for each in applied):
            return self._check_copies(copies, self._file, applied)
        path = transfer.lent_path("check")
        size = self._file.size()
        head = self._file.read(FILE_HEADER_SIZE, 0)
        if not applied or not size:
            check_header(head, size)
        with self._storage.shown(kept, path):
            if applied:
                copies.add_all(path, applied)
                # Without "immutable" SQLite reads the WAL. It does not write to a database opened
                # for reading only when the last connection closes, because xLock refuses it
                # (io.mjs).
                return check_content(self._access.uri(path, mode="ro"), head=head)
            uri = self._access.uri(path, mode="ro", immutable=1)
            return check_content(uri, self._file.read)

    def _check_copies(
        self, copies: _Copies, database: File, applied: list[_Companion]
    ) -> NewerSchemaWarning | None:
        """As :meth:`_check`, on a copy of both the database and its journal or WAL."""
        path = transfer.lent_path("check")
        copies.add_all(path, applied)
        before = database.size()
        copy = copies.add(path, database, before)
        self._finish(path, applied)
        size = copy.size()
        if not size:
            # A journal left behind by the database's first transaction would undo all later ones.
            if has_commits(database.read(FILE_HEADER_SIZE, 0), before):
                raise ImportRejectedError(
                    "What its journal says would undo every transaction it has had."
                )
            return None
        check_header(copy.read(FILE_HEADER_SIZE, 0), size)
        uri = self._access.uri(path, mode="ro", immutable=1)
        return check_content(uri, copy.read)

    def _complete(self, applied: list[_Companion]) -> None:
        """Has SQLite apply copies of the journal or WAL to the database itself."""
        path = transfer.lent_path("recover")
        with self._lending() as copies, self._storage.shown(self._kept, path):
            copies.add_all(path, applied)
            self._finish(path, applied)

    def _finish(self, path: str, applied: list[_Companion]) -> None:
        beside.finish(self._access, path)
        for each in applied:
            left = self._storage.find(path + each.suffix)
            if left is not None and left.file.size():
                raise ImportRejectedError(f"SQLite did not finish what {each.kept.offered} began.")

    # --- as the WAL of a database that is not in quarantine -------------------------------------

    def _owner(self) -> str | None:
        """The path of the database whose WAL the slot may be by name; None without one."""
        for path in self._storage.databases:
            if self._kept.offered == stored_path(path + _WAL):
                return path
        return None

    def _complete_owner(self, base: str) -> int:
        """Checkpoints the WAL into its database; returns the database's size in bytes."""
        kept, storage = self._kept, self._storage
        database = storage.find(base)
        assert database is not None
        if not storage.is_wanted(kept, base):
            raise ImportRejectedError(
                f"The slot {kept.name} has nothing for {base} that is not in there already, "
                "or is no WAL of it.",
                hint="Export it and drop it, or recover it under a name of its own.",
            )
        applied = self._look(kept, _WAL)
        transfer.check_target(self._access, base, replace=True)
        with self._lending() as copies:
            try:
                unread = self._check_copies(copies, database.file, [applied])
            except ImportRejectedError as error:
                hint = f"Neither {base} nor {kept.offered} was changed. {_STAYS}"
                raise ImportRejectedError(str(error), hint=hint) from error
        if unread is not None:
            warn(unread, base)
        with self._lending() as copies:
            copies.add_all(base, [applied])
            self._finish(base, [applied])
        database.file.flush()
        storage.free_quarantined(kept)
        size = database.file.size()
        name = self._access.name
        _log.info("%s: %s has what slot %s kept, %d bytes", name, base, kept.name, size)
        return size

    # --- its journal or WAL ---------------------------------------------------------------------

    def _companions(self, path: str) -> list[_Companion]:
        """The journals and WALs in quarantine that belong to the database by its name.

        Raises:
            ImportRejectedError: It is not clear which ones belong to it.
        """
        kept = self._kept
        named = kept.offered is not None and not is_companion(kept.offered)
        base = kept.offered if named and kept.offered else path
        others = [each for each in _kept(self._storage) if each is not kept and each.offered]
        found: list[_Companion] = []
        for suffix in COMPANION_SUFFIXES:
            wanted = stored_path(base + suffix)
            those = [self._look(each, suffix) for each in others if each.offered == wanted]
            if len([each for each in those if each.size]) > 1:
                names = ", ".join(each.kept.name for each in those)
                raise ImportRejectedError(
                    f"Several slots may be {wanted}: {names}.",
                    hint="Export all of them, and drop those that are not.",
                )
            found += those
        if not named and not found:
            self._refuse_strays(others, path)
        return found

    def _refuse_strays(self, others: list[KeptFile], path: str) -> None:
        """Checks that a database of unknown name cannot belong to a journal without a database.

        Raises:
            ImportRejectedError: There is a journal or WAL of another name whose database is
                missing.
        """
        there = {*self._storage.paths, *(each.offered for each in others)}
        for each in others:
            for suffix in COMPANION_SUFFIXES:
                base = (each.offered or "").removesuffix(suffix)
                if base != each.offered and base not in there and self._look(each, suffix).size:
                    raise ImportRejectedError(
                        f"{each.offered} is in quarantine too (slot {each.name}), and may belong "
                        f"to the database that was to be {path}.",
                        hint=f"If it does, recover the database as {base}; if not, drop "
                        f"{each.name}.",
                    )

    def _look(self, kept: KeptFile, suffix: str) -> _Companion:
        """The part of a journal or WAL in quarantine that SQLite must see.

        Raises:
            ImportRejectedError: The content is not a journal or WAL, whatever its header says.
        """
        file = self._storage.file_of(kept)
        size = file.size()
        head = file.read(len(ENDED), 0)
        if head == ENDED[: len(head)]:
            return _Companion(kept, suffix, 0)
        if not head.startswith((JOURNAL_MAGIC,) if suffix == "-journal" else WAL_MAGICS):
            raise ImportRejectedError(
                f"The slot {kept.name} should be {kept.offered}, but it holds something else.",
                hint="Export that slot and drop it, or recover it under a name of its own.",
            )
        if suffix == "-journal":
            record, name = super_journal(file.read, size)
            if record:
                offered = (each.offered or "" for each in _kept(self._storage))
                if not is_among(name, [*self._storage.paths, *offered]):
                    # SQLite takes it for the journal of a committed transaction.
                    return _Companion(kept, suffix, 0, doubtful=True)
                size -= record  # SQLite would not find a super-journal that is in quarantine
        return _Companion(kept, suffix, size)

    @contextmanager
    def _lending(self) -> Iterator[_Copies]:
        """Copies in lent files, which are taken back at the end of the block."""
        copies = _Copies(self._storage)
        with Cleanup(copies.take_back) as last, last:
            yield copies


class _Copies:
    """Lent files with copies of others."""

    def __init__(self, storage: Quarantining) -> None:
        self._storage = storage
        self._paths: set[str] = set()

    def add_all(self, path: str, applied: list[_Companion]) -> None:
        """Copies journals and WALs, as those of the database ``path``."""
        for each in applied:
            self.add(path + each.suffix, self._storage.file_of(each.kept), each.size)

    def add(self, path: str, file: File, size: int) -> File:
        """Copies the first ``size`` bytes of a file, and returns the copy."""
        self._paths.add(path)
        lent = self._storage.lend(path)
        for at, piece in transfer.read_pieces(file, size, _CHUNK, "a slot in quarantine"):
            if lent.file.write(piece, at) != len(piece):
                raise StorageError(
                    "The storage is full: what is to be recovered could not be copied for its "
                    "check.",
                    hint="Delete what you no longer need, or give the site more room.",
                    sqlite_code=SQLITE_FULL,
                )
        return lent.file

    def take_back(self) -> None:
        """Takes all of them back."""
        for path in self._paths:
            # No effect for a journal that SQLite has rolled back and deleted.
            self._storage.take_back(path)
