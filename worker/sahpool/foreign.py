"""Pools of other programs: found, recognised, copied; never written to.

``header.py`` tells whose a slot is. wa-sqlite keeps its slots in the pool's directory itself, all
others in ``.opaque`` below it. Nothing here changes a byte of another program's files: they are
looked at through ``getFile()``, which needs no handle, and copied from handles that are held only
to keep their program from writing meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import beside, transfer
from .abi import SQLITE_OPEN_MAIN_DB
from .cleanup import Cleanup
from .companions import is_among, super_journal
from .errors import (
    SQLITE_FULL,
    ForeignPoolError,
    ImportRejectedError,
    NameExistsError,
    NoSuchDatabaseError,
    StorageError,
    exception_name,
)
from .header import OWN, SECTOR_SIZE, WA_SQLITE, Damaged, Header, decode
from .names import COMPANION_SUFFIXES, LOCK_PREFIX, check_path, stored_path
from .slot import Handle, Slot
from .slots import SlotTable

if TYPE_CHECKING:
    from .hold import Hold
    from .pool import Pool

OPAQUE = (
    ".opaque"  #: the directory of the slots in a pool of the reference, ours and sqlite-wasm-rs
)
_DEPTH = 2  # levels of directories that are searched
_LOOKED_AT = 16  # files of a directory after which it is taken for no pool of wa-sqlite
_CHUNK = 1 << 20  # bytes that are copied at a time
_TRIES = 5  # to read a file before it is written to once more

#: What a browser says of a file that was written to, or removed, after getFile().
_CHANGED = frozenset({"NotFoundError", "NotReadableError"})


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool that ``find_pools`` found.

    Attributes:
        directory: Path of its directory below the origin's root, for ``install(directory=…)`` where
            ``program`` is this one, and for ``import_pool``.
        program: ``"sahpool / @sqlite.org/sqlite-wasm"`` (one format), ``"wa-sqlite"`` or
            ``"sqlite-wasm-rs"``.
        databases: Paths of its databases, sorted, as its headers have them. wa-sqlite and the
            official package keep a name as a URL has it: ``my notes.db`` is ``/my%20notes.db``.
        slots: How many slots it has, free ones included.
        holder: By what id the browser knows the worker that holds it, a pool of this program;
            None when nobody does. Other programs do not tell (w3.org/TR/web-locks, LockInfo).
    """

    directory: str
    program: str
    databases: list[str]
    slots: int
    holder: str | None = None


# --- finding ------------------------------------------------------------------------------------


async def find_pools() -> list[FoundPool]:
    """Every pool of this origin, whoever made it, sorted by directory.

    Looks two directories deep. Takes no handle and writes nothing, so it can be used while another
    tab or program holds the pools.

    Raises:
        UnsupportedError: The browser has no private file system here, or refuses it.
    """
    found: list[FoundPool] = []
    await _search(await _root(), "", _DEPTH, found)
    holders = await _holders()
    told = [dataclasses.replace(pool, holder=holders.get(pool.directory)) for pool in found]
    return sorted(told, key=lambda pool: pool.directory)


async def _holders() -> dict[str, str]:
    """The browser's ids of those who hold a pool's lock, by the pool's directory."""
    from . import browser

    return await browser.lock_holders(LOCK_PREFIX)


async def _root() -> Any:
    from . import browser

    return await browser.directory("")


async def _search(folder: Any, path: str, depth: int, found: list[FoundPool]) -> None:
    entries = [entry async for entry in folder.values()]
    files = [entry for entry in entries if entry.kind == "file"]
    if await _is_wa_sqlite(files):
        found.append(_describe(path, [await _look(file) for file in files]))
    for entry in entries:
        if entry.kind == "file":
            continue
        if entry.name == OPAQUE:
            slots = [await _look(file) async for file in entry.values() if file.kind == "file"]
            if slots:
                found.append(_describe(path, slots))
        elif depth:
            await _search(entry, f"{path}/{entry.name}".lstrip("/"), depth - 1, found)


async def _look(file: Any) -> Header | Damaged:
    """What the header of a slot says that another program may hold."""
    from . import heap

    for _ in range(_TRIES):
        try:
            content = await file.getFile()
            sector = await content.slice(0, SECTOR_SIZE).arrayBuffer()
        except Exception as error:
            if exception_name(error) not in _CHANGED:
                raise
        else:
            return decode(heap.to_bytes(sector), has_content=content.size > SECTOR_SIZE)
    return Damaged("it cannot be read: its program is just writing to it, or has removed it")


