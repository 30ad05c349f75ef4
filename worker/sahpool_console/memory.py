"""Databases in the worker's memory, for a page for which the browser keeps nothing.

They are ordinary files in Pyodide's own file system (Emscripten's MEMFS), which ``sqlite3`` reads
and writes through SQLite's own VFS, and they are gone with the worker. This module uses nothing of
the browser, so that tests can use it over a folder on a disk.
"""

import os
import sqlite3
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from sahpool import DatabaseInUseError, NameExistsError
from sahpool.databases.backup import back_up
from sahpool.databases.soundness import check_content
from sahpool.fileformat.database import FILE_HEADER_SIZE, check_header, in_rollback_mode
from sahpool.names import check_new_database, check_path
from sahpool.sqlite.newer import make_connection_readable

__all__ = ["MemoryFiles"]

_COMPANIONS = ("-journal", "-wal", "-shm")


class _Connection(sqlite3.Connection):
    """A connection that supports weak references and tells which files it has open."""

    is_closed = False

    def close(self) -> None:
        super().close()
        self.is_closed = True

    def paths(self) -> set[Path]:
        """The files of its main database and of those that are attached to it."""
        if self.is_closed:
            return set()
        rows = self.execute("PRAGMA database_list")
        # The connection's text_factory makes them str or a kind of bytes.
        files = [file if isinstance(file, str) else bytes(file) for *_, file in rows]
        return {Path(os.fsdecode(file)) for file in files}


class MemoryFiles:
    """``session.host.Databases`` over the files of ``folder``, without pause() and unpause().

    Whoever runs SQL over it makes ``folder`` the working directory, so that ``ATTACH 'other.db'``
    means the database of that name, as it does in a pool. Errors are those of a pool.
    """

    storage = "memory"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connections: WeakSet[_Connection] = WeakSet()
        self._scratches = count()
        folder.mkdir(parents=True, exist_ok=True)

    def connect(self, name: str) -> sqlite3.Connection:
        """A new connection; a new database is created in WAL mode, as in a pool."""
        path = self._path(name)
        if not path.exists():
            check_new_database(check_path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
        # A lock holder runs in this same thread, so waiting within SQLite could only time out.
        con = sqlite3.connect(path, timeout=0, factory=_Connection)
        self._connections.add(con)
        if not self.size(name):
            con.execute("PRAGMA journal_mode=WAL")
        make_connection_readable(con, partial(_head, path))
        return con

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """The path of a new file beside the folder, which is deleted after the block."""
        path = self._folder.with_name(f"{self._folder.name}.scratch-{next(self._scratches)}")
        try:
            yield str(path)
        finally:
            for suffix in ("", *_COMPANIONS):
                _beside(path, suffix).unlink(missing_ok=True)

    def flush_wal(self, name: str) -> None:
        """Does nothing: a memory has no disk to flush to."""

    def databases(self) -> list[tuple[str, int]]:
        """Name and size in bytes of every database, sorted."""
        found = [path for path in self._folder.rglob("*") if path.is_file()]
        names = [path.relative_to(self._folder).as_posix() for path in found]
        return [(name, self.size(name)) for name in sorted(names) if not name.endswith(_COMPANIONS)]

    def size(self, name: str) -> int:
        """Size of a database in bytes; 0 when there is none of that name."""
        path = self._path(name)
        return path.stat().st_size if path.is_file() else 0

    def wal_size(self, name: str) -> int:
        """Size of the WAL of a database in bytes; 0 when it has none."""
        path = _beside(self._path(name), "-wal")
        return path.stat().st_size if path.is_file() else 0

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        return self._path(name).is_file()

    def unlink(self, name: str) -> None:
        """Deletes a database with its journals; raises DatabaseInUseError while it is open."""
        path = self._path(name)
        self._require_closed(path)
        for suffix in ("", *_COMPANIONS):
            _beside(path, suffix).unlink(missing_ok=True)

    async def measure(self) -> dict[str, Any]:
        """``usage``: the bytes of all databases; ``persisted`` and ``quota`` are not known."""
        return {
            "persisted": None,
            "usage": sum(size for _, size in self.databases()),
            "quota": None,
        }

    async def prepare(self) -> None:
        """Does nothing: SQLite can create a file here at any time."""

    async def import_db(
        self,
        name: str,
        chunks: AsyncIterable[bytes],
        *,
        replace: bool,
        beside: Mapping[str, AsyncIterable[Any]] = MappingProxyType({}),
    ) -> list[str]:
        """Stores a database in a scratch file, checks it as a pool does, then gives it its name.

        Returns remarks: that its schema is a newer SQLite's; that what lies beside it is left out,
        which only a pool can check.
        """
        left_out = [
            f"{name} was imported without the file {name}-{kind} beside it: that needs the storage "
            "that lasts."
            for kind in beside
        ]
        path = self._path(name)
        self._check_target(name, path, replace)
        with self.scratch() as scratch:
            spare = Path(scratch)  # beside the folder, so that databases() does not list it
            with spare.open("wb") as file:
                async for chunk in chunks:
                    file.write(chunk)
            with spare.open("rb") as copied:

                def read(count: int, at: int) -> bytes:
                    copied.seek(at)
                    return copied.read(count)

                size, unread = spare.stat().st_size, None
                if size:  # an empty file is a database that nothing has been written to yet
                    check_header(read(FILE_HEADER_SIZE, 0), size)
                    unread = check_content(f"file:{quote(scratch)}?mode=ro&immutable=1", read)
            if size and unread is None:
                with closing(sqlite3.connect(spare)) as con:
                    con.execute("PRAGMA journal_mode=WAL")
            self._check_target(name, path, replace)  # again: other sessions have run meanwhile
            self.unlink(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            spare.replace(path)
            return left_out + ([] if unread is None else [str(unread)])

    def _check_target(self, name: str, path: Path, replace: bool) -> None:
        if path.exists() and not replace:
            raise NameExistsError(f"There is a database {name} already.")
        check_new_database(check_path(name))
        self._require_closed(path)

    def export_chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The committed content of a database, as a file in rollback mode."""
        path = self._path(name)
        if not path.stat().st_size:
            return
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as con:
            make_connection_readable(con, partial(_head, path))
            # As in an export of a pool: if the checkpoint leaves nothing in the WAL, the read lock
            # keeps the file as it is and the file is the export; otherwise the snapshot that this
            # connection reads is copied first.
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            con.execute("BEGIN")
            con.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            wal = _beside(path, "-wal")
            if not wal.exists() or not wal.stat().st_size:
                yield from _chunks(path, size)
                return
            with self.scratch() as spare:
                with closing(sqlite3.connect(spare)) as copy:
                    back_up(con, copy)
                yield from _chunks(Path(spare), size)

    def _path(self, name: str) -> Path:
        """The file of a database; names are checked as in a pool (``sahpool.names.check_path``)."""
        return self._folder / check_path(name).removeprefix("/")

    def _require_closed(self, path: Path) -> None:
        """Raises DatabaseInUseError while a connection has the database open or attached."""
        for con in self._connections:
            if path in con.paths():
                raise DatabaseInUseError(
                    f"{path.name} is open, so it can be neither replaced nor deleted.",
                    hint="Close every connection to it, or DETACH it, first.",
                )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_HEADER_SIZE)


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        head = in_rollback_mode(file.read(max(size, FILE_HEADER_SIZE)))
        while head:
            yield head
            head = file.read(size)
