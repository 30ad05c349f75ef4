"""Runs inside Pyodide in Node: workloads over a storage in memory whose n-th call fails.

After SQLite's own ``do_ioerr_test`` (``test6.c``, ``tester.tcl``): a workload is run once without a
fault, which says how often each method of the browser is called and what the databases hold after
each step. Then it is run again for every call that may fail, and each time is checked:

1. The step that failed raised the right error: the SQLite code of what SQLite was doing, with the
   browser's exception as ``__cause__``. A step that reported success has happened.
2. The storage as a killed worker would leave it at that moment opens, is intact, and holds what was
   acknowledged.
3. Once the cause is gone, the same connection holds the same; the step, repeated, works, and so do
   all that follow.
4. The same after the pool was let go and opened again, and for the storage of a worker that is
   killed at the end.

*What was acknowledged* is exact: a step that failed has changed nothing. There is one exception,
and it is SQLite's own: where the call that failed came at the point of commit or after it (the
journal's deletion, the sync of a WAL whose last frame is written), the step may have happened.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from typing import Any, ClassVar

import js
from pyodide.ffi import JsException

import sahpool
from sahpool.errors import LOCKED_NAMES, StorageError, exception_name
from tests.harness.inside_pools import spares_of

opfs = js.memoryOpfs
METHODS = (
    "read", "write", "truncate", "getSize", "flush", "close",
    "getFileHandle", "createSyncAccessHandle", "removeEntry",
)  # fmt: skip
NAMES = (
    "QuotaExceededError",
    "InvalidStateError",
    "NoModificationAllowedError",
    "NotFoundError",
    "UnknownError",
)
WRITING = {"write", "truncate", "flush"}  # what needs room
#: Counts that a call answers: none, one less than it was given, and −8 as an unsigned number.
COUNTS: dict[str, tuple[int, ...]] = {"write": (0, -1, 4294967288), "read": (0, -1)}

#: The codes of an error in what SQLite was doing, as c3ref/io_methods.html has them.
CODES = {
    "xOpen": {"SQLITE_CANTOPEN"},
    "xDelete": {"SQLITE_IOERR_DELETE"},
    "xAccess": {"SQLITE_IOERR_ACCESS"},
    "xRead": {"SQLITE_IOERR_READ"},
    "xWrite": {"SQLITE_IOERR_WRITE"},
    "xTruncate": {"SQLITE_IOERR_TRUNCATE"},
    "xSync": {"SQLITE_IOERR_FSYNC"},
    "xFileSize": {"SQLITE_IOERR_FSTAT"},
    "_outgrown": {"SQLITE_IOERR_WRITE"},  # a temporary file moves out of memory within an xWrite
}


@dataclass
class Setting:
    """What a workload runs in: options of ``install`` and what the database is like."""

    mode: str = "DELETE"
    pragmas: dict[str, str | int] = field(default_factory=dict)
    temp_memory_limit: int = 1 << 20
    autocheckpoint: int = 1000  # pages of WAL
    spare: int = 5


BALLAST = "/ballast.db"  #: a database that nothing happens to until it is deleted to make room
PLENTY = 1 << 40  # bytes

Step = Callable[["Bench"], Awaitable[None]]
State = dict[str, str]  #: digest of each database, by its path


class Bench:
    """One pool, one connection to its ``/a.db``, and the log of what failed."""

    pool: sahpool.Pool

    def __init__(self, pool: sahpool.Pool, setting: Setting) -> None:
        self.pool = pool
        self.setting = setting
        self.connection: sqlite3.Connection | None = None
        self.statement = ""  # the one that was begun last
        self.exported = b""  # by the step before, or from the base

    def connect(self) -> sqlite3.Connection:
        """The connection, made where there is none."""
        if self.connection is None:
            self.connection = self.pool.connect("a.db", isolation_level=None)
            # SQLite sets it anew as a connection opens, after the pool's PRAGMAs.
            self.connection.execute(f"PRAGMA wal_autocheckpoint={self.setting.autocheckpoint}")
        return self.connection

    def disconnect(self) -> None:
        """Close the connection."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def run(self, *statements: str) -> None:
        """Execute the statements."""
        connection = self.connect()
        for statement in statements:
            self.statement = statement
            connection.execute(statement).fetchall()

    async def idle(self) -> None:
        """Wait for what goes on between statements."""
        await asyncio.sleep(0)
        task = spares_of(self.pool).task
        if task is not None and not task.done():
            await asyncio.wait([task])


