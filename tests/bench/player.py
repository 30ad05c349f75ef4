"""Plays a plan through Python's ``sqlite3``: on the host, and, sent there, inside Pyodide.

Runs on both sides, inside Pyodide and outside.
"""

from __future__ import annotations

import functools
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

Row = tuple[Any, ...]


@functools.lru_cache(maxsize=16)
def _rows(spec: str) -> list[Row]:
    """The rows that ``tests.bench.plan.rows`` describes."""
    wanted = json.loads(spec)
    state = wanted["seed"]
    made = []
    for number in range(wanted["count"]):
        row: list[Any] = []
        for kind, size in wanted["columns"]:
            if kind == "serial":
                row.append(size + number)
                continue
            # A linear congruential generator modulo 2³²; its low bits are poor, so they are left.
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            if kind == "int":
                row.append((state >> 7) % size)
            elif kind == "float":
                row.append((state + 0.5) / 4294967296 * size)
            else:
                row.append(f"{state:08x}" * (size // 8))
        made.append(tuple(row))
    return made


def rows(spec: dict[str, Any]) -> list[Row]:
    """The rows of a step, made once."""
    return _rows(json.dumps(spec))


#: What is told of each contender's first connection: name → statement with one value.
SETTINGS = {
    "SQLite": "SELECT sqlite_version()",
    **{
        name: f"PRAGMA {name}"
        for name in ("journal_mode", "locking_mode", "synchronous", "page_size", "cache_size")
    },
    "temporary files": (
        "SELECT group_concat(compile_options) FROM pragma_compile_options "
        "WHERE compile_options LIKE 'TEMP_STORE=%'"
    ),
}


class Player:
    """Plays one plan on one database.

    Args:
        connect: Opens the database with a page cache of so many KiB.
        keeps: Whether the database lasts longer than its connection.
    """

    def __init__(self, connect: Callable[[int], sqlite3.Connection], *, keeps: bool) -> None:
        self._connect = connect
        self._keeps = keeps
        self._con: sqlite3.Connection | None = None
        self.times: dict[str, float] = {}
        self.results: list[Any] = []
        self.settings: dict[str, Any] = {}

    def play(self, plan: list[list[Any]]) -> dict[str, Any]:
        """Does every step, then closes.

        Returns:
            ``times`` in milliseconds by name, ``results`` for the comparison, ``settings``.
        """
        try:
            for step in plan:
                self._step(*step)
        finally:
            self._close()
        return {"times": self.times, "results": self.results, "settings": self.settings}

    def _step(self, kind: str, *arguments: Any) -> None:
        if kind == "open":
            self._open(*arguments)
        elif kind == "time":
            self._time(*arguments)
        else:
            getattr(self, f"_{kind}")(*arguments)

    def _open(self, cache: int) -> None:
        if self._con is not None:
            if not self._keeps:
                return
            self._close()
        self._con = self._connect(cache)

    def _close(self) -> None:
        if self._con is None:
            return
        # Now, not as it was opened: a new database has its journal mode with its first table.
        if not self.settings:
            for name, sql in SETTINGS.items():
                (self.settings[name],) = self._con.execute(sql).fetchone()
        self._con.close()

    def _time(self, name: str, steps: list[list[Any]]) -> None:
        for _, *arguments in steps:
            if len(arguments) > 1:
                rows(arguments[1])
        begin = time.perf_counter()
        for step in steps:
            self._step(*step)
        self.times[name] = (time.perf_counter() - begin) * 1000

    def _execute(self, sql: str) -> sqlite3.Cursor:
        assert self._con is not None
        return self._con.execute(sql)

    def _run(self, sql: str) -> None:
        found = self._execute(sql).fetchall()
        if found:
            self.results.append([list(row) for row in found])

    def _many(self, sql: str, spec: dict[str, Any]) -> None:
        assert self._con is not None
        self._con.executemany(sql, rows(spec))

    def _each(self, sql: str, spec: dict[str, Any]) -> None:
        assert self._con is not None
        execute = self._con.execute
        total = 0
        for row in rows(spec):
            found = execute(sql, row).fetchone()
            if found is not None:
                total += found[0] or 0
        self.results.append(total)