async def _is_wa_sqlite(files: list[Any]) -> bool:
    """Whether files that lie in a directory by themselves are the slots of a wa-sqlite pool."""
    for file in files[:_LOOKED_AT]:
        found = await _look(file)
        if isinstance(found, Damaged) and found.program == WA_SQLITE:
            return True
    return False


def _program(slots: Iterable[Header | Damaged]) -> str:
    """Whose pool it is: whoever named most of its files, or else freed most of its slots."""
    named: Counter[str] = Counter()
    free: Counter[str] = Counter()
    for slot in slots:
        program = slot.program if isinstance(slot, Damaged) else OWN
        if program:
            (named if _said(slot).path else free)[program] += 1
    return (named or free or Counter([OWN])).most_common(1)[0][0]


def _said(slot: Header | Damaged) -> Header:
    """The sound header of a slot, whoever wrote it; that of a free slot when there is none."""
    if isinstance(slot, Header):
        return slot
    return slot.offered if slot.program and slot.offered else Header("", 0)


def _describe(directory: str, slots: list[Header | Damaged]) -> FoundPool:
    headers = [_said(slot) for slot in slots]
    databases = {each.path for each in headers if each.path and each.flags & SQLITE_OPEN_MAIN_DB}
    return FoundPool(directory, _program(slots), sorted(databases), len(slots))


# --- leaving alone ------------------------------------------------------------------------------


async def check_directory(directory: str) -> None:
    """Whether a pool may be made in this directory, as far as wa-sqlite is concerned.

    Raises:
        ForeignPoolError: It is the directory of a pool of wa-sqlite.
    """
    folder = await _existing(directory)
    if folder is not None:
        files = [entry async for entry in folder.values() if entry.kind == "file"]
        if await _is_wa_sqlite(files):
            raise _foreign(directory, WA_SQLITE)


def check_slots(directory: str, handles: Sequence[tuple[str, Handle]]) -> None:
    """Whether the slots of a directory are to be taken in: not when all names are another's.

    Where some are, both programs use the pool, and each slot is judged by itself (slots.load).

    Args:
        directory: Path of the pool's directory.
        handles: Its slots, by name.

    Raises:
        ForeignPoolError: The pool is another program's.
    """
    named = [slot for slot in (_read_header(handle) for _, handle in handles) if _said(slot).path]
    if named and not any(isinstance(slot, Header) for slot in named):
        raise _foreign(directory, _program(named))


def _close(handles: Sequence[tuple[str, Handle]]) -> None:
    for _, handle in handles:
        handle.close()


def _read_header(handle: Handle) -> Header | Damaged:
    try:
        sector = handle.read(SECTOR_SIZE, 0)
        return decode(sector, has_content=handle.size() > SECTOR_SIZE)
    except (MemoryError, RecursionError):
        raise  # they say nothing about the file
    except Exception as error:  # noqa: BLE001 - whatever the browser throws
        return Damaged(f"cannot be read: {error}")


def _foreign(directory: str, program: str) -> ForeignPoolError:
    return ForeignPoolError(
        f"The directory {directory} holds a pool of {program}; it was left as it is.",
        hint="Install a pool in a directory of its own, "
        f"and await pool.import_pool({directory!r}) to copy the databases into it.",
    )


async def _existing(directory: str) -> Any:
    """The directory handle of a path, or None when there is no such directory."""
    from . import heap

    folder = await _root()
    try:
        for part in filter(None, directory.split("/")):
            folder = await folder.getDirectoryHandle(heap.text(part))
    except Exception as error:
        if exception_name(error) in ("NotFoundError", "TypeMismatchError"):
            return None
        raise
    return folder


# --- copying ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the pool that is copied from."""

    path: str
    flags: int
    handle: Handle

    @property
    def size(self) -> int:
        return max(0, self.handle.size() - SECTOR_SIZE)


class _Source:
    """The files of another pool, whose slots are all held."""

    def __init__(self, directory: str, handles: list[tuple[str, Handle]]) -> None:
        self.databases: list[_File] = []
        self.unreadable: list[Exception] = []
        self._files: dict[str, _File] = {}
        for name, handle in handles:
            found = _read_header(handle)
            said = _said(found)
            if said.path:
                file = _File(said.path, said.flags, handle)
                self._files[file.path] = file
                if file.flags & SQLITE_OPEN_MAIN_DB:
                    self.databases.append(file)
            elif isinstance(found, Damaged) and not found.program:
                self.unreadable.append(_damaged_slot(directory, name, found))

    def companion(self, database: _File, suffix: str) -> tuple[_File, int] | None:
        """A journal or WAL of a database that SQLite has to see, and how many bytes of it."""
        file = self._files.get(stored_path(database.path + suffix))
        if file is None or not file.size:
            return None
        size = file.size
        if suffix == "-journal":
            record, name = super_journal(file.handle, size)
            if record and not is_among(name, self._files):
                return None  # the super-journal is gone: the transaction was committed
            # It is there, so the transaction was not; here it would not be found.
            size -= record
        return file, size