def digest(connection: sqlite3.Connection) -> str:
    """What a database holds; AssertionError when it is not intact."""
    found = connection.execute("PRAGMA integrity_check").fetchall()
    assert found == [("ok",)], found
    summary = hashlib.sha1()
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    for (name,) in connection.execute(names).fetchall():
        summary.update(name.encode())
        for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1'):
            summary.update(repr(row).encode())
    return summary.hexdigest()


def state_of(pool: sahpool.Pool, own: sqlite3.Connection | None = None) -> State:
    """What the databases of a pool hold; ``own`` is a connection to ``/a.db``, if there is one."""
    state = {}
    for path in pool.databases:
        connection = own if own is not None and path == "/a.db" else pool.connect(path)
        try:
            state[path] = digest(connection)
        finally:
            if connection is not own:
                connection.close()
    return state


class Told(logging.Handler):
    """The methods in which the library says that the storage failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.methods: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the method's name."""
        if isinstance(record.args, tuple) and str(record.args[0]) in CODES:
            self.methods.append(str(record.args[0]))


def name_of(how: str | int) -> set[str]:
    """The names of the exception that is to be the cause."""
    if isinstance(how, str):
        return {how}
    return {"QuotaExceededError", "StorageError", "Error"}


def origin(error: BaseException) -> BaseException:
    """The first of the causes: the browser's exception, or the library's own of a wrong count."""
    return origin(error.__cause__) if error.__cause__ is not None else error


def check_error(
    error: BaseException, methods: set[str], how: str | int, told: list[str], *, vacuuming: bool
) -> None:
    """AssertionError unless this is how the failure is to be reported.

    Args:
        error: What the step raised.
        methods: The methods of the browser that failed in it.
        how: What they failed with.
        told: The methods of the VFS that they failed in.
        vacuuming: Whether it was in a VACUUM.
    """
    if isinstance(error, sahpool.PoolLockedError):
        assert "createSyncAccessHandle" in methods, repr(error)
        assert how in LOCKED_NAMES, repr(error)
        return
    assert exception_name(origin(error)) in name_of(how), (repr(error), repr(origin(error)))
    if not isinstance(error, sqlite3.Error):  # from the pool's own methods
        assert isinstance(error, JsException | StorageError), repr(error)
        return
    assert isinstance(error, sqlite3.OperationalError), repr(error)
    code = error.sqlite_errorname
    full = how == "QuotaExceededError" or (isinstance(how, int) and "write" in methods)
    if code == "SQLITE_FULL" or (full and methods <= WRITING):
        assert (code, full) == ("SQLITE_FULL", True), (code, told)
    elif code == "SQLITE_IOERR":
        # VACUUM hands on what its own statements failed with, without the extension (vacuum.c).
        assert vacuuming, (code, told)
    else:
        right = set().union(*(CODES[each] for each in told))
        assert code in right, (code, told)
    assert error.__cause__ is not None, (code, "no cause")


def without_ballast(state: State) -> State:
    """The state without the database that is there to be deleted."""
    return {path: held for path, held in state.items() if path != BALLAST}


def trace() -> list[tuple[str, str]]:
    """(method, path of the file) of each call since ``opfs.watch()``."""
    return [(str(method), str(path)) for method, path in opfs.trace.to_py()]


def at_commit(calls: list[tuple[str, str]], failed: int, *, importing: bool) -> bool:
    """Whether SQLite leaves open what has happened when this call fails.

    A transaction is committed in WAL mode by its last frame, before the WAL is flushed; otherwise
    by the end of its journal (or super-journal), once the database itself was flushed. An import by
    the header that names the new file, which may be on the disk when its flush has failed and every
    call that could take it back fails too.

    Args:
        calls: The calls of the step.
        failed: Where among them the first one is that failed.
        importing: Whether it was in an import, and all calls have failed since.
    """
    method, path = calls[failed]
    if path.endswith("-wal"):
        return method == "flush"
    if importing:
        return method == "flush" and calls[failed - 1][0] == "write" and path.endswith(".db")
    written = any(call == "flush" and file.endswith(".db") for call, file in calls[:failed])
    return written and not path.endswith(".db")


