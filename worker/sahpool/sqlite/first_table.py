"""New databases: in WAL mode from the first committed table on, and in rollback mode until then.

A database in WAL mode has a first page and a fixed page size, and cannot be the target of a backup
of a database with another page size; none of that may hold of a database that was just opened. So a
new database stays in rollback mode until a transaction commits a table; first_table.mjs switches
the mode. This module decides for which databases.
"""

from __future__ import annotations

import ctypes
from typing import Any

from ..storage import File, Storage, StoredFile
from . import abi

#: The C functions that first_table.mjs calls, in the order of its ``setUp``.
_FUNCTIONS = ("profile", "exec", "backup_init", "backup_step", "backup_finish")
_SCHEMA = b"main"
_CHANGE = b"PRAGMA main.journal_mode=WAL"

#: Offsets in the first page (sqlite.org/fileformat2.html, sections 1.3 and 1.6).
_READ_VERSION, _ROOT_KIND, _ROOT_CELLS, _FIRST_PAGE_READ = 19, 100, 103, 105
_ROLLBACK, _LEAF = 1, 13
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))

#: First bytes of a rollback journal (section 3), and the field with the size of the database in
#: pages before the transaction.
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_JOURNAL_PAGES = slice(16, 20)


class FirstTables:
    """The databases of one VFS that wait for their first table."""

    def __init__(self, storage: Storage, script: Any, sqlite: ctypes.CDLL) -> None:
        """``script`` is the FirstTables of first_table.mjs."""
        self._watched: set[StoredFile] = set()  # until they are closed
        self._chosen: set[tuple[str, int]] = set()  # identities of slots, see close()
        self._storage = storage
        self._script = script
        self._sqlite = sqlite
        self._texts = [ctypes.create_string_buffer(text) for text in (_SCHEMA, _CHANGE)]
        self._memory = ctypes.c_void_p()  # a database in memory, to which nothing is ever written
        sqlite.sqlite3_open(b":memory:", ctypes.byref(self._memory))
        functions = (getattr(sqlite, f"sqlite3_{name}") for name in _FUNCTIONS)
        script.setUp(
            *(ctypes.cast(each, ctypes.c_void_p).value for each in functions),
            *(ctypes.addressof(text) for text in self._texts),
            self._memory.value,
        )

    def dispose(self) -> None:
        """Closes the database in memory."""
        self._sqlite.sqlite3_close(self._memory)  # no effect for a null pointer
        self._memory.value = None

    def is_new(self, path: str) -> bool:
        """Whether the database of a path exists and is empty."""
        slot = self._storage.find(path)
        return slot is not None and not slot.file.size()

    def expect(self, database: int, path: str) -> None:
        """Switches a database to WAL mode with its first table, when it has no table yet.

        Args:
            database: Address of the ``sqlite3`` of a connection with it as main database.
            path: Path of the database.
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
            self._watched.add(slot)

    def close(self, slot: StoredFile, content: Any) -> None:
        """Ends the wait for a database's first table, as its last connection closes.

        When the program asked for another journal mode and the database has no table, the file does
        not say so. It is remembered here, or the database would get WAL mode after it is reopened.
        """
        if slot in self._watched:
            self._watched.remove(slot)
            there = content.isModeChosen and self._storage.find(slot.path) is slot
            if there and self._has_no_table(slot.path, slot.file):
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
        """Whether a hot journal will roll the database's first transaction back to no pages."""
        journal = self._storage.find(f"{path}-journal")
        if journal is None:
            return False
        header = journal.file.read(_JOURNAL_PAGES.stop, 0)
        return header.startswith(_JOURNAL_MAGIC) and not any(header[_JOURNAL_PAGES])
