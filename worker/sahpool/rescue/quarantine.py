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
from contextlib import contextmanager
from dataclasses import dataclass

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
    exception_name,
    sqlite_code,
    warn,
)
from ..fileformat.companions import ENDED, JOURNAL_MAGIC, WAL_MAGICS, is_among, super_journal
from ..fileformat.database import FILE_HEADER_SIZE, check_header, has_commits
from ..names import COMPANION_SUFFIXES, check_path, is_companion, stored_path
from ..opfs_pool.slot import Quarantined, file_of
from ..opfs_pool.slots import SlotTable
from ..opfs_pool.wal_guard import WAL, is_wanted
from ..storage import File

_log = logging.getLogger("sahpool")

_CHUNK = 1 << 20  # bytes of one step of a copy

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

    kept: Quarantined
    suffix: str
    size: int
    doubtful: bool = False


def find(slots: SlotTable, name: str) -> Quarantined:
    """The slot of that name in quarantine, after slots that could not be read are read again.

    Raises:
        NoSuchDatabaseError: No slot of that name is in quarantine.
    """
    slots.read_again()
    for kept in slots.quarantined:
        if kept.name == name:
            return kept
    raise NoSuchDatabaseError(
        f"There is no slot {name} in quarantine.", hint="pool.quarantined lists those there are."
    )


# --- export and drop ----------------------------------------------------------------------------


def export(slots: SlotTable, kept: Quarantined, size: int) -> Iterator[bytes]:
    """See :meth:`Pool.export_quarantined`."""
    with _storage(f"The slot {kept.name} cannot be read"):
        _check_there(slots, kept)
        whole = file_of(kept).size()
        for _, piece in transfer.read_pieces(file_of(kept), whole, size, f"the slot {kept.name}"):
            yield piece
            _check_there(slots, kept)


def _check_there(slots: SlotTable, kept: Quarantined) -> None:
    if kept not in slots.quarantined:
        raise StorageError(
            f"The slot {kept.name} left quarantine before all of it was exported.",
            hint="What was exported of it is not the whole.",
        )


def drop(slots: SlotTable, kept: Quarantined) -> None:
    """See :meth:`Pool.drop_quarantined`."""
    with _storage(f"The slot {kept.name} could not be dropped"):
        slots.free_quarantined(kept)
    _log.info("Slot %s was dropped: %d bytes, maybe %s", kept.name, kept.size, kept.offered)


@contextmanager
def _storage(what: str) -> Iterator[None]:
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


def recover(access: Access, kept: Quarantined, as_name: str | None, replace: bool) -> int:
    """See :meth:`Pool.recover`."""
    base = _owner(access.slots, kept)
    if base is not None and as_name in (None, base, base.removeprefix("/")):
        return _recover_wal(access, kept, base)
    path = _target(kept, as_name)
    with _storage(f"The slot {kept.name} could not be recovered"):
        kept.handle.read(1, 0)  # fails first, before other slots, when this one cannot be read
        companions = _companions(access.slots, kept, path)
        besides = {kept.name, *(each.kept.name for each in companions)}
        _check_target(access, path, replace, besides)
        applied = [each for each in companions if each.size]
        with _taken_back(access.slots) as lent:
            try:
                unread = _check(access, lent, kept, applied)
            except ImportRejectedError as error:
                names = ", ".join(f"{each.kept.offered} ({each.kept.name})" for each in applied)
                hint = f"{_STAYS} It was checked with {names}." if applied else _STAYS
                raise ImportRejectedError(str(error), hint=hint) from error
        _warn_of(unread, path)
        with _taken_back(access.slots) as lent:
            if applied:
                _complete(access, lent, kept, applied)
        file_of(kept).flush()
        size = file_of(kept).size()  # here, because no step may fail once the database has its name
        for each in companions:
            if not each.doubtful:
                access.slots.free_quarantined(each.kept)
        transfer.settle(access, path)
        access.slots.name_quarantined(kept, path, transfer.MAIN_DB_FLAGS)
    _log.info("%s: recovered %s from slot %s, %d bytes", access.name, path, kept.name, size)
    return size


