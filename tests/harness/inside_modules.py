"""Private functions of the library's modules, for tests of them; inside Pyodide and outside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sahpool

if TYPE_CHECKING:
    from typing import TypeAlias

    from sahpool.databases.soundness import _Bound

    Bound: TypeAlias = _Bound


def import_bound(is_reached: Callable[[], bool]) -> Bound:
    """Return a progress handler that ends a statement once ``is_reached()`` returns true."""
    from sahpool.databases.soundness import _Bound

    return _Bound(is_reached)


@contextlib.contextmanager
def quick_check_is(check: Callable[..., str]) -> Iterator[None]:
    """Within the block, imports call ``check`` instead of running ``PRAGMA quick_check``."""
    from sahpool.databases import soundness

    before = soundness._quick_check
    soundness._quick_check = check
    try:
        yield
    finally:
        soundness._quick_check = before


def describe_pool(directory: str, headers: Sequence[Any]) -> sahpool.FoundPool:
    """Return what ``find_pools`` finds in a directory whose slots have these headers."""
    from sahpool.rescue import foreign

    return foreign._describe(directory, list(headers))


def second_copy(sector: bytes) -> bytes | None:
    """Return the second copy of a header, in the form of the first one; None without one."""
    from sahpool.opfs_pool import header

    return header._second_copy(sector)[0]


def header_layout() -> dict[str, Any]:
    """Return offsets, sizes and magic of a slot's header, by the names of the constants."""
    from sahpool.opfs_pool import header

    return {
        "path_size": header._PATH_SIZE,
        "flags_offset": header._FLAGS_OFFSET,
        "digest_offset": header._DIGEST_OFFSET,
        "first_size": header._FIRST_SIZE,
        "second_offset": header._SECOND_OFFSET,
        "second_magic": header._SECOND_MAGIC,
        "second_size": header._SECOND_SIZE,
        "second_digest_size": header._SECOND_DIGEST_SIZE,
    }


def thread_state() -> int:
    """Return the address of the current Python thread state."""
    from sahpool.browser import collecting

    return collecting._thread_state()


def frame_offset() -> int | None:
    """Return the offset of the current frame in a thread state; None if it was not found."""
    from sahpool.browser import collecting

    return collecting._frame_offset()


def take_action(cleanup: Any) -> Callable[[], object]:
    """Return the action of a ``Cleanup``, and remove it from the ``Cleanup``."""
    action: Callable[[], object]
    action, cleanup._action = cleanup._action, lambda: None
    return action


@contextlib.contextmanager
def io_methods_changed(change: Callable[[Any, Any], None]) -> Iterator[None]:
    """Within the block, ``change`` alters the methods of each VFS that is made.

    Args:
        change: Gets the ``sqlite3_io_methods`` and the ``Callbacks`` that make C functions.
    """
    from sahpool.sqlite import vfs

    owner: Any = vfs.VFS
    whole = owner._io_methods

    def changed(own: vfs.VFS) -> Any:
        methods = whole(own)
        change(methods, own._callbacks)
        return methods

    owner._io_methods = changed
    try:
        yield
    finally:
        owner._io_methods = whole


def page_io_module(pool: sahpool.Pool) -> Any:
    """Return the JavaScript module with which a pool reads and writes pages."""
    return sahpool.pool.parts_of(pool).hold._io
