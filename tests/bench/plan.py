"""What a contender has to do, in a form that travels: lists of steps, as JSON.

Runs on both sides, inside Pyodide and outside.

One plan is played by every contender, in Python (player.py) or in JavaScript (player.mjs), so that
all of them get the same statements and the same rows. The steps:

    ["open", cache]            closes the database when it is open, opens it anew; the page cache in
                               KiB
    ["run", sql]               one statement; the rows that it gives are compared
    ["many", sql, rows]        one statement for each row of parameters
    ["each", sql, rows]        the same, and what the statements find in their first column is added
                               up and compared; outside of a transaction each is one of its own
    ["time", name, [step, …]]  steps whose time is taken; nothing else is in it

``rows`` are generated, before any clock runs: see ``rows()``.
"""

from __future__ import annotations

from typing import Any

Step = list[Any]
Plan = list[Step]

#: Page cache of ``sahpool.install()``'s default, and the one that SQLite has by itself, in KiB.
CACHE = 32768
SMALL_CACHE = 2000


def opened(cache: int = CACHE) -> Step:
    """A connection that has nothing in its cache.

    Args:
        cache: Page cache in KiB.
    """
    return ["open", cache]


def run(sql: str) -> Step:
    """One statement."""
    return ["run", sql]


def many(sql: str, rows: dict[str, Any]) -> Step:
    """One statement for each row."""
    return ["many", sql, rows]


def each(sql: str, rows: dict[str, Any]) -> Step:
    """One statement for each row; what they find is added up."""
    return ["each", sql, rows]


def timed(name: str, *steps: Step) -> Step:
    """Steps whose time is taken together."""
    return ["time", name, list(steps)]


def within(*steps: Step) -> list[Step]:
    """Steps in one transaction.

    IMMEDIATE, because wa-sqlite's OPFSWriteAheadVFS refuses writing in a deferred one.
    """
    return [run("BEGIN IMMEDIATE"), *steps, run("COMMIT")]


def rows(count: float, *columns: tuple[str, int], seed: int = 1) -> dict[str, Any]:
    """Rows of parameters, the same in both languages.

    Args:
        count: How many; at least one.
        *columns: For each a kind and a size: ``("serial", first)`` counts up, ``("int", n)`` is
            drawn from 0 to n − 1, ``("float", n)`` from 0 to n, ``("text", n)`` has n letters, a
            multiple of 8.
        seed: Where the drawing begins.
    """
    return {
        "count": max(1, round(count)),
        "columns": [list(each) for each in columns],
        "seed": seed,
    }
