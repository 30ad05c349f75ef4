"""The self-check: whether a storage works in this browser, and what the browser can do.

Every step works through SQLite on its own database, which it makes and deletes, so that a failed
step does not affect the next one. No other database of the storage is opened. A storage brings the
steps and facts that only it has (check_steps.py).
"""

from __future__ import annotations

import secrets
import sqlite3
import statistics
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import js
import pyodide_js
from pyodide.ffi import JsException, can_run_sync

from .browser import collecting
from .check_steps import CheckFailedError, Fact, OwnChecks, expect
from .cleanup import Cleanup
from .names import COMPANION_SUFFIXES
from .volume import Volume

_ROWS = 256
_ROW_BYTES = 4000  # about a page for each row: the test database has a megabyte
_COMMITS = 10
_MIB = 1 << 20
_JOURNAL_MODES = ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL")

_FILL = f"""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {_ROWS})
    INSERT INTO t SELECT i, zeroblob({_ROW_BYTES}) FROM n
"""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of a check.

    Attributes:
        name: Name of the step, in a few words.
        passed: Whether it worked.
        detail: The finding, or the failure and its reason, in a sentence.
        microseconds: Duration of the step.
    """

    name: str
    passed: bool
    detail: str
    microseconds: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of ``pool.check()``. As a string it is a table, made for a bug report.

    Attributes:
        steps: The steps, in the order in which they were tried.
        browser: Versions and abilities of this browser and this Pyodide, and what the pool has, by
            name.
    """

    steps: list[CheckStep]
    browser: dict[str, bool | int | str]

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return all(step.passed for step in self.steps)

    def __str__(self) -> str:
        failed = sum(not step.passed for step in self.steps)
        verdict = f"{failed} of {len(self.steps)} steps FAILED" if failed else "passed"
        width = max(len(name) for name in (*self.browser, *(step.name for step in self.steps)))
        lines = [f"sahpool's check of itself: {verdict}"]
        for step in self.steps:
            mark = "ok    " if step.passed else "FAILED"
            time_taken = f"{step.microseconds / 1000:9.1f} ms"
            lines.append(f"{mark}  {step.name:{width}}  {time_taken}  {step.detail}")
        lines += [f"        {name:{width}}  {_told(value)}" for name, value in self.browser.items()]
        return "\n".join(lines)


async def check(
    volume: Volume, own: OwnChecks | None = None, *, top_up: Callable[[], Awaitable[None]]
) -> CheckReport:
    """Tries out everything that a database needs; see ``Pool.check``.

    Args:
        volume: The storage, and the VFS over it.
        own: Steps and facts of the storage.
        top_up: Adds the room that is missing for new files.
    """
    return await _Check(volume, own, top_up).run()


