"""The way out of quarantine: export, recover, drop. All of it on demand, nothing by itself.

A slot is quarantined because its header cannot be trusted; what lies behind the header may be a
database with every row. ``recover`` brings it back in steps of which each may be the last one of a
worker, or fail:

1. *Check.* SQLite looks at the database together with its journal or WAL, neither of which it may
   write to: it gets a copy of the WAL, or of both database and hot journal. Nothing has changed.
2. *Complete.* SQLite rolls the journal's transaction back, or carries the WAL over, in the database
   itself, from a copy of the journal or WAL. Both are idempotent: should the worker end here, the
   journal is there as it was, and the same is done again. Then the database is flushed.
3. *Free* the journal or WAL, durably. The database is whole without it.
4. *Name* the database: one header, one flush.

So there is no moment at which a database has its name without its journal, or a journal applies to
another database of that name.

A WAL may also lie in quarantine while its database does not. If it holds what the database lacks,
the database does not open (wal_guard.py) until the WAL has been recovered, which does steps 1 to 3
to the database where it is, or dropped. If the database has all of it, the WAL is freed: a crash
tore the header while SQLite deleted it, after its last checkpoint. A journal is not waited for: its
deletion is the commit, so a torn header is that of a transaction that may count as committed,
though nobody was told so.
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

_CHUNK = 1 << 20  # bytes that are copied at a time

_STAYS = "It stays in quarantine as it is: export what is left of it, or drop it."


@dataclass(frozen=True, slots=True)
class _Companion:
    """A journal or WAL in quarantine that belongs to the database which is recovered.

    Attributes:
        kept: It.
        suffix: What its name has after that of the database.
        size: How many bytes of it SQLite has to see; 0 when it has nothing to tell.
        doubtful: Whether SQLite will take no notice of it for a reason that may be wrong, so that
            it is not freed.
    """

    kept: Quarantined
    suffix: str
    size: int
    doubtful: bool = False


def find(slots: SlotTable, name: str) -> Quarantined:
    """The slot of that name in quarantine, after another look at those that could not be read.

    Raises:
        NoSuchDatabaseError: There is none.
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
    """Makes whatever the browser throws within the block a StorageError that says ``what``."""
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
        kept.handle.read(1, 0)  # the other slots are of no interest where this one cannot be read
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
        size = file_of(kept).size()  # nothing may fail once it has its name
        for each in companions:
            if not each.doubtful:
                access.slots.free_quarantined(each.kept)
        transfer.settle(access, path)
        access.slots.name_quarantined(kept, path, transfer.MAIN_DB_FLAGS)
    _log.info("%s: recovered %s from slot %s, %d bytes", access.name, path, kept.name, size)
    return size


def _owner(slots: SlotTable, kept: Quarantined) -> str | None:
    """The database in the pool whose WAL the slot may be, by its name."""
    for path in slots.databases:
        if kept.offered == stored_path(path + WAL):
            return path
    return None


def _recover_wal(access: Access, kept: Quarantined, base: str) -> int:
    """Carries a WAL over into its database; the size of that in bytes."""
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
    """The path that the database gets."""
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
    """What else in quarantine belongs to the database, by its name.

    Raises:
        ImportRejectedError: It cannot be told what does.
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
    """A database whose name nobody knows may be that of a journal whose database is missing.

    Raises:
        ImportRejectedError: There is such a journal, of another name than the one asked for.
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
    """What a journal or WAL in quarantine has to tell.

    Raises:
        ImportRejectedError: It is none, whatever its header says.
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
                # To SQLite, the journal of a committed transaction.
                return _Companion(kept, suffix, 0, doubtful=True)
            size -= record  # SQLite would not find a super-journal that is in quarantine
    return _Companion(kept, suffix, size)


@contextmanager
def _taken_back(slots: SlotTable) -> Iterator[set[str]]:
    """Paths under which slots are lent out within the block; afterwards they are spares again."""
    lent: set[str] = set()

    def take_back() -> None:
        for path in lent:
            slots.take_back(path)  # SQLite may have deleted it: a journal that it has rolled back

    with Cleanup(take_back) as last, last:
        yield lent


def _check(
    access: Access, lent: set[str], kept: Quarantined, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """Whether the database is sound once its journal or WAL has been applied; changes nothing."""
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
            # Without "immutable" SQLite reads the WAL; a database that is open for reading only is
            # not written to when the last connection closes (VFS.xLock).
            return check_content(access.uri(path, mode="ro"), head=head)
        uri = access.uri(path, mode="ro", immutable=1)
        return check_content(uri, file_of(kept).read)


def _check_copies(
    access: Access, lent: set[str], database: File, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """The same, on a copy of both."""
    path = transfer.lent_path("check")
    _lend_copies(access.slots, lent, path, applied)
    before = database.size()
    copy = _lend_copy(access.slots, lent, path, database, before)
    _finish(access, path, applied)
    size = copy.size()
    if not size:
        # A journal that was left behind by the first transaction, and is tried much later, would
        # undo everything.
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
    """Lets SQLite apply the journal or WAL to the database, of which no copy is made."""
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
