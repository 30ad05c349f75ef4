"""What comes up while SQLite is at work is raised once it has returned, and costs nothing."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest

import sahpool
from tests.harness.inside_modules import page_io_module
from tests.harness.inside_pools import deleting
from tests.harness.inside_prelude import expect, opened, value
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool

pytestmark = pytest.mark.real


@in_worker()
async def test_the_fields_of_a_thread_state_are_where_they_are_looked_for(pool: Pool) -> None:
    io, module = page_io_module(pool), sahpool.browser.emscripten()
    assert io.knowsThreadState(module, sys.getrecursionlimit(), id(KeyboardInterrupt))
    assert not io.knowsThreadState(module, sys.getrecursionlimit() + 1, id(KeyboardInterrupt))


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
@in_worker()
async def test_an_asynchronous_exception_is_raised_after_the_statement_and_loses_nothing(
    pool: Pool, mode: str
) -> None:
    module = sahpool.browser.emscripten()
    ident = module._PyThread_get_thread_ident()
    # Called by SQL, without any Python that it could strike in.
    strike = module._PyThreadState_SetAsyncExc.bind(None, ident, id(KeyboardInterrupt))
    acknowledged = struck = 0
    with opened(pool, "a.db") as con:
        con.execute(f"PRAGMA journal_mode={mode}")
        con.execute("CREATE TABLE t(a)")
        con.create_function("strike", 0, strike)
        for number in range(40):
            try:
                con.execute("INSERT INTO t SELECT ? + 0 * strike()", (number,))
                acknowledged += 1
            except KeyboardInterrupt:
                struck += 1
        assert acknowledged + struck == 40
        assert struck >= 1, (acknowledged, struck)
        # SQLite had done all of it before the exception came up.
        assert value(con, "SELECT count(*) FROM t") == 40
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_a_callback_that_is_cut_off_answers_its_failure_and_is_told(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")

        def fail(_path: str) -> bool:
            raise RecursionError("on purpose")

        with deleting(pool, fail), expect(sqlite3.OperationalError) as caught:
            con.execute("INSERT INTO t VALUES(1)")
        assert isinstance(caught.error.__cause__, RecursionError), caught.error.__cause__
        con.execute("INSERT INTO t VALUES(2)")
        assert value(con, "PRAGMA integrity_check") == "ok"
        assert (2,) in con.execute("SELECT a FROM t").fetchall()


@in_worker()
async def test_what_stops_a_callback_and_is_no_error_comes_up_as_itself(pool: Pool) -> None:
    with opened(pool, "a.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")

        def stop(_path: str) -> bool:
            raise KeyboardInterrupt

        with deleting(pool, stop), expect(KeyboardInterrupt):
            con.execute("INSERT INTO t VALUES(1)")
        con.execute("INSERT INTO t VALUES(2)")
        assert value(con, "PRAGMA integrity_check") == "ok"


@in_worker()
async def test_an_error_keeps_no_frame_of_the_program_alive(pool: Pool) -> None:
    import gc
    import weakref

    class Kept:
        pass

    def probe() -> weakref.ref[Kept]:
        kept = Kept()
        with expect(sqlite3.OperationalError):
            sqlite3.connect(f"file:/no.db?vfs={pool.name}&mode=rw", uri=True)
        sahpool.sqlite.causes.remember(1, ValueError("of something that SQLite tells nobody of"))
        return weakref.ref(kept)

    found = probe()
    gc.collect()
    assert found() is None
    sahpool.sqlite.causes.forget()
