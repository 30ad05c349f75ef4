"""Databases in a volume of the library, as the service needs them."""

import sqlite3
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from types import MappingProxyType
from typing import Any

from sahpool import NewerSchemaWarning, SahpoolWarning
from sahpool.databases import sources
from sahpool.databases.beside import import_db
from sahpool.databases.transfer import export_chunks, flush_wal, scratch
from sahpool.names import check_path
from sahpool.volume import Volume

__all__ = ["MemoryDatabases", "VolumeDatabases"]


class VolumeDatabases:
    """The methods of ``session.host.Storage`` that are the same over every storage."""

    volume: Volume

    async def prepare(self) -> None:
        """Makes room for the files that the next statements may create; nothing without limits."""

    def connect(self, name: str) -> sqlite3.Connection:
        """A new connection to a database."""
        # A lock holder runs in this same thread: the session can wait for it, SQLite cannot.
        return self.volume.connect(name, timeout=0)

    def scratch(self) -> AbstractContextManager[str | None]:
        """The URI of a temporary database in a file that nobody sees; None: there is no room."""
        return scratch(self.volume.access)

    def flush_wal(self, name: str) -> None:
        """Flushes the WAL of a database."""
        flush_wal(self.volume.access, name)

    def databases(self) -> list[tuple[str, int]]:
        """Name and size in bytes of every database, sorted; journals are not listed."""
        volume = self.volume
        paths = sorted(volume.storage.databases)
        return [(path.removeprefix("/"), volume.size(path)) for path in paths]

    def size(self, name: str) -> int:
        """Size of a database in bytes; 0 when there is none of that name."""
        return self.volume.size(name)

    def wal_size(self, name: str) -> int:
        """Size of the WAL of a database in bytes; 0 when it has none."""
        return self.volume.size(f"{name}-wal")

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        return self.volume.storage.find(check_path(name)) is not None

    def unlink(self, name: str) -> None:
        """Deletes a database with its journals."""
        self.volume.delete(name)

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[Any],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[Any]] = MappingProxyType({}),
    ) -> list[str]:
        """Stores a database from its bytes, in WAL mode as the console's own databases are.

        An export of it is a file in rollback mode again. A database with a newer schema keeps its
        journal mode. Returns remarks: that a schema is newer.

        Raises:
            sahpool.SahpoolError: As ``Pool.import_db`` raises it.
        """
        await self.prepare()
        access, path, source = self.volume.access, check_path(name), sources.opened(chunks)
        # Without a WAL, formats/read_sqlite.py has said that one may lie beside the file.
        files: dict[str, Any] = {"wal": b"", **beside}
        given = sources.those_given(**files)
        remarks: list[SahpoolWarning] = []

        def tell(remark: SahpoolWarning, _path: str) -> None:
            remarks.append(remark)

        await import_db(access, path, source, replace, given, tell)
        if not any(isinstance(remark, NewerSchemaWarning) for remark in remarks):
            with closing(sqlite3.connect(access.uri(name), uri=True)) as con:
                con.execute("PRAGMA journal_mode=WAL")
        return [str(remark) for remark in remarks]

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The committed content of a database in chunks of ``size`` bytes."""
        return export_chunks(self.volume.access, self.volume.existing(name), size)


class MemoryDatabases(VolumeDatabases):
    """``session.host.Storage`` over a volume in memory, which ends with the worker."""

    kind = "memory"

    def __init__(self, volume: Volume, why_memory: str) -> None:
        """``why_memory`` is why the browser keeps nothing for this page."""
        self.volume = volume
        self.why_memory: str | None = why_memory

    async def measure(self) -> dict[str, Any]:
        """``usage``: the bytes of all files; ``persisted`` and ``quota`` are not known."""
        usage = sum(self.volume.size(path) for path in self.volume.storage.paths)
        return {"persisted": None, "usage": usage, "quota": None}

    def pause(self) -> None:
        """Never called: a memory has nothing that another program could use."""
        raise NotImplementedError

    async def unpause(self) -> None:
        """Never called, as pause()."""
        raise NotImplementedError
