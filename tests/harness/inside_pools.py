"""The private parts of a pool, for tests inside Pyodide."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sahpool

if TYPE_CHECKING:
    from sahpool import Pool
    from sahpool.opfs_pool.hold import Hold
    from sahpool.opfs_pool.slot import Slot
    from sahpool.opfs_pool.slots import SlotTable
    from sahpool.opfs_pool.spares import Spares
    from sahpool.sqlite.vfs import VFS


# --- the parts of a pool ------------------------------------------------------------------------


def slots_of(pool: Pool) -> SlotTable:
    """Return the table of the pool's slots."""
    return pool._slots


def vfs_of(pool: Pool) -> VFS:
    """Return the VFS over the pool."""
    return pool._vfs


def hold_of(pool: Pool) -> Hold:
    """Return the hold on the pool's directory."""
    return pool._hold


def spares_of(pool: Pool) -> Spares:
    """Return the ``Spares`` of the pool, which creates spare slots in advance."""
    return pool._spares


def set_wanted_spares(pool: Pool, count: int) -> None:
    """Sets how many spare slots the pool keeps."""
    pool._spares._wanted = count


# --- slots --------------------------------------------------------------------------------------


def slot_of(pool: Pool, path: str) -> Slot:
    """Return the slot of a file.

    Raises:
        AssertionError: The pool has no file of that path.
    """
    slot = pool._slots.find(path)
    assert slot is not None, f"there is no {path}"
    return slot


def named_slots(pool: Pool) -> dict[str, Slot]:
    """Return the slots that are associated with a path, by that path."""
    return dict(pool._slots._named)


def spare_slots(pool: Pool) -> list[Slot]:
    """Return the spare slots."""
    return list(pool._slots._spare)


def orphaned_slots(pool: Pool) -> list[Slot]:
    """Return the slots whose file was deleted while open, or whose header could not be freed."""
    return list(pool._slots._orphans)


def held_names(pool: Pool) -> list[str]:
    """Return the names of all slots of a pool with no open file, including those in quarantine."""
    slots = pool._slots
    held = [*slots._named.values(), *slots._spare, *slots._leaving]
    return [slot.name for slot in held] + [kept.name for kept in slots.quarantined]


# --- open files ---------------------------------------------------------------------------------


def open_files(pool: Pool) -> list[int]:
    """Return the addresses of the ``sqlite3_file`` structures that are open."""
    return list(pool._vfs._files)


def address_of_method(pool: Pool, name: str) -> Any:
    """Return the C function pointer of a method of ``sqlite3_io_methods``."""
    return getattr(pool._vfs._methods, name)


def allocate_region(pool: Pool, size: int) -> int:
    """Allocate memory for a region of a WAL-index, as the VFS does, and return its address."""
    return pool._vfs._allocate(size)


def paths_with_index(indexes: Any) -> list[str]:
    """Return the paths of the databases that have a WAL-index."""
    return list(indexes._by_path)


def assert_nothing_is_open(pool: Pool) -> None:
    """Asserts that no file is open, no lock is held and there is no WAL-index."""
    vfs = pool._vfs
    assert not vfs._files, f"open: {vfs.open_paths}"
    assert vfs._page_io.isUnlocked, "a file is locked"
    indexes = paths_with_index(vfs._indexes)
    assert not indexes, f"WAL-indexes: {indexes}"


def assert_nothing_is_lent(pool: Pool) -> None:
    """Asserts that no slot is lent, taken, shown or orphaned."""
    slots = pool._slots
    assert not slots._lent, f"lent: {list(slots._lent)}"
    assert not slots._taken, f"taken: {slots._taken}"
    assert not slots._shown, f"shown: {list(slots._shown)}"
    assert not slots._orphans, f"orphans: {slots._orphans}"


def assert_nobody_installs() -> None:
    """Asserts that no task is installing or removing a pool, so that the next install() can begin.

    It would wait for ever for a turn that nobody gives back.
    """
    from sahpool.pool import _installing  # the module knows the browser

    assert _installing._holder is None, "the turn of an install() is still taken"


@contextlib.contextmanager
def deleting(pool: Pool, delete: Any) -> Iterator[None]:
    """Within the block, ``delete(path)`` replaces the slot table's method."""
    table: Any = pool._slots
    table.delete = delete
    try:
        yield
    finally:
        del table.delete


# --- installed pools ----------------------------------------------------------------------------


def installed_pools() -> dict[str, Pool]:
    """Return the pools of this worker by name: the library's own dictionary, not a copy."""
    return sahpool.pool._installed


def forget(pool: Pool) -> None:
    """Drops a paused pool as the end of its worker does: nothing is written or removed."""
    pool._vfs.dispose()
    installed_pools().pop(pool.name, None)


def force_end(pool: Pool) -> None:
    """Drops a pool in any state: its VFS, its slots and its lock; stops at a step that fails."""
    pool._vfs.dispose()
    pool._slots.close()
    pool._hold.unlock()


def open_cursors(functions: Any) -> int:
    """How many passes over table functions are open."""
    return len(functions._virtual_tables._cursors)


def open_tables(functions: Any) -> int:
    """How many table functions connections have in use."""
    return len(functions._virtual_tables._tables)


def assert_no_table_function_is_open(functions: Any) -> None:
    """Asserts that SQLite has released every table function, and every pass over one."""
    if functions._virtual_tables is not None:
        assert open_cursors(functions) == open_tables(functions) == 0


@contextlib.contextmanager
def forgotten_layout(pointer: Any = None) -> Iterator[None]:
    """Within the block, the layout of connections is unknown; ``pointer`` reads the address."""
    from sahpool.sqlite import abi, layout

    before: Any = abi.connection_pointer
    layout._is_known = False
    if pointer is not None:
        abi.connection_pointer = pointer
    try:
        yield
    finally:
        abi.connection_pointer = before
        layout._is_known = True
