"""Plays a script of steps on several connections and tells what came of each.

Runs on both sides, inside Pyodide and outside.

The same text runs in two interpreters and over three kinds of storage: CPython over ordinary files
(a desktop), Pyodide over ordinary files in Emscripten's memory (the very SQLite under test, over
SQLite's own ``unix`` VFS), and Pyodide over a pool.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol

#: One step as JSON has it. ``do``: open, close, execute, read, fetch, end, kill; ``con``: number
#: of the connection; the rest is what the step's method below takes, and what the model must know
#: (``at``: the schema that the statement is about, ``effect``: what it does to it).
Step = dict[str, Any]

#: What came of a step: [name of the error or None, rows or None, in a transaction afterwards].
Outcome = list[Any]

COMPANIONS = ("", "-journal", "-wal")


class Place(Protocol):
    """Where the databases of a script lie."""

    def uri(self, name: str, mode: str | None) -> str:
        """The URI of a database."""

    def opened(self, connection: sqlite3.Connection, name: str, mode: str | None) -> None:
        """Does what a pool does as a connection opens."""

    async def killed(self, let_go: Any) -> None:
        """Leaves the files as a process would that is killed now; ``let_go`` ends its remains."""


class Folder:
    """Ordinary files, and SQLite's own VFS for them.

    Args:
        root: Where the folder may be made.
        pragmas: What a pool gives its connections as they open (``sahpool.DEFAULT_PRAGMAS``).
    """

    def __init__(self, root: Path, pragmas: Mapping[str, Any]) -> None:
        self._root = root
        self._generation = 0
        self._pragmas = pragmas
        self.folder.mkdir(parents=True)

    @property
    def folder(self) -> Path:
        return self._root / str(self._generation)

    def uri(self, name: str, mode: str | None) -> str:
        return f"file:{self.folder}/{name}?vfs=unix" + (f"&mode={mode}" if mode else "")

    def opened(self, connection: sqlite3.Connection, name: str, mode: str | None) -> None:
        file = self.folder / name
        new = mode != "ro" and not (file.exists() and file.stat().st_size)
        for pragma, value in self._pragmas.items():
            if new or pragma != "journal_mode":
                try:
                    connection.execute(f"PRAGMA {pragma}={value}").fetchall()
                except sqlite3.OperationalError as error:
                    if not error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_READONLY")):
                        raise

    async def killed(self, let_go: Any) -> None:
        old = self.folder
        self._generation += 1
        self.folder.mkdir()
        for file in old.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, self.folder / file.name)
        let_go()
        shutil.rmtree(old)

    def remove(self) -> None:
        """Removes the files."""
        shutil.rmtree(self._root)


class Player:
    """The connections of a script and their cursors."""

    def __init__(self, place: Place, *, patient: bool = False) -> None:
        self._place = place
        self._timeout = 5.0 if patient else 0.0
        self._connections: dict[int, sqlite3.Connection] = {}
        self._cursors: dict[tuple[int, int], sqlite3.Cursor] = {}

    async def play(self, steps: list[Step]) -> list[Outcome]:
        """Plays one step after the other, whatever comes of them."""
        return [await self.do(step) for step in steps]

    async def do(self, step: Step) -> Outcome:
        """Plays one step."""
        if step["do"] == "kill":
            await self._place.killed(self.let_go)
            return [None, None, False]
        number = step["con"]
        error, rows = None, None
        if self._lacks(number, step):
            return ["what it needs was not opened", None, False]
        try:
            rows = getattr(self, "_" + step["do"])(number, step)
        except sqlite3.Error as raised:
            error = getattr(raised, "sqlite_errorname", type(raised).__name__)
        connection = self._connections.get(number)
        return [error, rows, connection is not None and connection.in_transaction]

    def _lacks(self, number: int, step: Step) -> bool:
        """Whether an earlier step failed here that had succeeded where the script was written."""
        if step["do"] in ("fetch", "end"):
            return (number, step["cursor"]) not in self._cursors
        return step["do"] != "open" and number not in self._connections

    def let_go(self) -> None:
        """Closes everything."""
        for cursor in self._cursors.values():
            cursor.close()
        self._cursors.clear()
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _open(self, number: int, step: Step) -> None:
        if number in self._connections:  # opening it had failed where the script was written
            self._close(number, step)
        name, mode = step["name"], step.get("mode")
        connection = sqlite3.connect(
            self._place.uri(name, mode), uri=True, isolation_level=None, timeout=self._timeout
        )
        self._place.opened(connection, name, mode)
        try:
            for pragma in step.get("pragmas", ()):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        self._connections[number] = connection

    def _close(self, number: int, step: Step) -> None:
        """Ends a connection; an untidy program forgets its cursors only afterwards."""
        connection = self._connections.pop(number)
        mine = [self._cursors.pop(key) for key in list(self._cursors) if key[0] == number]
        if step.get("tidy", True):
            for cursor in mine:
                cursor.close()
        connection.close()

    def _execute(self, number: int, step: Step) -> list[list[Any]]:
        sql = step["sql"]
        if "attach" in step:
            sql = f"ATTACH '{self._place.uri(step['attach'], None)}' AS aux"
        return [list(row) for row in self._connections[number].execute(sql).fetchall()]

    def _read(self, number: int, step: Step) -> list[list[Any]]:
        """Begins to read: the cursor stays open."""
        cursor = self._connections[number].execute(step["sql"])
        rows = [list(row) for row in cursor.fetchmany(step["count"])]
        self._cursors[number, step["cursor"]] = cursor
        return rows

    def _fetch(self, number: int, step: Step) -> list[list[Any]]:
        cursor = self._cursors[number, step["cursor"]]
        return [list(row) for row in cursor.fetchmany(step["count"])]

    def _end(self, number: int, step: Step) -> None:
        self._cursors.pop((number, step["cursor"])).close()


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    raise RuntimeError("it waits")
