"""New databases: in WAL mode from the first committed table on, and in rollback mode until then.

A database that is in WAL mode has its page size for good, takes no backup of another one, and has a
first page; one that was just opened must have none of that. So it is left as SQLite makes it until
a transaction commits a table: first_table.mjs says how. Here is which databases that is for.
"""

from __future__ import annotations

import ctypes
from typing import Any

from ..storage import File, Storage, StoredFile
from . import abi

#: What first_table.mjs calls, in its order there.
_FUNCTIONS = ("profile", "exec", "backup_init", "backup_step", "backup_finish")
_SCHEMA = b"main"
_CHANGE = b"PRAGMA main.journal_mode=WAL"

#: Offsets in the first page (sqlite.org/fileformat2.html, sections 1.3 and 1.6).
_READ_VERSION, _ROOT_KIND, _ROOT_CELLS, _FIRST_PAGE_READ = 19, 100, 103, 105
_ROLLBACK, _LEAF = 1, 13
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))

#: Of a rollback journal (section 3): how it begins, and where it has the size of the database in
#: pages before the transaction.
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_JOURNAL_PAGES = slice(16, 20)


class FirstTables:
    """The databases of one VFS that await their first table."""

    def __init__(self, storage: Storage, script: Any, sqlite: ctypes.CDLL) -> None:
        """``script`` is the FirstTables of first_table.mjs."""
        self._watched: set[str] = set()  # their paths, until they are closed
        self._chosen: set[tuple[str, int]] = set()  # slots as they are named now: see close()
        self._storage = storage
        self._script = script
        self._sqlite = sqlite
        self._texts = [ctypes.create_string_buffer(text) for text in (_SCHEMA, _CHANGE)]
        self._memory = ctypes.c_void_p()  # a database of its own, which nothing is ever written to
        sqlite.sqlite3_open(b":memory:", ctypes.byref(self._memory))
        functions = (getattr(sqlite, f"sqlite3_{name}") for name in _FUNCTIONS)
        script.setUp(
            *(ctypes.cast(each, ctypes.c_void_p).value for each in functions),
            *(ctypes.addressof(text) for text in self._texts),
            self._memory.value,
        )

    def dispose(self) -> None:
        """The VFS is of no more use."""
        self._sqlite.sqlite3_close(self._memory)  # of no effect for none
        self._memory.value = None

    def is_new(self, path: str) -> bool:
        """Whether nothing has been written to the database of a path yet."""
        slot = self._storage.find(path)
        return slot is not None and not slot.file.size()

    def expect(self, database: int, path: str) -> None:
        """Has a database in WAL mode from its first table on, when it has none yet.

        Args:
            database: Address of the ``sqlite3`` of a connection whose main database it is.
            path: Its path.
        """
        slot = self._storage.find(path)
        if slot is None or slot.identity in self._chosen:
            return
        if not self._has_no_table(path, slot.file):
            return
        file = ctypes.c_void_p()
        code = self._sqlite.sqlite3_file_control(
            database, b"main", abi.SQLITE_FCNTL_FILE_POINTER, ctypes.byref(file)
        )
        if code == abi.SQLITE_OK and self._script.expect(file.value, database):
            self._watched.add(path)

    def close(self, path: str, slot: StoredFile, content: Any) -> None:
        """The last connection to a database is closed.

        That a program asked for another journal mode is remembered where nothing in the file says
        so: a database without a table would be awaited as it is opened again.
        """
        if path in self._watched:
            self._watched.remove(path)
            self._script.closeContent(content)
            there = slot.path == path and content.isModeChosen
            if there and self._has_no_table(path, slot.file):
                self._chosen.add(slot.identity)

    def _has_no_table(self, path: str, file: File) -> bool:
        size = file.size()
        if not size:
            return True
        if size in _PAGE_SIZES:
            page = file.read(_FIRST_PAGE_READ, 0)
            if page[_READ_VERSION] == _ROLLBACK and page[_ROOT_KIND] == _LEAF:
                return not any(page[_ROOT_CELLS:])
        return self._has_no_commit(path)

    def _has_no_commit(self, path: str) -> bool:
        """Whether a worker was killed in its first transaction, which SQLite will roll back."""
        journal = self._storage.find(f"{path}-journal")
        if journal is None:
            return False
        header = journal.file.read(_JOURNAL_PAGES.stop, 0)
        return header.startswith(_JOURNAL_MAGIC) and not any(header[_JOURNAL_PAGES])
