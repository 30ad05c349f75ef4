"""What the tests that run inside the runtime may use; its text is sent there ahead of them."""

from __future__ import annotations

import contextlib
import ctypes
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import sahpool

if TYPE_CHECKING:
    from sahpool import Pool, Quarantined


class expect:  # noqa: N801 - reads as pytest.raises, which is not there
    """``pytest.raises``: the block must raise an exception of a kind, with a text in it.

    Attributes:
        error: What was raised.
    """

    error: Any

    def __init__(self, kind: type[BaseException], text: str = "") -> None:
        self.kind = kind
        self.text = text

    def __enter__(self) -> expect:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        assert error is not None, f"{self.kind.__name__} was not raised"
        assert isinstance(error, self.kind), f"{error!r} is no {self.kind.__name__}"
        assert self.text in str(error), f"{self.text!r} is not in {str(error)!r}"
        self.error = error
        return True


def database(path: str) -> contextlib.closing[sqlite3.Connection]:
    """A connection in autocommit mode, by a path or URI, closed at the end of the block."""
    return contextlib.closing(sqlite3.connect(path, uri=True, isolation_level=None))


def opened(pool: Pool, name: str, **options: Any) -> contextlib.closing[sqlite3.Connection]:
    """A connection in autocommit mode to a database of the pool."""
    return contextlib.closing(pool.connect(name, isolation_level=None, **options))


def value(connection: sqlite3.Connection, sql: str, *parameters: object) -> Any:
    """The first value of the first row."""
    return connection.execute(sql, parameters).fetchone()[0]


def outcomes(uri: str, *statements: str) -> list[Any]:
    """The rows of each statement on a new connection, or the error's text; also of connecting."""
    answers: list[Any] = []
    try:
        with database(uri) as con:
            for statement in statements:
                try:
                    answers.append(con.execute(statement).fetchall())
                except sqlite3.Error as error:
                    answers.append(f"{error.sqlite_errorname}: {error}")
    except sqlite3.Error as error:
        answers.append(f"{error.sqlite_errorname}: {error}")
    return answers


def slot_name(pool: Pool, path: str) -> str:
    """The file, in the pool's directory, that a database or journal is kept in."""
    slot = pool._slots.find(path)
    assert slot is not None, f"there is no {path}"
    return slot.name


def all_files(pool: Pool) -> dict[str, bytes]:
    """The bytes of every slot but those in quarantine, by its name."""
    slots = [*pool._slots._named.values(), *pool._slots._spare]
    return {slot.name: slot.handle.read(slot.handle.size(), 0) for slot in slots}


async def plant(pool: Pool, directory: str, files: dict[str, bytes]) -> None:
    """Makes these files the slots of a directory, through the means of a pool."""
    create = sahpool.browser.js_object(create=True)
    folder = await sahpool.browser.directory(directory + "/.opaque")
    for name, content in files.items():
        handle = await pool._hold.open(await folder.getFileHandle(name, create))
        handle.write(content, 0)
        handle.close()


async def killed_copy(pool: Pool, directory: str) -> None:
    """The files of the pool as a worker would leave them that was killed now."""
    await plant(pool, directory, all_files(pool))


async def cut_first_transaction(name: str) -> bytes:
    """Leaves in the directory ``.name`` what a worker leaves that is killed in the first one.

    Returns:
        The database as it is when that transaction and two more have been committed.
    """
    pool = await sahpool.install(
        f"{name}-source", pragmas={"journal_mode": "DELETE", "cache_size": 2}
    )
    with opened(pool, "a.db") as con:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(300)])
        await killed_copy(pool, f".{name}")
        con.execute("COMMIT")
        con.execute("INSERT INTO t VALUES('later')")
        con.execute("DELETE FROM t WHERE a > 'x'")
    content = bytes(pool.export_file("a.db"))
    await pool.remove_vfs()
    return content


async def damage(pool: Pool, path: str) -> None:
    """Opens the pool again after a bit of a file's header was flipped that has no second copy."""
    slot = pool._slots.find(path)
    assert slot is not None
    sector = bytearray(slot.handle.read(4096, 0))
    sector[3] ^= 1
    sector[1024:] = bytes(3072)
    slot.handle.write(bytes(sector), 0)
    pool.pause_vfs()
    await pool.unpause_vfs()


async def put_aside(pool: Pool, *paths: str, copies: int = 1) -> Quarantined:
    """Opens the pool again after so many copies of these files' headers were overwritten.

    Returns the first of those in quarantine.
    """
    names = []
    for path in paths:
        slot = pool._slots.find(path)
        assert slot is not None, path
        names.append(slot.name)
        slot.handle.write(b"\xff" * 600, 0)
        if copies == 2:
            slot.handle.write(bytes(3072), 1024)
    pool.pause_vfs()
    await pool.unpause_vfs()
    return next(kept for kept in pool.quarantined if kept.name == names[0])


def aside(pool: Pool, offered: str | None) -> Quarantined:
    """The one slot in quarantine that offers this path."""
    (kept,) = (kept for kept in pool.quarantined if kept.offered == offered)
    return kept


def raw(pool: Pool) -> dict[str, bytes]:
    """All bytes of every slot in quarantine, by its name."""
    return {kept.name: kept.handle.read(kept.handle.size(), 0) for kept in pool.quarantined}


def fill_low_memory() -> None:
    """From now on whatever is made lies beyond 2 GiB, but for what takes a freed place."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(8):
        libc.malloc(1 << 28)
    for size in (1 << 20, 65536, 8192, 4096, 1024, 256, 64):
        while (address := libc.malloc(size)) and address < 1 << 31:
            pass
    kept: list[object] = [globals().get("_filling")]
    for size in range(0, 512, 16):  # what Python has set aside for small objects
        while id(one := bytes(size + 1)) < 1 << 31:
            kept.append(one)
    globals()["_filling"] = kept


def slot_bytes(pool: Pool, path: str) -> bytes:
    """All bytes of the slot that a file has, its header included."""
    slot = pool._slots.find(path)
    assert slot is not None, path
    return slot.handle.read(slot.handle.size(), 0)


@contextlib.asynccontextmanager
async def suspended() -> AsyncIterator[tuple[Callable[[], int], Callable[[], list[str]]]]:
    """A call that is suspended for as long as the block lasts.

    Gives two functions: for the frames that its thread state has, 0 for none; and, afterwards, for
    the names of the functions that it found itself in when it went on.
    """
    import asyncio
    import sys
    from ctypes import c_uint32

    from pyodide.ffi import create_proxy, run_sync

    from sahpool import collecting

    begun, enough = asyncio.Event(), asyncio.Event()
    states: list[int] = []
    names: list[str] = []

    def wait() -> None:
        def asks() -> None:
            states.append(collecting._thread_state())
            begun.set()
            run_sync(enough.wait())
            frame: Any = sys._getframe()
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back

        asks()

    offset = collecting._frame_offset()
    assert offset is not None
    function = create_proxy(wait)
    calling = asyncio.ensure_future(function.callPromising())
    await begun.wait()
    try:
        yield lambda: c_uint32.from_address(states[0] + offset).value, lambda: names
    finally:
        enough.set()
        await calling
        function.destroy()
