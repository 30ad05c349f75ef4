"""A table of files by their paths: what storages have in common that keep one object for each file.

It does what SQLite and the library expect of paths: companions, lent files, files that are deleted
while they are open, and renaming. A storage derives from it and makes the files.

An exception may strike at any line: each change is one that can be repeated, or one step.
"""

from __future__ import annotations

import itertools
from collections.abc import Container
from dataclasses import dataclass, field

from .errors import DatabaseInUseError
from .names import COMPANION_SUFFIXES, check_new_database, database_of, is_companion, stored_path
from .storage import NO_LIMIT, File

__all__ = ["FileTable", "TableFile"]


@dataclass(slots=True, eq=False)
class TableFile:
    """One file of the table (storage.StoredFile).

    Attributes:
        path: The path it belongs to.
        file: Its bytes.
        number: No other file has the same.
        users: Addresses of the open ``sqlite3_file`` objects that use it.
        deleted: True once its path was deleted while it was open.
    """

    path: str
    file: File
    number: int
    users: set[int] = field(default_factory=set)
    deleted: bool = False

    @property
    def identity(self) -> tuple[str, int]:
        """Identifies this file under this path."""
        return self.path, self.number

    def shrank(self, by: int) -> None:
        """Does nothing."""


class FileTable:
    """Files by their paths; all of ``storage.Storage`` but the capabilities."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._named: dict[str, TableFile] = {}
        self._lent: dict[str, TableFile] = {}

    # --- what a storage has of its own ----------------------------------------------------------

    def make(self, path: str) -> File:
        """Makes a new, empty file.

        Args:
            path: The path that it is made for; of a lent file a path that nobody else has.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """
        raise NotImplementedError

    def free(self, file: File) -> None:
        """Frees the bytes of a file that nobody can open any more; may be called again."""
        raise NotImplementedError

    @property
    def spare_count(self) -> int:
        """How many files can be made before the event loop has to run."""
        return NO_LIMIT

    # --- files by their paths -------------------------------------------------------------------

    @property
    def paths(self) -> list[str]:
        """Paths of all files but the lent ones, in no particular order."""
        return list(self._named)

    @property
    def databases(self) -> list[str]:
        """Paths of the files that are databases, in no particular order."""
        return [path for path in self._named if not is_companion(path)]

    def find(self, path: str) -> TableFile | None:
        """The file of a path, named or lent, or None."""
        path = stored_path(path)
        return self._named.get(path) or self._lent.get(path)

    def before_open(self, stored: TableFile, *, is_database: bool) -> None:
        """Does nothing: whatever is here can be opened."""

    def check_new(self, path: str, besides: Container[str] = ()) -> None:
        """Checks that a new database may have this path.

        Raises:
            InvalidNameError: It may not (``names.check_new_database``).
        """
        del besides  # there is no quarantine
        check_new_database(path)

    def create(self, path: str, flags: int) -> TableFile:
        """Makes the file of a path that has none."""
        del flags  # a path tells what its file is
        path = stored_path(path)
        is_lent = database_of(path) in self._lent
        stored = self._new(path)
        (self._lent if is_lent else self._named)[path] = stored
        return stored

    def delete(self, path: str) -> bool:
        """Deletes a file; False when there was none. Users of an open file keep it."""
        path = stored_path(path)
        for files in (self._named, self._lent):
            if path in files:
                self._remove(files, path)
                return True
        return False

    def release(self, stored: TableFile, user: int) -> None:
        """Removes a user of a file; the bytes of a deleted one are freed with its last user."""
        stored.users.discard(user)
        if stored.deleted and not stored.users:
            self.free(stored.file)

    # --- files without a path of the user's -----------------------------------------------------

    def temporary(self) -> TableFile | None:
        """None: a temporary file stays in memory."""
        return None

    def give_back_temporary(self, used: Container[TableFile | None]) -> None:
        """Does nothing: there are none."""

    def lend(self, path: str) -> TableFile:
        """Makes an empty file under a path that only ``find`` knows."""
        stored = self._lent[path] = self._new(path)
        return stored

    def give_back(self, stored: TableFile) -> None:
        """Frees a lent file, and its journal or WAL."""
        self.take_back(stored.path)

    def take_back(self, path: str) -> None:
        """Frees the file lent under ``path``, if any, and its journal or WAL."""
        for each in (path, *(path + suffix for suffix in COMPANION_SUFFIXES)):
            if each in self._lent:
                self._remove(self._lent, each)

    def rename(self, stored: TableFile, path: str, flags: int) -> None:
        """Makes a lent file the file of ``path``, and frees the one that had it.

        Raises:
            DatabaseInUseError: The file to be replaced is open.
        """
        del flags
        path, lent = stored_path(path), stored.path
        old = self._named.get(path)
        if old is not None and old.users:
            raise DatabaseInUseError(f"{path} is open and cannot be replaced.")
        try:
            self._swap(old, stored, lent, path)
        except BaseException:
            if self._named.get(path) is stored:
                self._swap(old, stored, lent, path)
            raise

    def _swap(self, old: TableFile | None, stored: TableFile, lent: str, path: str) -> None:
        self._named[path] = stored
        if self._lent.get(lent) is stored:
            del self._lent[lent]
        stored.path = path
        self.take_back(lent)
        if old is not None and old is not stored:
            self.free(old.file)

    def _new(self, path: str) -> TableFile:
        return TableFile(path, self.make(path), next(self._numbers))

    def _remove(self, files: dict[str, TableFile], path: str) -> None:
        stored = files.pop(path)
        stored.deleted = True
        if not stored.users:
            self.free(stored.file)
