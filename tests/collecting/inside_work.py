"""Work for the worker of the library's own proof; its text is sent there (lab.py).

Eight tasks run statements of seconds, which are suspended again and again, on a pool's databases
and in memory, with functions and aggregates in Python that allocate; beside them databases go in
and out, and rows are written, read and sorted. Garbage is collected after every fifty new objects.
"""

import asyncio
import gc
import json
import random
import sqlite3
import time
from typing import Any

import js
from pyodide.ffi import run_sync

import sahpool
from sahpool.browser import collecting

LONGS = 8
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
STATEMENTS = {  # each takes a second by itself, and as many as there are tasks beside the others
    NUMBERS.format(1_500_000) + " SELECT count(*), sum(i) FROM n": (1_500_000, 1_125_000_750_000),
    NUMBERS.format(60_000) + " SELECT sum(junk(i)) FROM n": (1_800_030_000,),
    NUMBERS.format(100_000) + " SELECT total_of(i) FROM n": (5_000_050_000,),
    NUMBERS.format(400_000) + " SELECT i FROM n ORDER BY i * 7919 % 400009 LIMIT 1": (
        min(range(1, 400_001), key=lambda i: i * 7919 % 400_009),
    ),
}


class Total:
    """An aggregate in Python, which keeps what it is given in cycles."""

    def __init__(self) -> None:
        self.kept: list[list[Any]] = []

    def step(self, value: int) -> None:
        cell: list[Any] = [value]
        cell.append(cell)
        self.kept.append(cell)

    def finalize(self) -> int:
        return sum(cell[0] for cell in self.kept)


def junk(value: int) -> int:
    """The value itself, by way of some garbage."""
    cells: list[Any] = [[value] for _ in range(5)]
    for cell in cells:
        cell.append(cells)
    return int(cells[-1][0])


class Work:
    """What runs at the same time until the time is over; ``counts`` is what came of it."""

    def __init__(self, pool: Any, seconds: float) -> None:
        self.pool = pool
        self.end = time.monotonic() + seconds
        self.counts = dict.fromkeys(
            ("statements", "suspensions", "imports", "exports", "short", "collections", "wrong"), 0
        )
        self.beats = js.BroadcastChannel.new("beats")

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    def collected(self, phase: str, info: dict[str, int]) -> None:
        self.counts["collections"] += phase == "stop" and info["generation"] == 1

    def check(self, kind: str, found: object, wanted: object) -> None:
        self.counts[kind] += 1
        self.counts["wrong"] += found != wanted
        self.beats.postMessage(json.dumps(self.counts))

    def connect(self, number: int) -> sqlite3.Connection:
        if number % 4 == 3:  # what is none of the pool's is safe as well
            return sqlite3.connect(":memory:", isolation_level=None)
        con: sqlite3.Connection = self.pool.connect(f"{number}.db", isolation_level=None)
        return con

    async def long(self, number: int) -> None:
        con = self.connect(number)
        con.create_function("junk", 1, junk)
        con.create_aggregate("total_of", 1, Total)
        last = time.monotonic()

        def progress() -> int:
            nonlocal last
            if time.monotonic() > last + 0.02:
                self.counts["suspensions"] += 1
                run_sync(asyncio.sleep(0))
                last = time.monotonic()
            return 0

        con.set_progress_handler(progress, 2000)
        while self.goes_on:
            sql, wanted = random.choice(list(STATEMENTS.items()))
            self.check("statements", con.execute(sql).fetchone(), wanted)
            await asyncio.sleep(0)
        con.close()

    async def carry(self) -> None:
        """A database out and in again under another name, and what is in it."""
        pool = self.pool
        with_rows = pool.connect("carried.db", isolation_level=None)
        with_rows.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b)")
        with_rows.execute(
            f"INSERT OR REPLACE INTO t {NUMBERS.format(3000)} SELECT i, hex(i) FROM n"
        )
        wanted = with_rows.execute("SELECT count(*), sum(a), sum(length(b)) FROM t").fetchone()
        while self.goes_on:
            chunks = []
            for chunk in pool.export_chunks("carried.db", size=16384):
                chunks.append(chunk)
                await asyncio.sleep(0)
            self.counts["exports"] += 1
            await pool.import_db("copy.db", chunks, replace=True)
            copy = pool.connect("copy.db")
            found = copy.execute("SELECT count(*), sum(a), sum(length(b)) FROM t").fetchone()
            copy.close()
            self.check("imports", found, wanted)
            await asyncio.sleep(0)
        with_rows.close()

    async def short(self) -> None:
        con = self.pool.connect("short.db", isolation_level=None)
        while self.goes_on:
            con.execute("DROP TABLE IF EXISTS t")
            con.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
            con.execute(f"INSERT INTO t {NUMBERS.format(2000)} SELECT i, 'row ' || i FROM n")
            rows = con.execute("SELECT a FROM t ORDER BY b DESC").fetchall()
            wanted = [(i,) for i in sorted(range(1, 2001), key=lambda i: f"row {i}", reverse=True)]
            self.check("short", rows, wanted)
            await asyncio.sleep(0)
        con.close()

    async def run(self) -> None:
        longs = [self.long(number) for number in range(LONGS)]
        await asyncio.gather(*longs, self.carry(), self.short())


async def worked(seconds: float, *, protected: bool) -> dict[str, Any]:
    """The counts of so many seconds; without the protection if that is not wanted."""
    if not protected:
        setattr(collecting, "protect", lambda _io: None)  # noqa: B010 - mypy knows what it was
    pool = await sahpool.install("collecting", initial_capacity=24, clear_on_init=True)
    work = Work(pool, seconds)
    gc.callbacks.append(work.collected)
    gc.set_threshold(50)
    await work.run()
    gc.callbacks.remove(work.collected)
    await pool.remove_vfs()
    return {**work.counts, "told": await collecting.told()}