def _owner(slots: SlotTable, kept: Quarantined) -> str | None:
    """The path of the database in the pool whose WAL the slot may be by name; None without one."""
    for path in slots.databases:
        if kept.offered == stored_path(path + WAL):
            return path
    return None


def _recover_wal(access: Access, kept: Quarantined, base: str) -> int:
    """Checkpoints a WAL in quarantine into its database; returns the database's size in bytes."""
    database = access.slots.find(base)
    assert database is not None
    with _storage(f"The slot {kept.name} could not be recovered"):
        if not is_wanted(access.slots, kept, base):
            raise ImportRejectedError(
                f"The slot {kept.name} has nothing for {base} that is not in there already, "
                "or is no WAL of it.",
                hint="Export it and drop it, or recover it under a name of its own.",
            )
        applied = _look(access.slots, kept, WAL)
        transfer.check_target(access, base, replace=True)
        with _taken_back(access.slots) as lent:
            try:
                unread = _check_copies(access, lent, database.file, [applied])
            except ImportRejectedError as error:
                hint = f"Neither {base} nor {kept.offered} was changed. {_STAYS}"
                raise ImportRejectedError(str(error), hint=hint) from error
        _warn_of(unread, base)
        with _taken_back(access.slots) as lent:
            _lend_copies(access.slots, lent, base, [applied])
            _finish(access, base, [applied])
        database.file.flush()
        access.slots.free_quarantined(kept)
        size = database.file.size()
    _log.info("%s: %s has what slot %s kept, %d bytes", access.name, base, kept.name, size)
    return size


def _target(kept: Quarantined, as_name: str | None) -> str:
    """The path that the recovered database gets: the given name, or the offered one."""
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


def _check_target(access: Access, path: str, replace: bool, besides: set[str]) -> None:
    if access.slots.find(path) is None:
        access.slots.check_new(path, besides)
    else:
        transfer.check_target(access, path, replace)


def _companions(slots: SlotTable, kept: Quarantined, path: str) -> list[_Companion]:
    """The journals and WALs in quarantine that belong to the database by its name.

    Raises:
        ImportRejectedError: It is not clear which ones belong to it.
    """
    named = kept.offered is not None and not is_companion(kept.offered)
    base = kept.offered if named and kept.offered else path
    others = [each for each in slots.quarantined if each is not kept and each.offered]
    found: list[_Companion] = []
    for suffix in COMPANION_SUFFIXES:
        wanted = stored_path(base + suffix)
        those = [_look(slots, each, suffix) for each in others if each.offered == wanted]
        if len([each for each in those if each.size]) > 1:
            names = ", ".join(each.kept.name for each in those)
            raise ImportRejectedError(
                f"Several slots may be {wanted}: {names}.",
                hint="Export all of them, and drop those that are not.",
            )
        found += those
    if not named and not found:
        _refuse_strays(slots, others, path)
    return found


def _refuse_strays(slots: SlotTable, others: list[Quarantined], path: str) -> None:
    """Checks that a database of unknown name cannot belong to a journal without a database.

    Raises:
        ImportRejectedError: There is a journal or WAL of another name whose database is missing.
    """
    there = {*slots.paths, *(each.offered for each in others)}
    for each in others:
        for suffix in COMPANION_SUFFIXES:
            base = (each.offered or "").removesuffix(suffix)
            if base != each.offered and base not in there and _look(slots, each, suffix).size:
                raise ImportRejectedError(
                    f"{each.offered} is in quarantine too (slot {each.name}), and may belong to "
                    f"the database that was to be {path}.",
                    hint=f"If it does, recover the database as {base}; if not, drop {each.name}.",
                )