@dataclass(frozen=True)
class Fault:
    """One way in which one call fails; the method "*" is any."""

    method: str
    nth: int
    how: str | int
    sticky: bool


@dataclass(frozen=True)
class Full:
    """The storage is full when its files come to so many bytes."""

    quota: int
    how: str = "QuotaExceededError"


@dataclass
class Workload:
    """Steps, and what was found out about them without a fault."""

    setting: Setting
    base: Step
    steps: list[Step]
    states: list[State] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    image: Any = None
    exported: bytes = b""
    room: range = range(0)  # sizes of the storage from before the steps to the largest meanwhile
    numbers: ClassVar[int] = 0  # of the pools that were made: each has a name of its own

    async def learn(self) -> None:
        """Run the steps without a fault; note their calls and states."""
        await self._new_pools()
        bench = Bench(self._live, self.setting)
        await self.base(bench)
        bench.disconnect()
        await bench.idle()
        self.image = self._image()
        self.exported = bench.exported = bench.pool.export_file("a.db")
        bench.connect()
        self.states = [state_of(bench.pool, bench.connection)]
        before = opfs.used()
        opfs.quota = PLENTY
        for step in self.steps:
            opfs.watch()
            await step(bench)
            await bench.idle()
            self.calls.update(method for method, _ in trace())
            opfs.trace = None
            self.states.append(state_of(bench.pool, bench.connection))
        self.room = range(before, opfs.peak)
        bench.disconnect()
        await bench.idle()
        self._live.pause_vfs()

    async def _new_pools(self) -> None:
        """Two pools: one for the steps, and one that takes a killed worker's storage over."""
        opfs.clear()
        Workload.numbers += 1
        self._directory = f"faults-{Workload.numbers}"
        options: dict[str, Any] = {
            "lock_timeout": 1,
            "initial_capacity": 3,
            "spare": self.setting.spare,
        }
        self._live = await sahpool.install(
            f"live-{Workload.numbers}",
            directory=self._directory,
            pragmas={"journal_mode": self.setting.mode, "cache_size": 3, **self.setting.pragmas},
            temp_memory_limit=self.setting.temp_memory_limit,
            **options,
        )
        self._next = await sahpool.install(
            f"next-{Workload.numbers}", directory=self._directory + "-next", pragmas={}, **options
        )
        self._next.pause_vfs()

    def _image(self) -> Any:
        """The storage as a worker would leave it that was killed now."""
        return opfs.copy(self._directory)

    async def _state_of(self, image: Any) -> State:
        """What the next worker finds."""
        opfs.put(self._directory + "-next", image)
        quota = opfs.quota
        if quota is not None:
            opfs.quota = opfs.used()  # not one byte more
        await self._next.unpause_vfs()
        assert not self._next.quarantined, self._next.quarantined
        state = state_of(self._next)
        self._next.pause_vfs()
        opfs.drop(self._directory + "-next")
        opfs.quota = quota
        return state

    async def fail(self, fault: Fault | Full) -> int:
        """Run the steps with a fault; how many calls were made to fail."""
        opfs.put(self._directory, self.image)
        await self._live.unpause_vfs()
        bench = Bench(self._live, self.setting)
        bench.exported = self.exported
        bench.connect()
        told = Told()
        logging.getLogger("sahpool").addHandler(told)
        try:
            return await self._fail(bench, told, fault)
        except BaseException:
            await self._new_pools()  # who knows what is still open in the old ones
            self._live.pause_vfs()
            raise
        finally:
            opfs.heal()
            opfs.quota = None
            logging.getLogger("sahpool").removeHandler(told)

    async def _fail(self, bench: Bench, told: Told, fault: Fault | Full) -> int:
        opfs.watch()
        if isinstance(fault, Full):
            opfs.quota = fault.quota
        else:
            sticky = sahpool.browser.js_object(sticky=fault.sticky)
            opfs.failAt(fault.method, fault.nth, fault.how, sticky)
        done, begun = 0, 0
        error: BaseException | None = None
        for step in self.steps:
            begun = len(opfs.trace)
            try:
                await step(bench)
            except (sqlite3.Error, JsException, sahpool.SahpoolError) as caught:
                error = caught
                break
            done += 1
            await bench.idle()
        calls, failures = trace(), list(opfs.failed.to_py())
        opfs.trace = None
        states = self.states
        allowed = [states[done]]
        if error is not None:
            assert failures, f"nothing was made to fail, and yet: {error!r}"
            own = [each for each in failures if each >= begun]
            methods = {calls[each][0] for each in own}
            vacuuming = bench.statement == "VACUUM"
            check_error(error, methods, fault.how, told.methods, vacuuming=vacuuming)
            broken = isinstance(fault, Fault) and fault.method == "*"
            importing = broken and not isinstance(error, sqlite3.Error)
            if at_commit(calls[begun:], own[0] - begun, importing=importing):
                allowed.append(states[done + 1])
        image = self._image()  # before anything is repaired
        opfs.heal()
        state = await self._state_of(image)
        assert state in allowed, (done, "killed at once", state, states)
        if bench.pool.is_paused:
            await bench.pool.unpause_vfs()
        connection = bench.connect()
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(fault, Full):
            # Nothing but this makes room: the limit stays. What comes has to fit.
            assert bench.pool.unlink(BALLAST)
            allowed = [without_ballast(each) for each in allowed]
            states = [without_ballast(each) for each in states]
        state = state_of(bench.pool, connection)
        assert state in allowed, (done, "on the same connection", state, states)
        done = states.index(state, done)
        for step in self.steps[done:]:
            await step(bench)
            done += 1
            state = state_of(bench.pool, bench.connect())
            assert state == states[done], (done, "when the cause is gone", state, states)
        state = await self._state_of(self._image())
        assert state == states[-1], ("killed at the end", state, states)
        bench.disconnect()
        await bench.idle()
        bench.pool.pause_vfs()
        await bench.pool.unpause_vfs()
        assert not bench.pool.quarantined, bench.pool.quarantined
        state = state_of(bench.pool)
        assert state == states[-1], ("after a restart", state, states)
        bench.pool.pause_vfs()
        return len(failures)


