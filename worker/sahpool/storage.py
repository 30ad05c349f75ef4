"""The interface of a storage: files with paths, and their bytes.

The VFS (vfs.py), imports, exports and checks use this interface only, and do not depend on how a
storage names, marks or finds its files.

Offsets and sizes are those that SQLite sees, in bytes: 0 is the first byte of a database.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

__all__ = ["File", "Storage", "StoredFile"]


class File(Protocol):
    """The bytes of one file.

    Attributes:
        raw: The object that the page I/O reads and writes: a FileSystemSyncAccessHandle of
            JavaScript, or an object with its methods.
    """

    @property
    def raw(self) -> Any:
        """See above."""

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``; fewer at the end of the file."""

    def write(self, data: Any, at: int) -> int:
        """Writes bytes of Python or JavaScript at offset ``at``; returns how many were taken."""

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""

    def size(self) -> int:
        """Length of the file."""

    def flush(self) -> None:
        """Returns when everything written is on the disk."""


class StoredFile(Protocol):
    """A file of the storage.

    Attributes:
        path: The path it belongs to; empty for a temporary file.
        file: The bytes of the file.
        users: Addresses of the open ``sqlite3_file`` objects that use it.
        deleted: True once its path was deleted while it was open.
    """

    path: str
    users: set[int]
    deleted: bool

    @property
    def file(self) -> File:
        """See above."""

    @property
    def identity(self) -> tuple[str, int]:
        """Identifies this file under this path: no other file, and no other path, has the same."""

    def shrank(self, by: int) -> None:
        """Notes that ``by`` bytes at the end of the file were cut off."""


class Storage(Protocol):
    """Files by their paths."""

    @property
    def paths(self) -> list[str]:
        """Paths of all files, journals and WALs included, in no particular order."""

    @property
    def spare_count(self) -> int:
        """How many files can be made before the event loop has to run."""

    def find(self, path: str) -> StoredFile | None:
        """The file of a path, or None."""

    def before_open(self, stored: Any, *, is_database: bool) -> None:
        """Checks and prepares an existing file before SQLite opens it.

        Raises:
            StorageError: The file must not be opened as it is.
        """

    def check_new(self, path: str, besides: Container[str] = ()) -> None:
        """Checks that a new database may have this path, ignoring the files named in ``besides``.

        Raises:
            InvalidNameError, StorageError: It may not.
        """

    def create(self, path: str, flags: int) -> StoredFile:
        """Makes the file of a path that has none; ``flags`` are those of the creating xOpen.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def delete(self, path: str) -> bool:
        """Deletes a file, durably; False when there was none. Users of an open file keep it."""

    def release(self, stored: Any, user: int) -> None:
        """Removes a user of a file."""

    def take_spare(self) -> StoredFile:
        """Makes a file without a path, for a temporary file.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def give_back(self, stored: Any) -> None:
        """Frees a file that was taken or lent."""

    def give_back_taken(self, used: Container[Any]) -> None:
        """Frees all files taken for temporary files, except those in ``used``."""
