"""sahpool's side of the bench, inside Pyodide: the contenders that are this engine."""

from __future__ import annotations

import itertools
import sqlite3
from typing import Any

import sahpool
from tests.bench.plan import CACHE
from tests.bench.player import Player

_numbers = itertools.count(1)


async def play_sahpool(plan: list[list[Any]]) -> dict[str, Any]:
    """In a new database of a pool with the default settings."""
    pool = await sahpool.install("bench")
    name = f"/{next(_numbers)}.db"

    def connect(cache: int) -> sqlite3.Connection:
        con = pool.connect(name, isolation_level=None)
        if cache != CACHE:  # which is what install() gives by itself
            con.execute(f"PRAGMA cache_size=-{cache}")
        return con

    try:
        return Player(connect, keeps=True).play(plan)
    finally:
        pool.unlink(name)


async def play_memory(plan: list[list[Any]]) -> dict[str, Any]:
    """In memory."""

    def connect(cache: int) -> sqlite3.Connection:
        con = sqlite3.connect(":memory:", isolation_level=None)
        con.execute(f"PRAGMA cache_size=-{cache}")
        return con

    return Player(connect, keeps=False).play(plan)