def ways(method: str) -> tuple[str | int, ...]:
    """The ways in which a method can fail."""
    return (*NAMES, *COUNTS.get(method, ()))


def faults(calls: Counter[str], share: int, offset: int) -> list[Fault]:
    """Every ``share``-th of the faults that a workload with so many calls can have.

    With a share of 1 that is each call, once and from then on, in each way; and a storage that
    breaks down at each call, so that no call works from then on.
    """
    every = [
        Fault(method, nth, how, sticky)
        for method in METHODS
        for nth in range(1, calls[method] + 1)
        for sticky in (False, True)
        for how in ways(method)
    ]
    every += [Fault("*", nth, NAMES[nth % len(NAMES)], True) for nth in range(1, calls.total() + 1)]
    return every[offset::share]


async def fill(workload: Workload, step: int) -> dict[str, Any]:
    """A storage that is full at each ``step``-th size; otherwise as :func:`sweep`."""
    await workload.learn()
    wrong: list[str] = []
    limits = workload.room[::step]
    for quota in limits:
        try:
            await workload.fail(Full(quota))
        except Exception as error:  # noqa: BLE001 - told with the limit that it came of
            wrong.append(f"{quota}: {type(error).__name__}: {str(error)[:500]}")
    return {"limits": len(limits), "wrong": wrong}


async def sweep(
    workload: Workload,
    share: int,
    offset: int,
    methods: Container[str] = (*METHODS, "*"),
    hows: Container[str | int] | None = None,
) -> dict[str, Any]:
    """Faults of a workload, see ``faults``; of these methods only, and these ways to fail.

    Returns:
        ``faults``: how many were tried; ``failed``: how many calls were made to fail in all;
        ``wrong``: what was told of each fault that was not survived as it should have been.
    """
    await workload.learn()
    wrong: list[str] = []
    failed = 0
    tried = [
        fault
        for fault in faults(workload.calls, share, offset)
        if fault.method in methods and (hows is None or fault.how in hows)
    ]
    for fault in tried:
        try:
            failed += await workload.fail(fault)
        except Exception as error:  # noqa: BLE001 - told with the fault that it came of
            wrong.append(f"{fault}: {type(error).__name__}: {str(error)[:500]}")
    return {"faults": len(tried), "failed": failed, "wrong": wrong}
