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
the database does not open (``check_wal``) until the WAL has been recovered, which does steps 1 to 3
to the database where it is, or dropped. If the database has all of it, the WAL is freed: a crash
tore the header while SQLite deleted it, after its last checkpoint. A journal is not waited for: its
deletion is the commit, so a torn header is that of a transaction that may count as committed,
though nobody was told so.
"""

from __future__ import annotations

import logging
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import beside, transfer
from .cleanup import Cleanup
from .companions import (
    ENDED,
    FRAME_HEADER_SIZE,
    JOURNAL_MAGIC,
    WAL_HEADER_SIZE,
    WAL_MAGICS,
    checksum,
    is_among,
    super_journal,
)
from .errors import (
    SQLITE_CANTOPEN,
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
from .header import SECTOR_SIZE
from .names import COMPANION_SUFFIXES, check_path, is_companion, stored_path
from .slot import Handle, Quarantined
from .slots import SlotTable
from .soundness import FILE_HEADER_SIZE, check_content, check_header, has_commits, page_size_of

if TYPE_CHECKING:
    from .pool import Pool

_log = logging.getLogger("sahpool")

_CHUNK = 1 << 20  # bytes that are copied at a time

_WAL = "-wal"

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
        whole = max(0, kept.handle.size() - SECTOR_SIZE)
        for _, piece in transfer.read_pieces(kept.handle, whole, size, f"the slot {kept.name}"):
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


def recover(
    pool: Pool, slots: SlotTable, kept: Quarantined, as_name: str | None, replace: bool
) -> int:
    """See :meth:`Pool.recover`."""
    base = _owner(slots, kept)
    if base is not None and as_name in (None, base, base.removeprefix("/")):
        return _recover_wal(pool, slots, kept, base)
    path = _target(kept, as_name)
    with _storage(f"The slot {kept.name} could not be recovered"):
        kept.handle.read(1, 0)  # the other slots are of no interest where this one cannot be read
        companions = _companions(slots, kept, path)
        besides = {kept.name, *(each.kept.name for each in companions)}
        _check_target(pool, slots, path, replace, besides)
        applied = [each for each in companions if each.size]
        with _taken_back(slots) as lent:
            try:
                unread = _check(pool, slots, lent, kept, applied)
            except ImportRejectedError as error:
                names = ", ".join(f"{each.kept.offered} ({each.kept.name})" for each in applied)
                hint = f"{_STAYS} It was checked with {names}." if applied else _STAYS
                raise ImportRejectedError(str(error), hint=hint) from error
        _warn_of(unread, path)
        with _taken_back(slots) as lent:
            if applied:
                _complete(pool, slots, lent, kept, applied)
        kept.handle.flush()
        size = kept.handle.size() - SECTOR_SIZE  # nothing may fail once it has its name
        for each in companions:
            if not each.doubtful:
                slots.free_quarantined(each.kept)
        transfer.settle(pool, slots, path)
        slots.name_quarantined(kept, path, transfer.MAIN_DB_FLAGS)
    _log.info("%s: recovered %s from slot %s, %d bytes", pool.name, path, kept.name, size)
    return size


def _owner(slots: SlotTable, kept: Quarantined) -> str | None:
    """The database in the pool whose WAL the slot may be, by its name."""
    for path in slots.databases:
        if kept.offered == stored_path(path + _WAL):
            return path
    return None


def _recover_wal(pool: Pool, slots: SlotTable, kept: Quarantined, base: str) -> int:
    """Carries a WAL over into its database; the size of that in bytes."""
    database = slots.find(base)
    assert database is not None
    with _storage(f"The slot {kept.name} could not be recovered"):
        if not _is_wanted(slots, kept, base):
            raise ImportRejectedError(
                f"The slot {kept.name} has nothing for {base} that is not in there already, "
                "or is no WAL of it.",
                hint="Export it and drop it, or recover it under a name of its own.",
            )
        applied = _look(slots, kept, _WAL)
        transfer.check_target(pool, slots, base, replace=True)
        with _taken_back(slots) as lent:
            try:
                unread = _check_copies(pool, slots, lent, database.handle, [applied])
            except ImportRejectedError as error:
                hint = f"Neither {base} nor {kept.offered} was changed. {_STAYS}"
                raise ImportRejectedError(str(error), hint=hint) from error
        _warn_of(unread, base)
        with _taken_back(slots) as lent:
            _lend_copies(slots, lent, base, [applied])
            _finish(pool, slots, base, [applied])
        database.handle.flush()
        slots.free_quarantined(kept)
        size = database.handle.size() - SECTOR_SIZE
    _log.info("%s: %s has what slot %s kept, %d bytes", pool.name, base, kept.name, size)
    return size


def check_wal(slots: SlotTable, path: str) -> None:
    """Looks for the database's WAL in quarantine; frees it if the database has all that it holds.

    Raises:
        StorageError: The WAL has committed transactions that the database lacks.
    """
    for kept in list(slots.quarantined):
        wanted = _is_wanted(slots, kept, path)
        if wanted is False:
            slots.free_quarantined(kept)
            _log.info("%s has all that the slot %s held, its WAL", path, kept.name)
        elif wanted:
            raise StorageError(
                f"{path} was not opened: {kept.offered}, which holds its last changes, is in "
                f"quarantine as the slot {kept.name}.",
                hint="Recover that slot, or drop it if you give up what it holds.",
                sqlite_code=SQLITE_CANTOPEN,
            )


def _is_wanted(slots: SlotTable, kept: Quarantined, path: str) -> bool | None:
    """Whether a database without a WAL in the pool lacks what the slot, its WAL, holds.

    None when the slot is no WAL of this database, or has no committed transaction.
    """
    database = slots.find(path)
    if database is None or kept.offered != stored_path(path + _WAL) or slots.find(path + _WAL):
        return None
    first = database.handle.read(FILE_HEADER_SIZE, SECTOR_SIZE)
    if len(first) < FILE_HEADER_SIZE:
        return None
    size = page_size_of(first)
    latest = _committed(kept, size)
    if not latest:
        return None
    return any(
        kept.handle.read(size, at) != database.handle.read(size, SECTOR_SIZE + (number - 1) * size)
        for number, at in latest.items()
    )


def _committed(kept: Quarantined, size: int) -> dict[int, int]:
    """Page number → offset in the slot of each page that a WAL's valid frames commit.

    Empty where the WAL's header is damaged, or its pages have another size (fileformat2.html,
    sections 4.1 to 4.4).
    """
    head = kept.handle.read(WAL_HEADER_SIZE, SECTOR_SIZE)
    if not head.startswith(WAL_MAGICS) or int.from_bytes(head[8:12], "big") != size:
        return {}
    order = "<" if head.startswith(WAL_MAGICS[0]) else ">"
    sums = checksum(order, head[:24], (0, 0))
    if struct.pack(">2I", *sums) != head[24:32]:
        return {}
    latest: dict[int, int] = {}
    started: dict[int, int] = {}  # the same, of the transaction that is being read
    step = FRAME_HEADER_SIZE + size
    for at in range(SECTOR_SIZE + WAL_HEADER_SIZE, kept.handle.size() - step + 1, step):
        frame = kept.handle.read(step, at)
        sums = checksum(order, frame[FRAME_HEADER_SIZE:], checksum(order, frame[:8], sums))
        if frame[8:16] != head[16:24] or struct.pack(">2I", *sums) != frame[16:24]:
            break  # from here on it is an earlier WAL
        started[int.from_bytes(frame[:4], "big")] = at + FRAME_HEADER_SIZE
        pages = int.from_bytes(frame[4:8], "big")  # of the database after a commit; else 0
        if pages:
            latest.update(started)
            latest = {number: at for number, at in latest.items() if number <= pages}
            started.clear()
    return latest


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


def _check_target(
    pool: Pool, slots: SlotTable, path: str, replace: bool, besides: set[str]
) -> None:
    if slots.find(path) is None:
        slots.check_new(path, besides)
    else:
        transfer.check_target(pool, slots, path, replace)


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
    size = max(0, kept.handle.size() - SECTOR_SIZE)
    head = kept.handle.read(len(ENDED), SECTOR_SIZE)
    if head == ENDED[: len(head)]:
        return _Companion(kept, suffix, 0)
    if not head.startswith((JOURNAL_MAGIC,) if suffix == "-journal" else WAL_MAGICS):
        raise ImportRejectedError(
            f"The slot {kept.name} should be {kept.offered}, but it holds something else.",
            hint="Export that slot and drop it, or recover it under a name of its own.",
        )
    if suffix == "-journal":
        record, name = super_journal(kept.handle, size)
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
    pool: Pool, slots: SlotTable, lent: set[str], kept: Quarantined, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """Whether the database is sound once its journal or WAL has been applied; changes nothing."""
    if any(each.suffix == "-journal" for each in applied):
        return _check_copies(pool, slots, lent, kept.handle, applied)
    path = transfer.lent_path("check")
    size = max(0, kept.handle.size() - SECTOR_SIZE)
    head = kept.handle.read(FILE_HEADER_SIZE, SECTOR_SIZE)
    if not applied or not size:
        check_header(head, size)
    with slots.shown(kept, path):
        if applied:
            _lend_copies(slots, lent, path, applied)
            # Without "immutable" SQLite reads the WAL; a database that is open for reading only is
            # not written to when the last connection closes (VFS.xLock).
            return check_content(pool.uri(path, mode="ro"), head=head)
        uri = pool.uri(path, mode="ro", immutable=1)
        return check_content(uri, lambda count, at: kept.handle.read(count, SECTOR_SIZE + at))


def _check_copies(
    pool: Pool, slots: SlotTable, lent: set[str], database: Handle, applied: list[_Companion]
) -> NewerSchemaWarning | None:
    """The same, on a copy of both."""
    path = transfer.lent_path("check")
    _lend_copies(slots, lent, path, applied)
    before = max(0, database.size() - SECTOR_SIZE)
    copy = _lend_copy(slots, lent, path, database, before)
    _finish(pool, slots, path, applied)
    size = max(0, copy.size() - SECTOR_SIZE)
    if not size:
        # A journal that was left behind by the first transaction, and is tried much later, would
        # undo everything.
        if has_commits(database.read(FILE_HEADER_SIZE, SECTOR_SIZE), before):
            raise ImportRejectedError(
                "What its journal says would undo every transaction it has had."
            )
        return None
    check_header(copy.read(FILE_HEADER_SIZE, SECTOR_SIZE), size)
    uri = pool.uri(path, mode="ro", immutable=1)
    return check_content(uri, lambda count, at: copy.read(count, SECTOR_SIZE + at))


def _warn_of(unread: NewerSchemaWarning | None, path: str) -> None:
    if unread is not None:
        warn(unread, path)


def _complete(
    pool: Pool, slots: SlotTable, lent: set[str], kept: Quarantined, applied: list[_Companion]
) -> None:
    """Lets SQLite apply the journal or WAL to the database, of which no copy is made."""
    path = transfer.lent_path("recover")
    with slots.shown(kept, path):
        _lend_copies(slots, lent, path, applied)
        _finish(pool, slots, path, applied)


def _finish(pool: Pool, slots: SlotTable, path: str, applied: list[_Companion]) -> None:
    beside.finish(pool, path)
    for each in applied:
        left = slots.find(path + each.suffix)
        if left is not None and left.handle.size() > SECTOR_SIZE:
            raise ImportRejectedError(f"SQLite did not finish what {each.kept.offered} began.")


def _lend_copies(slots: SlotTable, lent: set[str], path: str, applied: list[_Companion]) -> None:
    for each in applied:
        _lend_copy(slots, lent, path + each.suffix, each.kept.handle, each.size)


def _lend_copy(slots: SlotTable, lent: set[str], path: str, handle: Handle, size: int) -> Handle:
    lent.add(path)
    slot = slots.lend(path)
    for at, piece in transfer.read_pieces(handle, size, _CHUNK, "a slot in quarantine"):
        if slot.handle.write(piece, at) != len(piece):
            raise StorageError(
                "The storage is full: what is to be recovered could not be copied for its check.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
    return slot.handle
