"""What a session needs from the place it runs in.

The service knows neither the browser nor the library that stores databases.  It is handed a Host,
which the worker builds over both, and which tests build over ordinary files: Databases, Engine and
Loop, and a Quarantine where the storage has one.
"""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

__all__ = ["Databases", "Engine", "Function", "Host", "Loop", "Quarantine", "Source"]


class Function(NamedTuple):
    """A function of SQL that is written in Python.

    ``call`` is given int, float, str, bytes or None and gives one of these.  What it raises fails
    the statement; the text of it is shown to the user.
    """

    name: str
    arguments: int
    """How many it takes; -1: any number."""
    call: Callable[..., object]
    deterministic: bool
    """Whether it always gives the same for the same arguments, so that an index may use it."""


class Source(Protocol):
    """A file that the user chose, readable in any order."""

    name: str
    """Its name, without a folder."""
    size: int
    """Its length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset``, ``length`` of them or as many as there are."""
        ...

    def pieces(self) -> AsyncGenerator[Any]:
        """All of it in order, as buffers that Host.import_db takes and that only it looks into."""
        ...


class Databases(Protocol):
    """Where databases are kept.  Names are as the user sees them: notes.db."""

    storage: str
    """Where databases are kept: "opfs", or "memory" while the worker lives."""
    why_memory: str | None
    """Why that is the memory: "insecure", "missing" or "refused"; None where it is not."""

    async def measure(self) -> dict[str, Any]:
        """``persisted``, ``usage`` and ``quota`` of the storage.

        Whether the browser has promised to keep it, bytes that are used, bytes that are granted;
        None for each that it does not tell.
        """
        ...

    def connect(self, name: str) -> sqlite3.Connection:
        """A new connection to a database, which is created when it does not exist."""
        ...

    def scratch(self) -> AbstractContextManager[str | None]:
        """Where one more database can be, which is empty at first and gone after the block.

        As VACUUM INTO takes it, and sqlite3.connect with ``uri``; None where there is no room.
        """
        ...

    def flush_wal(self, name: str) -> None:
        """What has been written to the WAL of a database reaches the disk, as far as it can."""
        ...

    def databases(self) -> list[tuple[str, int]]:
        """Name and size in bytes of every database; journals are not listed."""
        ...

    def size(self, name: str) -> int:
        """Size of a database in bytes; 0 when there is none of that name."""
        ...

    def wal_size(self, name: str) -> int:
        """Size of the WAL of a database in bytes; 0 when it has none."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        ...

    def unlink(self, name: str) -> None:
        """Deletes a database and its journals; nobody has it open."""
        ...

    async def prepare(self) -> None:
        """Makes room for the files that the next statements may create."""
        ...

    async def import_db(self, name: str, chunks: AsyncIterable[Any], *, replace: bool) -> list[str]:
        """Stores the bytes of a database, checks them, and only then puts it in its place."""
        ...

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The committed content of a database in chunks of ``size`` bytes.

        What it holds meanwhile it lets go of at its end or, a generator, when it is closed.
        """
        ...

    def pause(self) -> None:
        """Lets go of the storage, in which nobody has anything open."""
        ...

    async def unpause(self) -> None:
        """Takes the storage back."""
        ...


class Quarantine(Protocol):
    """What a storage keeps aside because it cannot be trusted, slot by slot."""

    def slots(self) -> list[dict[str, Any]]:
        """Slots that cannot be trusted and are kept aside.

        Each with ``name``, ``reason``, ``size`` in bytes and ``offered``, the path that it may be
        the file of, or None.
        """
        ...

    def chunks(self, slot: str, size: int) -> Iterator[bytes]:
        """What lies in a slot in quarantine, as it is, in chunks of ``size`` bytes."""
        ...

    def recover(self, slot: str, name: str, *, replace: bool) -> int:
        """Makes a slot in quarantine a database once it is found sound; its size in bytes."""
        ...

    def drop(self, slot: str) -> None:
        """Erases a slot in quarantine."""
        ...


class Engine(Protocol):
    """SQLite, as far as the standard library's sqlite3 does not reach it."""

    versions: dict[str, str]
    """Of sahpool, sqlite, python, pyodide, and the site as a whole."""

    def keywords(self) -> list[str]:
        """The keywords of this SQLite."""
        ...

    def functions(self) -> list[Function]:
        """What every connection has beside SQLite's own functions.

        Where there are any, Python is sent SIGALRM again and again (see ``sql.functions``).
        """
        ...

    def interruptible(self, con: sqlite3.Connection) -> AbstractContextManager[None]:
        """Within the block, what SQLite does in one go is short, as far as the host can see to it.

        PRAGMAs may tell other settings than the user's there.
        """
        ...

    def put_off_checkpoints(self, con: sqlite3.Connection) -> int:
        """Has commits leave a long WAL alone; for how many pages they did not, if they did.

        May be asked from within a statement, which commits itself perhaps.
        """
        ...

    def resume_checkpoints(self, con: sqlite3.Connection, pages: int) -> None:
        """Has commits checkpoint a WAL of so many pages again."""
        ...

    def error_offset(self, con: sqlite3.Connection) -> int:
        """The byte in the last statement that its error points at (sqlite3_error_offset), or -1."""
        ...

    def transaction_state(self, con: sqlite3.Connection) -> str:
        """``none``, ``read`` or ``write`` (sqlite.org/c3ref/txn_state.html)."""
        ...


class Loop(Protocol):
    """The event loop, and what goes to the page through it."""

    can_suspend: bool
    """Whether ``tick`` can let the event loop run in the middle of a statement."""

    def tick(self) -> None:
        """Lets the event loop run from within a statement; does nothing where it cannot."""
        ...

    async def breathe(self) -> None:
        """One turn of the event loop."""
        ...

    def blob(self, chunks: Iterable[bytes]) -> object:
        """One binary part made of all the chunks, in constant memory."""
        ...


class Host(Databases, Engine, Loop, Protocol):
    """The place that a session runs in."""

    quarantine: Quarantine | None
    """What is kept aside; None where a storage keeps nothing aside."""
