"""Parts of what a service is given: files, SQLite, the event loop.

Runs on both sides, because the console's service is tried inside Pyodide too.
"""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType

from sahpool_console.session.host import Aggregate, Function

PIECE = 1 << 20


class FileSource:
    """A file on disk as the worker sees one that was chosen in the browser."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.size = path.stat().st_size
        self._path = path

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    async def pieces(self) -> AsyncGenerator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


class BytesSource:
    """A file held in memory; ``largest`` is the most that was read at once."""

    def __init__(self, data: bytes, name: str = "data.csv") -> None:
        self.name = name
        self.size = len(data)
        self.largest = 0
        self._data = data

    def read(self, offset: int, length: int) -> bytes:
        self.largest = max(self.largest, length)
        return self._data[offset : offset + length]

    async def pieces(self) -> AsyncGenerator[bytes]:
        at = 0
        while piece := self.read(at, PIECE):
            at += len(piece)
            yield piece


def make_database(path: Path, rows: int = 100) -> bytes:
    """The bytes of a database with one table, made as a file at ``path``."""
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)")
    con.executemany("INSERT INTO thing (name) VALUES (?)", [(f"thing {i}",) for i in range(rows)])
    con.commit()
    con.close()
    return path.read_bytes()


class FakeEngine:
    """CPython's SQLite; whose error is at which byte is in ``offset``."""

    def __init__(self) -> None:
        self.versions = {"sahpool": "0", "sqlite": sqlite3.sqlite_version}
        self.own_keywords = ["SELECT"]
        self.own_functions: list[Function] = []
        self.own_aggregates: list[Aggregate] = []
        self.own_tables: dict[str, Callable[[sqlite3.Connection], object]] = {}
        self.offset = -1
        self.put_off: list[sqlite3.Connection] = []

    def keywords(self) -> list[str]:
        return self.own_keywords

    def functions(self) -> list[Function]:
        return self.own_functions

    def aggregates(self) -> list[Aggregate]:
        return self.own_aggregates

    def add_table_functions(self, con: sqlite3.Connection, missing: str) -> bool:
        add = self.own_tables.pop(missing, None)
        if add is not None:
            add(con)
        return add is not None

    def interruptible(self, _con: sqlite3.Connection) -> AbstractContextManager[None]:
        return nullcontext()

    def put_off_checkpoints(self, con: sqlite3.Connection) -> int:
        self.put_off.append(con)
        return 1000

    def resume_checkpoints(self, con: sqlite3.Connection, pages: int) -> None:
        assert pages == 1000
        self.put_off.remove(con)

    def error_offset(self, _con: sqlite3.Connection) -> int:
        return self.offset

    def transaction_state(self, con: sqlite3.Connection) -> str:
        return "write" if con.in_transaction else "none"


class FakeLibraries:
    """CPython's own; those in ``lacking`` cannot be loaded."""

    def __init__(self) -> None:
        self.lacking: set[str] = set()

    async def library(self, name: str) -> ModuleType:
        if name in self.lacking:
            raise OSError(f"A part of this site could not be loaded: {name}.")
        return importlib.import_module(name)


class FakeLoop:
    """``on_tick`` and ``on_breathe`` stand for messages that arrive in a turn of the event loop."""

    def __init__(self) -> None:
        self.can_suspend = True
        self.on_tick: Callable[[], object] = lambda: None
        self.on_breathe: Callable[[], object] = lambda: None

    def tick(self) -> None:
        self.on_tick()

    async def breathe(self) -> None:
        self.on_breathe()
        await asyncio.sleep(0)

    def blob(self, chunks: Iterable[bytes]) -> object:
        return b"".join(chunks)
