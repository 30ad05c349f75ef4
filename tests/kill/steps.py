"""What a round writes: steps that their number alone decides.

Runs on both sides, inside Pyodide and outside.

The worker applies them to databases of a pool; the model applies the same ones to a database in
memory of CPython's own SQLite. So the content that must be there after a step is known to the
last byte, and whatever else is found was lost or is corrupt.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3

#: Arms: a main database each, ``/ARM.db``, in its journal mode and with its ``synchronous``.
ARMS = {
    "wal-full": ("wal", "full"),
    "wal-normal": ("wal", "normal"),
    "delete": ("delete", "full"),
    "truncate": ("truncate", "full"),
    "persist": ("persist", "full"),
}

#: Mixes of steps: how many of each kind among how many.
MIXES = {
    "small": {"single": 60, "transfer": 30, "bulk": 1, "checkpoint": 1, "side": 1},
    "mixed": {
        "single": 20,
        "transfer": 20,
        "bulk": 6,
        "rewrite": 6,
        "rollback": 4,
        "checkpoint": 3,
        "vacuum": 2,
        "replace": 3,
        "side": 4,
    },
    "large": {"bulk": 4, "rewrite": 4, "rollback": 1, "checkpoint": 1},
    "whole": {"single": 3, "rewrite": 1, "vacuum": 3, "replace": 3, "side": 4},
}

#: Kinds whose number can be read in the main database afterwards; the others leave its content.
VISIBLE = ("create", "single", "transfer", "bulk", "rewrite", "replace")

#: Pages of cache, so few that the larger transactions reach the file before they are committed.
CACHE_PAGES = 20

ACCOUNTS = 200
EACH = 1000  # what an account begins with; the sum over all of them never changes
ROWS_A_BULK = 400
ROWS_KEPT = 1500  # a bulk deletes what is older, so that a database stays small
SIDE_ROWS = 300

_FILL = "".join(chr(33 + n * 7 % 90) for n in range(1000))

_SCHEMA = """
CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, step INTEGER, note TEXT);
CREATE TABLE entry (id INTEGER PRIMARY KEY, step INTEGER NOT NULL, part INTEGER, text TEXT);
CREATE INDEX entry_by_text ON entry (text);
CREATE TABLE progress (step INTEGER NOT NULL);
"""


def kind_of(seed: str, mix: str, step: int) -> str:
    """What a step of a mix does."""
    if step == 0:
        return "create"
    if step % 300 == 0:  # whatever the mix, the old rows go now and then
        return "bulk"
    weights = MIXES[mix]
    return random.Random(f"{seed}/{step}").choices(list(weights), list(weights.values()))[0]


def apply(con: sqlite3.Connection, seed: str, kind: str, step: int) -> None:
    """One visible step, as one transaction, on a connection in autocommit mode."""
    chance = random.Random(f"{seed}:{step}")
    if kind == "single":
        con.execute("INSERT INTO entry VALUES (NULL, ?, 0, ?)", (step, _text(chance, step, 0)))
        return
    con.execute("BEGIN")
    if kind == "create":
        for statement in _SCHEMA.strip().split("\n"):
            con.execute(statement)
        accounts = [(n, EACH, 0, _text(chance, 0, n)) for n in range(ACCOUNTS)]
        con.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", accounts)
        con.execute("INSERT INTO progress VALUES (0)")
        _insert(con, chance, step)
    elif kind == "transfer":
        amount, payer, payee = chance.randrange(50), *chance.sample(range(ACCOUNTS), 2)
        for account, change in ((payer, -amount), (payee, amount)):
            con.execute(
                "UPDATE account SET balance = balance + ?, step = ? WHERE id = ?",
                (change, step, account),
            )
    elif kind == "bulk":
        con.execute(f"DELETE FROM entry WHERE id <= (SELECT max(id) - {ROWS_KEPT} FROM entry)")
        _insert(con, chance, step)
    else:
        rewrite(con, step)
    con.execute("UPDATE progress SET step = ?", (step,))
    con.execute("COMMIT")


def rewrite(con: sqlite3.Connection, step: int) -> None:
    """Changes every row of the two large tables, inside a transaction that somebody else began."""
    con.execute(
        "UPDATE entry SET text = ? || '.' || id || '.' || substr(?, 1 + (id * 11 + ?) % 300, "
        "50 + (id * 37 + ?) % 600)",
        (step, _FILL, step, step),
    )
    # Everybody gives one to the next: the sum stays.
    con.execute("UPDATE account SET balance = balance - 1, step = ? WHERE id % 2 = 0", (step,))
    con.execute("UPDATE account SET balance = balance + 1, step = ? WHERE id % 2 = 1", (step,))


def create_side(con: sqlite3.Connection, step: int) -> None:
    """Fills the side database, which comes and goes, in one transaction."""
    con.execute("BEGIN")
    con.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, step INTEGER, text TEXT)")
    rows = [(step, _FILL[: 100 + part]) for part in range(SIDE_ROWS)]
    con.executemany("INSERT INTO item VALUES (NULL, ?, ?)", rows)
    con.execute("COMMIT")


def last_step(con: sqlite3.Connection) -> int:
    """The last visible step that a main database holds."""
    found = con.execute(
        "SELECT max(step) FROM (SELECT step FROM progress UNION ALL SELECT step FROM entry)"
    )
    return int(found.fetchone()[0])


def digest(con: sqlite3.Connection) -> str:
    """SHA-256 of all rows of a main database."""
    hashed = hashlib.sha256()
    for table in ("account", "entry", "progress"):
        for row in con.execute(f"SELECT * FROM {table} ORDER BY 1"):
            hashed.update(repr(row).encode())
    return hashed.hexdigest()


def _insert(con: sqlite3.Connection, chance: random.Random, step: int) -> None:
    rows = [(step, part, _text(chance, step, part)) for part in range(ROWS_A_BULK)]
    con.executemany("INSERT INTO entry VALUES (NULL, ?, ?, ?)", rows)


def _text(chance: random.Random, step: int, part: int) -> str:
    start = chance.randrange(300)
    return f"{step}.{part}.{_FILL[start : start + chance.randrange(50, 650)]}"
