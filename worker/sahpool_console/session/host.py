"""What a session needs from the place it runs in.

The service knows neither the browser nor the library that stores databases. It is given a Host,
which the worker builds over both, and which tests build over ordinary files. A Host consists of a
Storage, an Engine, Libraries and a Loop, and of a Quarantine where its storage has one.
"""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple, Protocol

__all__ = [
    "Aggregate",
    "Engine",
    "Function",
    "Host",
    "Libraries",
    "Loop",
    "Quarantine",
    "Source",
    "Storage",
]


class Function(NamedTuple):
    """A function of SQL that is written in Python.

    ``call`` is given int, float, str, bytes or None and returns one of these. An exception that it
    raises fails the statement; the user is shown its text.
    """

    name: str
    arguments: int
    """How many it takes; -1: any number."""
    call: Callable[..., object]
    deterministic: bool
    """Whether it returns the same for the same arguments always, so that an index may use it."""


class Aggregate(NamedTuple):
    """An aggregate of SQL that is written in Python, and a window function.

    ``make`` returns an object with the methods ``step``, ``inverse``, ``value`` and ``finalize``,
    as ``sqlite3.Connection.create_window_function`` takes its class.
    """

    name: str
    arguments: int
    """How many it takes; -1: any number."""
    make: Callable[[], Any]


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
        """The whole file in order, as buffers whose type only the Host's import_db knows."""
        ...


class Storage(Protocol):
    """Where databases are kept. Names are as the user sees them: notes.db."""

    kind: str
    """Where databases are kept: "opfs", or "memory", which lasts as long as the worker."""
    why_memory: str | None
    """Why they are in memory: "insecure", "missing" or "refused"; None where they are not."""

    async def measure(self) -> dict[str, Any]:
        """``persisted``, ``usage`` and ``quota`` of the storage.

        Whether the browser has promised to keep it, bytes that are used, and bytes that are
        granted; None for each that the browser does not tell.
        """
        ...

    def connect(self, name: str) -> sqlite3.Connection:
        """A new connection to a database, which is created when it does not exist."""
        ...

    def scratch(self) -> AbstractContextManager[str | None]:
        """The name of a temporary database, which is empty at first and deleted after the block.

        ``VACUUM INTO`` takes the name, and sqlite3.connect with ``uri``; None: there is no room.
        """
        ...

    def flush_wal(self, name: str) -> None:
        """Flushes the WAL of a database to the disk, as far as the storage can."""
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
        """Deletes a database and its journals; no connection has it open."""
        ...

    async def prepare(self) -> None:
        """Makes room for the files that the next statements may create."""
        ...

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[Any],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[Any]],
    ) -> list[str]:
        """Stores the bytes of a database, checks them, and only then gives them its name.

        ``beside`` has the bytes of the files that lie beside it: "wal", "journal".

        Returns remarks for the user, in sentences.
        """
        ...

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The committed content of a database in chunks of ``size`` bytes.

        The locks and files that it holds are released at its end or, if it is a generator, when it
        is closed.
        """
        ...

    def pause(self) -> None:
        """Gives up the storage; no connection is open in it."""
        ...

    async def unpause(self) -> None:
        """Takes the storage back."""
        ...


class Quarantine(Protocol):
    """The slots of a storage that are in quarantine, because their headers cannot be trusted."""

    def slots(self) -> list[dict[str, Any]]:
        """The slots in quarantine.

        Each with ``name``, ``reason``, ``size`` in bytes and ``offered``: the path to which the
        slot may belong, or None.
        """
        ...

    def chunks(self, slot: str, size: int) -> Iterator[bytes]:
        """The content of a slot in quarantine, unchanged, in chunks of ``size`` bytes."""
        ...

    def recover(self, slot: str, name: str, *, replace: bool) -> int:
        """Makes a slot in quarantine a database if it is sound; returns its size in bytes."""
        ...

    def drop(self, slot: str) -> None:
        """Erases a slot in quarantine."""
        ...


class Engine(Protocol):
    """SQLite, as far as the standard library's sqlite3 does not reach it."""

    versions: dict[str, str]
    """The versions by name: sahpool, sqlite, python, pyodide, and the site as a whole."""

    def keywords(self) -> list[str]:
        """The keywords of this SQLite."""
        ...

    def functions(self) -> list[Function]:
        """The functions that every connection has beside SQLite's own.

        Where there are any, the host makes Python see SIGALRM again and again (``sql.functions``).
        """
        ...

    def aggregates(self) -> list[Aggregate]:
        """The aggregates that every connection has beside SQLite's own."""
        ...

    def add_table_functions(self, con: sqlite3.Connection, missing: str) -> bool:
        """Registers the functions that stand in FROM, if ``missing`` is the name of one.

        They are registered when a statement asks for one. Returns whether it is there now and was
        not before.
        """
        ...

    def interruptible(self, con: sqlite3.Connection) -> AbstractContextManager[None]:
        """Within the block, as far as the host can, SQLite does nothing long without interruption.

        PRAGMAs may report other settings than the user's there.
        """
        ...

    def put_off_checkpoints(self, con: sqlite3.Connection) -> int:
        """Switches the automatic checkpoint off; returns its threshold before, in pages.

        0: it was off. May be called from within a statement, which may then commit by itself.
        """
        ...

    def resume_checkpoints(self, con: sqlite3.Connection, pages: int) -> None:
        """Switches the automatic checkpoint on again, at a WAL of so many pages."""
        ...

    def error_offset(self, con: sqlite3.Connection) -> int:
        """The byte of the last statement that its error points at, or -1 (sqlite3_error_offset)."""
        ...

    def transaction_state(self, con: sqlite3.Connection) -> str:
        """``none``, ``read`` or ``write`` (sqlite.org/c3ref/txn_state.html)."""
        ...


class Loop(Protocol):
    """The event loop, and the binary parts that go to the page."""

    can_suspend: bool
    """Whether ``tick`` can let the event loop run in the middle of a statement (JSPI)."""

    def tick(self) -> None:
        """Lets the event loop run from within a statement; does nothing where it cannot."""
        ...

    async def breathe(self) -> None:
        """Lets the event loop run once."""
        ...

    def blob(self, chunks: Iterable[bytes]) -> object:
        """One binary part made of all the chunks; takes constant memory."""
        ...


class Libraries(Protocol):
    """Python libraries that are not loaded before they are needed."""

    async def library(self, name: str) -> ModuleType:
        """The package of that name; raises OSError when it cannot be loaded."""
        ...


class Host(Protocol):
    """The place that a session runs in."""

    @property
    def storage(self) -> Storage:
        """Keeps the databases."""
        ...

    @property
    def quarantine(self) -> Quarantine | None:
        """The slots in quarantine; None where the storage has no quarantine."""
        ...

    @property
    def engine(self) -> Engine:
        """SQLite."""
        ...

    @property
    def libraries(self) -> Libraries:
        """Loads libraries."""
        ...

    @property
    def loop(self) -> Loop:
        """The event loop."""
        ...
