"""What the library tells Python's logging and the console, and that it costs nothing otherwise."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_pools import slot_of, slots_of
from tests.harness.inside_prelude import expect, opened
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_each_verbosity_writes_its_levels_with_the_console_s_own_methods(pool: Pool) -> None:
    import js
    from pyodide.ffi import create_proxy

    written: list[list[str]] = []
    names = ("error", "warn", "info", "debug")
    kept = {name: getattr(js.console, name) for name in names}
    proxies = []
    for name in names:

        def write(text: str, name: str = name) -> None:
            written.append([name, text])

        proxies.append(create_proxy(write))
        setattr(js.console, name, proxies[-1])
    log, root = logging.getLogger("sahpool"), logging.getLogger()
    before = (list(root.handlers), root.level)
    levels = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
    try:
        for verbosity, expected in ((0, ()), (1, names[:1]), (2, names[:2]), (3, names)):
            sahpool.set_verbosity(verbosity)
            sahpool.set_verbosity(verbosity)
            written.clear()
            for level in levels:
                log.log(level, "said %s", "once")
            assert written == [[name, "sahpool: said once"] for name in expected], verbosity
        assert [type(each).__name__ for each in log.handlers] == ["NullHandler", "_ConsoleHandler"]
        for bad in (-1, 4, "3", None, 1.5):
            with expect(ValueError, "not a verbosity from 0 to 3"):
                sahpool.set_verbosity(bad)  # type: ignore[arg-type]

        # An exception is told with its traceback.
        written.clear()
        try:
            raise KeyError("lost")
        except KeyError:
            log.exception("it failed")
        assert written[0][0] == "error"
        assert "Traceback" in written[0][1]

        # install() sets it too, also for a pool that is there; without the option it does not.
        sahpool.set_verbosity(0)
        assert await sahpool.install(pool.name) is pool
        assert log.getEffectiveLevel() > logging.CRITICAL
        assert await sahpool.install(pool.name, verbosity=2) is pool
        assert log.level == logging.WARNING
        other = await sahpool.install(pool.name + "-2", verbosity=3)
        assert any("opened 0 slots" in text for _, text in written), written
        await other.remove_vfs()
        assert (list(root.handlers), root.level) == before
    finally:
        for name, function in kept.items():
            setattr(js.console, name, function)
        for proxy in proxies:
            proxy.destroy()
        sahpool.set_verbosity(0)
        log.setLevel(logging.NOTSET)


@in_worker()
async def test_the_log_tells_what_a_bug_report_needs(pool: Pool) -> None:
    log = logging.getLogger("sahpool")
    records: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    def said(level: int) -> list[str]:
        texts = [record.getMessage() for record in records if record.levelno == level]
        records.clear()
        return texts

    handler = Kept()
    log.addHandler(handler)
    try:
        log.setLevel(logging.INFO)
        with opened(pool, "a.db") as con:
            con.execute("CREATE TABLE t(a)")
        assert records == []  # the calls of SQLite's are for debugging
        await pool.import_db("b.db", pool.export_file("a.db"))
        assert said(logging.INFO) == [
            f"{pool.name}: exporting /a.db",
            f"{pool.name}: imported /b.db, {pool.size('b.db')} bytes",
        ]
        slot = slot_of(pool, "/b.db")
        slot.handle.write(b"\xff" * 600, 0)
        pool.pause_vfs()
        await pool.unpause_vfs()
        (warned,) = [r.getMessage() for r in records if r.levelno == logging.WARNING]
        assert slot.name in warned, warned
        assert "/b.db" in warned, warned
        gone, back = said(logging.INFO)
        assert gone == f"{pool.directory}: let go", gone
        assert back.startswith(f"{pool.directory}: opened "), back

        # What becomes a result code of SQLite's is told with path, method, code and cause.
        with expect(sqlite3.OperationalError):
            sqlite3.connect(pool.uri("missing.db", mode="rw"), uri=True)
        (warned,) = said(logging.WARNING)
        assert warned.startswith("xOpen /missing.db → 14: NoSuchDatabaseError: There is no file"), (
            warned
        )

        log.setLevel(logging.DEBUG)
        with opened(pool, "a.db") as con:
            con.execute("INSERT INTO t VALUES(1)")
        calls = said(logging.DEBUG)
        assert "xOpen /a.db → 0" in calls
        assert "xRead /a.db: 100 bytes at 0" in calls
        assert any(call.startswith("xWrite /a.db-wal: ") for call in calls), calls
        assert "xSync /a.db-wal" in calls
        assert "xDelete /a.db-wal → 0" in calls
        assert calls.index("xOpen /a.db → 0") < calls.index("xRead /a.db: 100 bytes at 0")
        log.setLevel(logging.WARNING)
        with opened(pool, "a.db") as con:
            con.execute("INSERT INTO t VALUES(1)")
        log.setLevel(logging.DEBUG)
        with contextlib.closing(pool.connect("c.db")):
            assert not any("xWrite /a.db" in call for call in said(logging.DEBUG))
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        folder = await sahpool.browser.directory(pool.directory + "/.opaque")
        for kept in pool.quarantined:
            kept.handle.close()
            slots_of(pool).quarantined.remove(
                next(each for each in slots_of(pool).quarantined if each.name == kept.name)
            )
            await folder.removeEntry(kept.name)


@pytest.mark.parametrize("runtime", [pytest.param("node", marks=pytest.mark.node)], indirect=True)
@in_worker()
async def test_a_storage_that_fails_is_an_error_in_the_log(pool: Pool) -> None:
    """A fake is needed: a browser's storage does not fail on demand."""
    import js

    log = logging.getLogger("sahpool")
    texts: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(f"{record.levelname} {record.getMessage()}")

    handler = Kept()
    log.addHandler(handler)
    try:
        with opened(pool, "a.db") as con:
            con.execute("CREATE TABLE t(a)")
            for method, told in (
                ("flush", "ERROR xSync /a.db-wal → 1034: UnknownError: "),
                ("write", "ERROR xWrite /a.db-wal → 778: UnknownError: "),
            ):
                texts.clear()
                js.memoryOpfs.failNext(method, "UnknownError")
                with expect(sqlite3.OperationalError):
                    con.execute("INSERT INTO t VALUES(1)")
                assert len(texts) == 1, texts
                assert texts[0].startswith(told), texts
                assert f"{method} was told to fail" in texts[0]
        texts.clear()
        other = await sahpool.install(f"{pool.name}-other", pragmas={"user_version": 5})
        js.memoryOpfs.failNext("flush", "UnknownError")
        with opened(other, "b.db") as con:  # SQLite says nothing of it
            con.execute("SELECT 1")
        assert any("PRAGMA user_version=5 was not done" in text for text in texts), texts
    finally:
        log.removeHandler(handler)
