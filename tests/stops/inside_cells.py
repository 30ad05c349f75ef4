"""Runs in a worker: cells, as of a notebook, each of which works until Stop is pressed."""

from __future__ import annotations

import itertools
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import js
import pyodide_js

import sahpool
from sahpool.sqlite.callbacks import Callbacks

MODES = ("DELETE", "TRUNCATE", "PERSIST", "WAL")

#: Turns of an empty loop, in which Python certainly checks for a signal.
_TURNS = 5000

_numbers = itertools.count(1)
_acknowledged: dict[str, set[int]] = {mode: set() for mode in MODES}
_pool: sahpool.Pool
_kept: dict[str, sqlite3.Connection] = {}
_swallowed: list[str] = []  # exceptions where Python can raise none (unraisablehook)


def _hold_nothing() -> None:
    """Control run: lets signals raise exceptions within callbacks."""
    prepare = Callbacks.__init__

    def prepared(self: Callbacks, io: Any, module: Any, **more: Any) -> None:
        prepare(self, io, js.withoutHold(module), **more)

    Callbacks.__init__ = prepared  # type: ignore[method-assign]


async def begin(*, holds: bool) -> None:
    """Creates a database in each journal mode, and has Python check the page's interrupt buffer.

    Args:
        holds: Whether signals are held while a callback runs; if not, the test has to fail.
    """
    global _pool
    if not holds:
        _hold_nothing()
    _pool = await sahpool.install("stops", clear_on_init=True, spare=16)
    for mode in MODES:
        connection = _connect(mode)
        connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, half INTEGER)")
        _kept[mode] = connection
    sys.unraisablehook = lambda told: _swallowed.append(f"{told.exc_value!r} in {told.object!r}")
    pyodide_js.setInterruptBuffer(js.stopBuffer)


def _connect(mode: str) -> sqlite3.Connection:
    connection = _pool.connect(f"{mode}.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={mode}")
    return connection


def _insert(connection: sqlite3.Connection, mode: str) -> None:
    number = next(_numbers)
    connection.execute("INSERT INTO t VALUES(?, 0)", (number,))
    _acknowledged[mode].add(number)


def _one_connection(mode: str) -> None:
    _insert(_kept[mode], mode)


def _one_a_cell(mode: str) -> None:
    with closing(_connect(mode)) as connection:
        _insert(connection, mode)


def _transaction(mode: str) -> None:
    """Inserts two rows in one transaction."""
    connection, number = _kept[mode], next(_numbers)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES(?, 1)", (number,))
        connection.execute("INSERT INTO t VALUES(?, 1)", (-number,))
        connection.execute("COMMIT")
        _acknowledged[mode] |= {number, -number}
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _long_statement(mode: str) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    _kept[mode].execute(endless).fetchone()


def _long_sort(mode: str) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000)"
    _kept[mode].execute(f"{many} SELECT hex(randomblob(20)) AS x FROM n ORDER BY x").fetchone()


def _long_write(mode: str) -> None:
    connection = _kept[mode]
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000)"
    connection.execute("BEGIN")
    try:
        connection.execute(f"{many} INSERT INTO t SELECT i + 1000000000, 0 FROM n")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _other_tables(mode: str) -> None:
    connection = _kept[mode]
    connection.execute("CREATE TABLE IF NOT EXISTS u(x)")
    connection.execute("CREATE INDEX IF NOT EXISTS i ON u(x)")
    connection.execute("INSERT INTO u VALUES(zeroblob(20000))")
    connection.execute("DROP TABLE u")


def _export_and_delete(mode: str) -> None:
    _pool.export_file(f"{mode}.db")
    with closing(_pool.connect("other.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS u(x)")
    _pool.unlink("other.db")


KINDS: tuple[Callable[[str], None], ...] = (
    _one_connection,
    _one_a_cell,
    _transaction,
    _long_statement,
    _long_sort,
    _long_write,
    _other_tables,
    _export_and_delete,
)


def cell(seed: int) -> dict[str, Any]:
    """Work until Stop is pressed; return what ended it, and whether a second signal came."""
    chance = random.Random(seed)
    mode, work = chance.choice(MODES), chance.choice(KINDS)
    told, again = "", 0
    try:
        js.postMessage(js.Object.fromEntries([["begun", True]]))
        while True:
            work(mode)
    except KeyboardInterrupt:
        told = "KeyboardInterrupt"
    except BaseException as error:  # noqa: BLE001 - reported as it is
        told = repr(error)
    try:
        for _ in range(_TURNS):
            pass
    except KeyboardInterrupt:
        again = 1
    swallowed, _swallowed[:] = list(_swallowed), []
    return {"kind": work.__name__, "mode": mode, "told": told, "again": again, "lost": swallowed}


async def end() -> dict[str, int]:
    """Count acknowledged, lost and half rows and damaged databases, also after another start."""
    pyodide_js.setInterruptBuffer(None)
    lost = half = corrupt = 0
    for connection in _kept.values():
        connection.close()
    for _ in range(2):
        for mode in MODES:
            with closing(_connect(mode)) as connection:
                if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                    corrupt += 1
                rows = dict(connection.execute("SELECT a, half FROM t"))
            lost += len(_acknowledged[mode] - rows.keys())
            half += sum(1 for number, is_half in rows.items() if is_half and -number not in rows)
        _pool.pause_vfs()
        await _pool.unpause_vfs()
    acknowledged = sum(map(len, _acknowledged.values()))
    return {"acknowledged": acknowledged, "lost": lost, "half": half, "corrupt": corrupt}