class _Check:
    """One run over one storage."""

    def __init__(
        self, volume: Volume, own: OwnChecks | None, top_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._volume = volume
        self._storage = volume.storage
        self._own = own
        self._top_up = top_up
        self._name = _unused_name(volume)

    async def run(self) -> CheckReport:
        steps: list[tuple[str, Callable[[], Awaitable[str]]]] = [
            ("spare slots", self._spare_slots),
            ("write and read", _quick(self._write_and_read)),
            ("rollback", _quick(self._rollback)),
            *((f"journal mode {mode}", self._in_mode(mode)) for mode in _JOURNAL_MODES),
            ("two connections", _quick(self._two_connections)),
            ("temporary file", _quick(self._temporary_file)),
            ("truncate", _quick(self._truncate)),
            ("flush", _quick(self._flush)),
            ("delete", _quick(self._delete)),
            ("quota", self._quota),
        ]
        for own in self._own.steps if self._own is not None else ():
            after = next(at for at, (name, _) in enumerate(steps, 1) if name == own.follows)
            steps.insert(after, (own.name, partial(self._with_database, own.run)))
        left = ""

        def sweep() -> None:
            nonlocal left
            left = self._sweep()

        with Cleanup(sweep) as last, last:
            try:
                done = [await self._tried(name, step) for name, step in steps]
            except BaseException as error:
                # Connections in these frames would stay open while the exception is handled.
                traceback.clear_frames(error.__traceback__)
                raise
        if left:
            done.append(CheckStep("clean up", False, f"{self._name} is left behind: {left}", 0.0))
        return CheckReport(done, await self._browser())

    async def _tried(self, name: str, step: Callable[[], Awaitable[str]]) -> CheckStep:
        began = time.perf_counter()
        try:
            detail, passed = await step(), True
        except Exception as error:  # noqa: BLE001 - whatever it is, the report tells it
            detail, passed = _reason(error), False
        return CheckStep(name, passed, detail, 1e6 * (time.perf_counter() - began))

    # --- the steps, each a sentence about what it found -----------------------------------------

    async def _spare_slots(self) -> str:
        if not self._storage.capabilities.limited:
            return "Files are made as they are needed."
        await self._top_up()
        free = self._storage.spare_count
        expect(free >= 3, f"{free} slots are free; a database, its journal and a sort need three")
        return f"{free} slots are free."

    def _write_and_read(self) -> str:
        with self._database() as con:
            began = time.perf_counter()
            _fill(con)
            wrote = time.perf_counter() - began
            # A second connection: the first one would read its own writes from its cache.
            with self._connected("DELETE") as second:
                began = time.perf_counter()
                _expect_rows(second, _ROWS)
                read = time.perf_counter() - began
        return f"{_ROWS} pages written in {_ms(wrote)} and read back in {_ms(read)}."

    def _rollback(self) -> str:
        with self._database() as con:
            _fill(con)
            con.execute("PRAGMA cache_size=5")  # so that the change reaches the file
            con.execute("BEGIN")
            con.execute("UPDATE t SET b = 'gone'")
            con.close()  # as a program that ends within the transaction
            with self._connected("DELETE") as second:
                _expect_rows(second, _ROWS)
        return "A transaction that was abandoned has left nothing behind."

    def _in_mode(self, mode: str) -> Callable[[], Awaitable[str]]:
        def step() -> str:
            with self._database(mode) as con:
                _fill(con)
                con.execute("BEGIN")
                con.execute("DELETE FROM t")
                con.execute("ROLLBACK")
                con.execute("DELETE FROM t WHERE i > 1")
                _expect_rows(con, 1)
            return "Commit and rollback work."

        return _quick(step)

    def _two_connections(self) -> str:
        with self._database("WAL") as con, self._connected("WAL", timeout=0) as reader:
            _fill(con)
            reader.execute("BEGIN")
            _expect_rows(reader, _ROWS)
            con.execute("DELETE FROM t WHERE i > 1")
            _expect_rows(reader, _ROWS)
            reader.execute("COMMIT")
            _expect_rows(reader, 1)
            con.execute("BEGIN IMMEDIATE")
            try:
                reader.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                expect(error.sqlite_errorcode == sqlite3.SQLITE_BUSY, f"a second writer: {error}")
            else:
                raise CheckFailedError("two connections wrote at the same time")
            con.execute("COMMIT")
            busy, *_ = con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            wal = self._volume.size(self._name + "-wal")
            expect(not busy and not wal, f"a checkpoint left {wal} bytes in the WAL")
        return "A reader keeps its snapshot, a second writer is refused, a checkpoint is whole."

    def _temporary_file(self) -> str:
        with self._database() as con:
            con.execute("PRAGMA temp_store=FILE")
            con.execute("CREATE TEMP TABLE u(a)")
            con.execute("PRAGMA temp.cache_size=5")
            con.execute("INSERT INTO u VALUES(randomblob(1000)), (randomblob(1000))")
            for _ in range(7):  # 256 rows: more than its cache holds
                con.execute("INSERT INTO u SELECT a FROM u")
            expect("" in self._volume.vfs.open_paths, "SQLite kept a temporary table in its cache")
            rows, size = con.execute("SELECT count(*), sum(length(a)) FROM u").fetchone()
            expect((rows, size) == (256, 256_000), f"{rows} temporary rows hold {size} bytes")
        return "A table that its cache does not hold went to a temporary file and came back."

    def _truncate(self) -> str:
        with self._database() as con:
            _fill(con)
            before = self._volume.size(self._name)
            con.execute("DELETE FROM t WHERE i > 1")
            con.execute("VACUUM")
            after = self._volume.size(self._name)
            _expect_rows(con, 1)
            expect(after < before / 4, f"VACUUM left {after} of {before} bytes")
        return f"VACUUM cut the file from {before:,} bytes to {after:,}."

    def _flush(self) -> str:
        with self._database("WAL") as con:
            con.execute("PRAGMA synchronous=FULL")
            con.execute("INSERT INTO t VALUES(0, 0)")
            seconds = []
            for number in range(_COMMITS):
                began = time.perf_counter()
                con.execute("UPDATE t SET b = ?", (number,))
                seconds.append(time.perf_counter() - began)
        mean = _ms(statistics.mean(seconds))
        return f"A commit is on the disk after {mean} (mean of {_COMMITS})."

    def _delete(self) -> str:
        free = self._storage.spare_count
        with self._database() as con:
            con.close()
            expect(self._volume.delete(self._name), "there was nothing to delete")
            expect(self._name not in self._storage.paths, "it is still listed")
        found = self._storage.spare_count
        expect(found >= free, f"{free} slots were free before, {found} are now")
        return "The file is gone and its slot is free again."

    async def _quota(self) -> str:
        estimate = await js.navigator.storage.estimate()
        left = int(estimate.quota) - int(estimate.usage)
        expect(left > 0, f"nothing is left of {estimate.quota:,} bytes")
        return f"{left / _MIB:,.0f} MiB are left of {estimate.quota / _MIB:,.0f}."

    # --- its database ---------------------------------------------------------------------------

    @contextmanager
    def _database(self, mode: str = "DELETE") -> Iterator[sqlite3.Connection]:
        """A new database with an empty table, deleted after the block."""
        with ExitStack() as stack:
            stack.callback(self._remove)
            con = stack.enter_context(self._connected(mode))
            con.execute("CREATE TABLE t(i INTEGER PRIMARY KEY, b)")
            yield con

    @contextmanager
    def _connected(self, mode: str, timeout: float = 5.0) -> Iterator[sqlite3.Connection]:
        con = self._volume.connect(self._name, isolation_level=None, timeout=timeout)
        with closing(con):
            (found,) = con.execute(f"PRAGMA journal_mode={mode}").fetchone()
            expect(found == mode.lower(), f"journal mode {mode} is refused: it stays {found}")
            yield con

    async def _with_database(self, run: Callable[[str], Awaitable[str]]) -> str:
        """A step of the storage's own, with a filled database."""
        with self._database() as con:
            _fill(con)
            return await run(self._name)

    def _remove(self) -> None:
        self._volume.delete(self._name)

    def _sweep(self) -> str:
        """Deletes the files that failed steps left; returns why that failed, or an empty string."""
        try:
            self._remove()
        except Exception as error:  # noqa: BLE001 - whatever it is, the report tells it
            return _reason(error)
        return ""

    # --- the browser ----------------------------------------------------------------------------

    async def _browser(self) -> dict[str, Fact]:
        navigator = js.navigator
        estimate = await _answer(navigator.storage, "estimate")
        sahpool = sys.modules[__package__]
        return {
            "sahpool": sahpool.__version__,
            "Pyodide": str(pyodide_js.version),
            "Python": sys.version.partition(" ")[0],
            "SQLite": sqlite3.sqlite_version,
            "browser": str(navigator.userAgent),
            "secure context": _has("isSecureContext"),
            "OPFS": hasattr(navigator.storage, "getDirectory"),
            "sync access handles": _has("FileSystemSyncAccessHandle"),
            "Web Locks": hasattr(navigator, "locks"),
            "JSPI (can_run_sync)": bool(can_run_sync()),
            "collection while suspended": await collecting.told(),
            "cross-origin isolated": _has("crossOriginIsolated"),
            "SharedArrayBuffer": _has("SharedArrayBuffer"),
            "storage is persistent": bool(await _answer(navigator.storage, "persisted")),
            "storage used (bytes)": int(getattr(estimate, "usage", 0) or 0),
            "storage allowed (bytes)": int(getattr(estimate, "quota", 0) or 0),
            **self._facts(),
        }

    def _facts(self) -> dict[str, Fact]:
        if self._own is not None:
            return self._own.facts
        return {"storage": self._volume.name, "files": len(self._storage.paths)}


def _unused_name(volume: Volume) -> str:
    while True:
        name = f"/.sahpool-check-{secrets.token_hex(8)}"
        if not any(volume.storage.find(name + suffix) for suffix in ("", *COMPANION_SUFFIXES)):
            return name


def _quick(step: Callable[[], str]) -> Callable[[], Awaitable[str]]:
    """Makes a synchronous step an asynchronous one."""

    async def awaited() -> str:
        return step()

    return awaited


def _fill(con: sqlite3.Connection) -> None:
    con.execute(_FILL)


def _expect_rows(con: sqlite3.Connection, count: int) -> None:
    sound = con.execute("PRAGMA integrity_check").fetchone()[0]
    expect(sound == "ok", f"the database is damaged: {sound}")
    found, size = con.execute("SELECT count(*), sum(length(b)) FROM t").fetchone()
    wanted = (count, count * _ROW_BYTES)
    expect((found, size) == wanted, f"{found} rows with {size} bytes came back, not {wanted}")


def _reason(error: BaseException) -> str:
    """The text of an exception, followed by those of its causes in turn."""
    told = []
    each: BaseException | None = error
    while each is not None:
        code = getattr(each, "sqlite_errorname", None)
        said = str(each) if isinstance(each, CheckFailedError) else f"{type(each).__name__}: {each}"
        told.append(f"{said} ({code})" if code else said)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return ", because of ".join(told)


async def _answer(where: Any, method: str) -> Any:
    """Result of an asynchronous browser function; None when it does not exist or refuses."""
    function = getattr(where, method, None)
    try:
        return None if function is None else await function()
    except JsException:
        return None


def _has(name: str) -> bool:
    """Whether a global name of JavaScript exists and is not false."""
    return bool(getattr(js, name, False))


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def _told(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else value
