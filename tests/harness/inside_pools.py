"""The private parts of a pool, for tests inside Pyodide."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sahpool
from sahpool.opfs_pool.states import State

if TYPE_CHECKING:
    from sahpool import Pool
    from sahpool.opfs_pool.hold import Hold
    from sahpool.opfs_pool.slot import Slot
    from sahpool.opfs_pool.slots import SlotTable
    from sahpool.opfs_pool.spares import Spares
    from sahpool.pool_parts import Parts
    from sahpool.sqlite.vfs import VFS


# --- the parts of a pool ------------------------------------------------------------------------


def parts_of(pool: Pool) -> Parts:
    """Return the parts of the pool."""
    return sahpool.pool.parts_of(pool)


def slots_of(pool: Pool) -> SlotTable:
    """Return the table of the pool's slots."""
    return parts_of(pool).slots


def vfs_of(pool: Pool) -> VFS:
    """Return the VFS over the pool."""
    return parts_of(pool).vfs


def hold_of(pool: Pool) -> Hold:
    """Return the hold on the pool's directory."""
    return parts_of(pool).hold


def spares_of(pool: Pool) -> Spares:
    """Return the ``Spares`` of the pool, which creates spare slots in advance."""
    return parts_of(pool).spares


def set_wanted_spares(pool: Pool, count: int) -> None:
    """Sets how many spare slots the pool keeps."""
    parts_of(pool).spares._wanted = count


# --- slots --------------------------------------------------------------------------------------


def slot_of(pool: Pool, path: str) -> Slot:
    """Return the slot of a file.

    Raises:
        AssertionError: The pool has no file of that path.
    """
    slot = parts_of(pool).slots.find(path)
    assert slot is not None, f"there is no {path}"
    return slot


def named_slots(pool: Pool) -> dict[str, Slot]:
    """Return the slots that are associated with a path, by that path."""
    return {slot.path: slot for slot in parts_of(pool).slots.those(State.NAMED)}


def spare_slots(pool: Pool) -> list[Slot]:
    """Return the spare slots."""
    return parts_of(pool).slots.those(State.SPARE)


def orphaned_slots(pool: Pool) -> list[Slot]:
    """Return the slots whose file was deleted while open, or whose header could not be freed."""
    return parts_of(pool).slots.those(State.ORPHANED, State.DELETED)


def held_names(pool: Pool) -> list[str]:
    """Return the names of all slots of a pool with no open file, including those in quarantine."""
    slots = parts_of(pool).slots
    held = slots.those(State.NAMED, State.SPARE, State.LEAVING)
    return [slot.name for slot in held] + [kept.name for kept in slots.quarantined]


# --- open files ---------------------------------------------------------------------------------


def open_files(pool: Pool) -> list[int]:
    """Return the addresses of the ``sqlite3_file`` structures that are open."""
    return list(parts_of(pool).vfs._files)


def address_of_method(pool: Pool, name: str) -> Any:
    """Return the C function pointer of a method of ``sqlite3_io_methods``."""
    return getattr(parts_of(pool).vfs._methods, name)


def allocate_region(pool: Pool, size: int) -> int:
    """Allocate memory for a region of a WAL-index, as the VFS does, and return its address."""
    return parts_of(pool).vfs._allocate(size)


def files_with_index(indexes: Any) -> list[Any]:
    """Return the files of the databases that have a WAL-index."""
    return list(indexes._by_file)


def assert_nothing_is_open(pool: Pool) -> None:
    """Asserts that no file is open, no lock is held and there is no WAL-index."""
    vfs = parts_of(pool).vfs
    assert not vfs._files, f"open: {vfs.open_paths}"
    assert vfs._page_io.isUnlocked, "a file is locked"
    indexes = files_with_index(vfs._indexes)
    assert not indexes, f"WAL-indexes: {indexes}"


def assert_nothing_is_lent(pool: Pool) -> None:
    """Asserts that no slot is lent, taken, shown or orphaned."""
    slots = parts_of(pool).slots
    kept = slots.those(State.LENT, State.TEMPORARY, State.SHOWN, State.DELETED, State.ORPHANED)
    assert not kept, [(slot.name, slot.state, slot.path) for slot in kept]


def assert_nobody_installs() -> None:
    """Asserts that no task is installing or removing a pool, so that the next install() can begin.

    It would wait for ever for a turn that nobody gives back.
    """
    from sahpool.pool import installing  # the module knows the browser

    assert installing._holder is None, "the turn of an install() is still taken"


@contextlib.contextmanager
def deleting(pool: Pool, delete: Any) -> Iterator[None]:
    """Within the block, ``delete(path)`` replaces the slot table's method."""
    table: Any = parts_of(pool).slots
    table.delete = delete
    try:
        yield
    finally:
        del table.delete


# --- installed pools ----------------------------------------------------------------------------


def installed_pools() -> dict[str, Pool]:
    """Return the pools of this worker by name: the library's own dictionary, not a copy."""
    return sahpool.pool.installed


def forget(pool: Pool) -> None:
    """Drops a paused pool as the end of its worker does: nothing is written or removed."""
    parts_of(pool).vfs.dispose()
    installed_pools().pop(pool.name, None)


def force_end(pool: Pool) -> None:
    """Drops a pool in any state: its VFS, its slots and its lock; stops at a step that fails."""
    parts_of(pool).vfs.dispose()
    parts_of(pool).slots.close()
    parts_of(pool).hold.unlock()


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
