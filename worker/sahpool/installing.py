"""``install()``, which returns a pool that is ready to use, or fails and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from . import browser, options
from .browser import logs
from .errors import UnsupportedError
from .pool import Pool, holder_of, installed, installing, parts_of
from .pool_parts import Parts
from .sqlite import default_vfs, defaults
from .turns import Turn
from .volume import prepare


async def install(
    name: str = "opfs-sahpool",
    *,
    directory: str | None = None,
    initial_capacity: int = 6,
    spare: int = 8,
    default: bool = False,
    lock_timeout: float = 10.0,
    clear_on_init: bool = False,
    pragmas: Mapping[str, str | int] = defaults.DEFAULT_PRAGMAS,
    temp_memory_limit: int = 32 << 20,
    verbosity: int | None = None,
) -> Pool:
    """Opens a pool and registers it as a VFS of this Pyodide's ``sqlite3``.

    Installing a name twice returns the existing pool with its first options; only ``verbosity`` is
    applied again.

    Args:
        name: Name of the VFS, for ``file:/notes.db?vfs=NAME``.
        directory: Path of the pool's directory below the origin's root; ``"." + name`` when None.
        initial_capacity: Slots that a new pool is given.
        spare: Number of spare slots to keep; they are topped up between statements.
        default: Whether plain ``sqlite3.connect("notes.db")`` uses this VFS as well; see
            :func:`set_default`.
        lock_timeout: Seconds to wait for a pool that another tab or worker holds. Chromium keeps
            the handles of a worker that was killed inside a long statement for about two seconds.
        clear_on_init: Deletes every database of the pool first.
        pragmas: PRAGMAs that every connection starts with; journal_mode and other settings that a
            database stores are applied to new databases only. ``"journal_mode": "WAL"`` takes
            effect with the first committed table: until then a database is in rollback mode, and
            its page_size, auto_vacuum and encoding can be chosen as on a disk, here or by a PRAGMA.
            wal_autocheckpoint is not accepted: SQLite sets it itself once a connection has opened.
        temp_memory_limit: Bytes up to which a temporary file stays in memory.
        verbosity: Level of the library's messages in the browser's console, see
            :func:`set_verbosity`; None leaves logging as it is.

    Returns:
        The pool.

    Raises:
        TypeError, ValueError: An argument is invalid; nothing was changed.
        UnsupportedError: This is not a worker, the browser has no OPFS with sync access handles
            (private windows of some browsers), or Pyodide lacks something; the message says which.
        PoolLockedError: The pool was held by another tab or worker for all of ``lock_timeout``.
    """
    options.check_name(name)
    directory = options.checked_directory(directory, name)
    options.check_counts(
        initial_capacity=initial_capacity, spare=spare, temp_memory_limit=temp_memory_limit
    )
    options.check_seconds("lock_timeout", lock_timeout)
    options.check_pragmas(pragmas)
    if verbosity is not None:
        logs.set_verbosity(verbosity)
    async with Turn(installing) as turn, turn:
        there = installed.get(name)
        if there is not None:
            return there
        other = holder_of(directory)
        if other is not None:
            raise UnsupportedError(
                f"The directory {directory} is open already, as the pool {other.name}.",
                hint="Use that pool, or give this one a directory of its own.",
            )
        browser.check_environment()
        io = await browser.io_module()
        prepare(io)
        parts = Parts(
            name,
            directory,
            io,
            spare=spare,
            default=default,
            lock_timeout=lock_timeout,
            pragmas=pragmas,
            temp_memory_limit=temp_memory_limit,
        )
        try:
            await parts.acquire(initial_capacity)
            pool = installed[name] = Pool(parts)
        except BaseException:
            if name not in installed:
                parts.end()
                parts.vfs.dispose()
            raise
    if clear_on_init:
        await pool.wipe_files()
    return pool


def set_default(pool: Pool | None) -> None:
    """Sets the pool that plain names use from now on, as in ``sqlite3.connect("notes.db")``.

    Only this function and ``install(default=True)`` change it. While that pool is paused, and after
    it was removed, such a connect fails with a :class:`PoolClosedError` as its ``__cause__``, so
    that nothing is committed to a storage that does not last.

    Args:
        pool: A pool; None for the VFS that was the default before any pool, as a rule Pyodide's
            file system in memory, which loses everything with the worker.

    Raises:
        PoolClosedError: The pool was removed.
        TypeError: The argument is neither a pool nor None.
    """
    if pool is None:
        default_vfs.restore()
        return
    if not isinstance(pool, Pool):
        raise TypeError(f"set_default takes a pool or None, not {pool!r}")
    parts = parts_of(pool)
    parts.standing.check_there()
    default_vfs.make_default(parts.vfs)
