"""A worker's part: look at what is there, tell it, then write until somebody ends it all.

Its text is sent to the worker behind that of steps.py. Every word to the test is a request that
waits for its answer, so that nothing is acknowledged but what the test has heard.
"""

import asyncio
import itertools
import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import js

import sahpool

if TYPE_CHECKING:
    from sahpool import Pool
    from tests.kill.steps import (
        ARMS,
        CACHE_PAGES,
        SIDE_ROWS,
        apply,
        create_side,
        digest,
        kind_of,
        last_step,
        rewrite,
    )

CANARY = "canary"  # a file of this origin beside the pool: is it gone, the browser lost it all

# Some ten seconds inside one statement that changes row by row; the pages before it are changed
# and, the cache being small, in the file.
LONG = """
UPDATE entry SET text = (
  WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 30000)
  SELECT 'long' || max(x) || entry.id FROM c
)
"""


def ask(event: str, **fields: Any) -> Any:
    """Tells the test something; its answer."""
    request = js.XMLHttpRequest.new()
    request.open("POST", "/kill/ask", False)
    request.send(json.dumps({"event": event, **fields}))
    if request.status != 200:
        raise RuntimeError(f"the test answered {request.status}")
    return json.loads(request.responseText)


def opened(pool: "Pool", name: str, arm: str) -> sqlite3.Connection:
    """A connection as the arm has it, in autocommit mode."""
    journal_mode, synchronous = ARMS[arm]
    con = pool.connect(name, isolation_level=None)
    con.execute(f"PRAGMA cache_size = {CACHE_PAGES}")
    con.execute(f"PRAGMA journal_mode = {journal_mode}")
    con.execute(f"PRAGMA synchronous = {synchronous}")
    return con


def look_main(pool: "Pool", arm: str) -> dict[str, Any]:
    """What an arm's main database holds: ``step`` -1 when it is not there or has no tables."""
    if not pool.exists(f"{arm}.db"):
        return {"step": -1}
    with closing(pool.connect(f"{arm}.db", isolation_level=None)) as con:
        try:
            check = [row[0] for row in con.execute("PRAGMA integrity_check(5)")]
            if check != ["ok"]:
                return {"step": -1, "problem": "; ".join(check)}
            if not con.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                return {"step": -1}
            total = con.execute("SELECT sum(balance) FROM account").fetchone()[0]
            return {"step": last_step(con), "digest": digest(con), "total": total}
        except sqlite3.Error as error:
            return {"step": -1, "problem": f"{error.sqlite_errorname}: {error}"}


def look_side(pool: "Pool", arm: str) -> Any:
    """The step that made an arm's side database; None: not there, "empty", or what is wrong."""
    name = f"side-{arm}.db"
    if not pool.exists(name):
        return None
    with closing(pool.connect(name, isolation_level=None)) as con:
        try:
            check = con.execute("PRAGMA integrity_check(5)").fetchall()
            if check != [("ok",)]:
                return f"corrupt: {check}"
            if con.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                rows = con.execute("SELECT count(*), min(step), max(step) FROM item").fetchone()
                whole = rows[0] == SIDE_ROWS and rows[1] == rows[2]
                return rows[1] if whole else f"corrupt: rows, first and last step {rows}"
        except sqlite3.Error as error:
            return f"corrupt: {error.sqlite_errorname}: {error}"
    pool.unlink(name)
    return "empty"


async def canary_is_there() -> bool:
    """Whether the file beside the pool was there; it is made when it was not."""
    root = await js.navigator.storage.getDirectory()
    names = [name async for name in root.keys()]  # noqa: SIM118 - JavaScript's, it has no other
    if CANARY not in names:
        await root.getFileHandle(CANARY, sahpool.browser.js_object(create=True))
    return CANARY in names


async def work(pool: "Pool", task: dict[str, Any]) -> None:
    """Takes step after step, until the worker is ended or the task's last stage begins."""
    arm, seed, acks = task["arm"], task["seed"], task["acks"]
    con: sqlite3.Connection | None = None
    for step in itertools.count(task["first"]):
        if task["steps"] is not None and step >= task["first"] + task["steps"]:
            break
        kind = kind_of(seed, task["mix"], step)
        if acks == "early":
            acknowledge(task, step)
        con = await perform(pool, con, arm, seed, kind, step)
        if acks != "early":
            acknowledge(task, step)
    if task["stage"] == "idle":
        ask("there", who=task["who"])  # nobody answers
    con = con or opened(pool, f"{arm}.db", arm)
    con.execute("BEGIN")
    rewrite(con, -1)
    ask("there", who=task["who"])
    while True:
        con.execute(LONG)


def acknowledge(task: dict[str, Any], step: int) -> None:
    """Tells that a step is committed: each by a request, or by way of the page, which may join."""
    message = {"event": "ack", "round": task["round"], "step": step}
    if task["acks"] == "page":
        js.postMessage(json.dumps(message))
    else:
        ask(**message)


async def perform(
    pool: "Pool", con: sqlite3.Connection | None, arm: str, seed: str, kind: str, step: int
) -> sqlite3.Connection | None:
    """One step; returns the connection to go on with."""
    name, side = f"{arm}.db", f"side-{arm}.db"
    if kind == "replace":
        if con is not None:
            con.close()
        await replace(pool, name, seed, step)
        return None
    if kind == "side":
        if not pool.unlink(side):
            with closing(opened(pool, side, arm)) as other:
                create_side(other, step)
        await asyncio.sleep(0)  # spare slots are topped up
        return con
    con = con or opened(pool, name, arm)
    if kind == "vacuum":
        con.execute("VACUUM")
    elif kind == "checkpoint":
        how = ("PASSIVE", "RESTART", "TRUNCATE")[step % 3]
        con.execute(f"PRAGMA wal_checkpoint({how})").fetchall()
    elif kind == "rollback":
        con.execute("BEGIN")
        rewrite(con, step)
        con.execute("ROLLBACK")
    else:
        apply(con, seed, kind, step)
    return con


async def replace(pool: "Pool", name: str, seed: str, step: int) -> None:
    """Takes a step on a copy in memory, which then replaces the database."""
    image = bytearray(pool.export_file(name))
    modes = image[18:20]  # sqlite.org/fileformat2.html: 2 is WAL, which memory has none of
    image[18:20] = b"\1\1"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.deserialize(bytes(image))
        apply(copy, seed, "replace", step)
        image = bytearray(copy.serialize())
    image[18:20] = modes
    await pool.import_db(name, bytes(image), replace=True)


async def main(who: str) -> None:
    """Waits for its turn, looks at everything, tells it, works."""
    if ask("loaded", who=who)["early"]:
        ask("installing", who=who)
    began = time.monotonic()
    pool = await sahpool.install("kill")
    installed = time.monotonic()
    found = {
        "files": pool.file_names,
        "quarantined": [f"{each.offered}: {each.reason}" for each in pool.quarantined],
        "main": {arm: look_main(pool, arm) for arm in ARMS},
        "side": {arm: look_side(pool, arm) for arm in ARMS},
        "canary": await canary_is_there(),
        "waited": installed - began,
        "looked": time.monotonic() - installed,
    }
    task = ask("verified", who=who, found=found)
    await work(pool, {**task, "who": who})