def _damaged_slot(directory: str, name: str, found: Damaged) -> ImportRejectedError:
    guess = f" It may be {found.offered.path}." if found.offered and found.offered.path else ""
    return ImportRejectedError(
        f"The slot {name} of {directory} was passed over: {found.reason}.{guess}",
        hint="Nothing in it was changed.",
    )


async def import_pool(pool: Pool, slots: SlotTable, hold: Hold, replace: bool) -> dict[str, int]:
    """See :meth:`Pool.import_pool`; ``hold`` is one on the other pool's directory."""
    handles: list[tuple[str, Handle]] = []
    with Cleanup(lambda: _close(handles)) as last, last:
        await _take(hold, handles)
        source = _Source(hold.directory, handles)
        targets = _targets(pool, slots, source, replace)
        refused = source.unreadable
        sizes: dict[str, int] = {}
        for path, file in targets.items():
            needed = 1 + len(COMPANION_SUFFIXES)
            await pool.add_capacity(max(0, needed - slots.spare_count))
            try:
                sizes[path] = await _bring(pool, slots, source, file, path, replace)
            except ImportRejectedError as error:
                refused.append(ImportRejectedError(f"{path}: {error}", hint=error.hint))
    if refused:
        raise ExceptionGroup(
            f"{len(sizes)} databases of {hold.directory} were imported, {len(refused)} were not",
            refused,
        )
    return sizes


async def _take(hold: Hold, handles: list[tuple[str, Handle]]) -> None:
    """Adds a handle on every slot of the other pool."""
    folder = await _existing(hold.directory)
    deadline = time.monotonic() + hold.timeout
    if folder is not None:
        files = [entry async for entry in folder.values() if entry.kind == "file"]
        if await _is_wa_sqlite(files):
            await hold.open_all(folder, deadline, handles)
        opaque = await _existing(f"{hold.directory}/{OPAQUE}")
        if opaque is not None:
            await hold.open_all(opaque, deadline, handles)
    if not handles:
        raise NoSuchDatabaseError(
            f"There is no pool in the directory {hold.directory}.",
            hint="await sahpool.find_pools() lists what there is.",
        )


def _targets(pool: Pool, slots: SlotTable, source: _Source, replace: bool) -> dict[str, _File]:
    """Which path each database gets; every one of them can be had.

    Raises:
        NameExistsError, DatabaseInUseError, InvalidNameError: One of them cannot.
    """
    targets: dict[str, _File] = {}
    for file in sorted(source.databases, key=lambda each: each.path):
        path = check_path(file.path)
        if path in targets:
            raise NameExistsError(
                f"Two databases there, {targets[path].path} and {file.path}, would be {path} here.",
                hint="Rename one of them with the program that made them.",
            )
        transfer.check_target(pool, slots, path, replace)
        targets[path] = file
    return targets


async def _bring(
    pool: Pool, slots: SlotTable, source: _Source, file: _File, path: str, replace: bool
) -> int:
    """Copies one database, lets SQLite finish what its program left undone, and names it."""
    with transfer.lending(slots, "pool") as slot:  # what lies beside it goes back with it
        lent = slot.path
        await _copy(file, file.size, slot)
        is_whole = True
        for suffix in COMPANION_SUFFIXES:
            found = source.companion(file, suffix)
            if found is not None:
                is_whole = False
                await _copy(*found, slots.lend(lent + suffix))
        if not is_whole:
            beside.finish(pool, lent)
        return transfer.adopt(pool, slots, slot, path, replace)


async def _copy(file: _File, size: int, slot: Slot) -> None:
    for at, piece in transfer.read_pieces(file.handle, size, _CHUNK, file.path):
        await asyncio.sleep(0)  # other work of this worker goes on
        if slot.handle.write(piece, at) != len(piece):
            raise StorageError(
                f"The storage is full: {file.path} could not be copied.",
                hint="Delete what you no longer need, or give the site more room.",
                sqlite_code=SQLITE_FULL,
            )
