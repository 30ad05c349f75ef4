"""Recovering and dropping while the storage fails; its text is sent ahead of a test's own."""

from __future__ import annotations

import sqlite3
from typing import Any

import js

import sahpool
from sahpool import Pool
from tests.harness.inside_pools import forget, named_slots, spare_slots
from tests.harness.inside_prelude import killed_copy, opened, put_aside, value

ROWS = 40
NAMES = {"recover": "a.db", "rename": "b.db", "replace": "taken.db", "drop": "a.db"}


def calls() -> int:
    """How often the storage was called so far."""
    return sum(js.Object.values(js.memoryOpfs.calls).to_py())


async def damaged(mode: str) -> tuple[Any, str]:
    """A pool with a database in quarantine, as a copy of its files, and the name of its slot.

    ``mode`` says what else belongs to it: a WAL, a hot journal (DELETE) or, when empty, nothing.
    """
    pool = await sahpool.install("whole")
    with opened(pool, "a.db") as con:
        con.execute(f"PRAGMA journal_mode={mode or 'DELETE'}")
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 500,) for _ in range(ROWS)])
        if mode == "DELETE":
            con.execute("PRAGMA cache_size=2")
            con.execute("BEGIN")
            con.execute("UPDATE t SET a = 'y' || a")
        await killed_copy(pool, "damaged" + mode)
        if mode == "DELETE":
            con.execute("ROLLBACK")
    await pool.remove_vfs()
    made = await sahpool.install("damaged", directory="damaged" + mode, spare=4)
    with opened(made, "taken.db") as con:
        con.execute("PRAGMA journal_mode=DELETE")
        con.execute("CREATE TABLE t(a)")
        con.execute("INSERT INTO t VALUES('taken')")
    kept = await put_aside(made, "/a.db")
    assert len(made.quarantined) == 1 + bool(mode)
    made.pause_vfs()
    files = js.memoryOpfs.copy("damaged" + mode)
    await made.remove_vfs()
    js.memoryOpfs.root.entries.delete("damaged" + mode)  # a quarantine makes it stay
    return files, kept.name


def act(pool: Pool, kept: str, action: str) -> None:
    """Does what is tried; raises what it raises."""
    if action == "drop":
        pool.drop_quarantined(kept)
    else:
        pool.recover(kept, NAMES[action], replace=action == "replace")


def check(pool: Pool, kept: str, action: str) -> None:
    """Everything that must be there afterwards, is."""
    if action == "drop":
        assert kept in [slot.name for slot in spare_slots(pool)]
    else:
        with opened(pool, NAMES[action]) as con:
            assert value(con, "PRAGMA integrity_check") == "ok"
            rows = con.execute("SELECT substr(a, 1, 1), count(*) FROM t GROUP BY 1").fetchall()
            assert rows == [("x", ROWS)], rows
    if action != "replace":
        with opened(pool, "taken.db") as con:
            assert value(con, "SELECT a FROM t") == "taken"


async def attempt(files: Any, kept: str, action: str, ending: str, number: int) -> bool:
    """One try, in which the number-th call of the storage fails; False when there was none."""
    opfs = js.memoryOpfs
    opfs.put("tried", files)
    pool = await sahpool.install("tried", directory="tried", spare=4)
    how = "QuotaExceededError" if number % 2 else "UnknownError"
    opfs.failAt("*", number, how, sahpool.browser.js_object(sticky=ending != "once"))
    before, done = calls(), True
    try:
        act(pool, kept, action)
    except (sahpool.StorageError, sqlite3.OperationalError):
        done = False
    reached = calls() - before >= number
    assert done or reached
    left = opfs.copy("tried")
    opfs.heal()
    if ending == "killed":
        pool.pause_vfs()
        opfs.put("tried", left)
        await pool.unpause_vfs()
    here = [each.name for each in pool.quarantined]
    named = [slot.name for slot in named_slots(pool).values()]
    spare = [slot.name for slot in spare_slots(pool)]
    assert [*here, *named, *spare].count(kept) == 1
    assert kept not in spare or action == "drop"
    if kept in here:
        act(pool, kept, action)
    else:
        assert done or ending == "killed"
    check(pool, kept, action)
    pool.pause_vfs()
    await pool.unpause_vfs()
    check(pool, kept, action)
    pool.pause_vfs()
    forget(pool)
    return reached


async def every_call(mode: str, action: str, ending: str, numbers: list[int]) -> int:
    """Each of these calls fails in turn, as long as there are so many; how many were tried."""
    files, kept = await damaged(mode)
    tried = 0
    for number in numbers:
        tried += 1
        try:
            if not await attempt(files, kept, action, ending, number):
                break
        except Exception as error:
            error.add_note(f"call {number}")
            raise
    return tried