def _look(slots: SlotTable, kept: Quarantined, suffix: str) -> _Companion:
    """The part of a journal or WAL in quarantine that SQLite must see.

    Raises:
        ImportRejectedError: The content is not a journal or WAL, whatever its header says.
    """
    size = file_of(kept).size()
    head = file_of(kept).read(len(ENDED), 0)
    if head == ENDED[: len(head)]:
        return _Companion(kept, suffix, 0)
    if not head.startswith((JOURNAL_MAGIC,) if suffix == "-journal" else WAL_MAGICS):
        raise ImportRejectedError(
            f"The slot {kept.name} should be {kept.offered}, but it holds something else.",
            hint="Export that slot and drop it, or recover it under a name of its own.",
        )
    if suffix == "-journal":
        record, name = super_journal(file_of(kept).read, size)
        if record:
            files = [*slots.paths, *(each.offered or "" for each in slots.quarantined)]
            if not is_among(name, files):
                # SQLite takes it for the journal of a committed transaction.
                return _Companion(kept, suffix, 0, doubtful=True)
            size -= record  # SQLite would not find a super-journal that is in quarantine
    return _Companion(kept, suffix, size)


@contextmanager
def _taken_back(slots: SlotTable) -> Iterator[set[str]]:
    """A set for the paths of lent slots, which are made spares again at the end of the block."""
    lent: set[str] = set()

    def take_back() -> None:
        for path in lent:
            slots.take_back(path)  # no effect for a journal that SQLite has rolled back and deleted

    with Cleanup(take_back) as last, last:
        yield lent


def _check(
    access: Access, lent: set[str], kept: Quarantined, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """Checks that the database is sound with its journal or WAL applied; changes nothing."""
    if any(each.suffix == "-journal" for each in applied):
        return _check_copies(access, lent, file_of(kept), applied)
    path = transfer.lent_path("check")
    size = file_of(kept).size()
    head = file_of(kept).read(FILE_HEADER_SIZE, 0)
    if not applied or not size:
        check_header(head, size)
    with access.slots.shown(kept, path):
        if applied:
            _lend_copies(access.slots, lent, path, applied)
            # Without "immutable" SQLite reads the WAL. It does not write to a database opened for
            # reading only when the last connection closes, because xLock refuses it (io.mjs).
            return check_content(access.uri(path, mode="ro"), head=head)
        uri = access.uri(path, mode="ro", immutable=1)
        return check_content(uri, file_of(kept).read)


def _check_copies(
    access: Access, lent: set[str], database: File, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """As :func:`_check`, on a copy of both the database and its journal or WAL."""
    path = transfer.lent_path("check")
    _lend_copies(access.slots, lent, path, applied)
    before = database.size()
    copy = _lend_copy(access.slots, lent, path, database, before)
    _finish(access, path, applied)
    size = copy.size()
    if not size:
        # A journal left behind by the database's first transaction would undo all later ones.
        if has_commits(database.read(FILE_HEADER_SIZE, 0), before):
            raise ImportRejectedError(
                "What its journal says would undo every transaction it has had."
            )
        return None
    check_header(copy.read(FILE_HEADER_SIZE, 0), size)
    uri = access.uri(path, mode="ro", immutable=1)
    return check_content(uri, copy.read)


def _warn_of(unread: NewerSchemaWarning | None, path: str) -> None:
    if unread is not None:
        warn(unread, path)


def _complete(access: Access, lent: set[str], kept: Quarantined, applied: list[_Companion]) -> None:
    """Has SQLite apply copies of the journal or WAL to the database itself."""
    path = transfer.lent_path("recover")
    with access.slots.shown(kept, path):
        _lend_copies(access.slots, lent, path, applied)
        _finish(access, path, applied)


def _finish(access: Access, path: str, applied: list[_Companion]) -> None:
    beside.finish(access, path)
    for each in applied:
        left = access.slots.find(path + each.suffix)
        if left is not None and left.file.size():
            raise ImportRejectedError(f"SQLite did not finish what {each.kept.offered} began.")


def _lend_copies(slots: SlotTable, lent: set[str], path: str, applied: list[_Companion]) -> None:
    for each in applied:
        _lend_copy(slots, lent, path + each.suffix, file_of(each.kept), each.size)


def _lend_copy(slots: SlotTable, lent: set[str], path: str, file: File, size: int) -> File:
    lent.add(path)
    slot = slots.lend(path)
    for at, piece in transfer.read_pieces(file, size, _CHUNK, "a slot in quarantine"):
        if slot.file.write(piece, at) != len(piece):
            raise StorageError(
                "The storage is full: what is to be recovered could not be copied for its check.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
    return slot.file
