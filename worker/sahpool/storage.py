"""What SQLite's side and whole databases ask of a storage: files with paths, and their bytes.

Whatever keeps bytes implements it. SQLite's methods (vfs.py), imports, exports and checks are
written against it, and know nothing of how it names, marks or finds what it keeps.

Offsets and sizes are those that SQLite sees, in bytes: 0 is the first byte of a database.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

__all__ = ["File", "Storage", "StoredFile"]


class File(Protocol):
    """The bytes of one file.

    Attributes:
        raw: What the page I/O reads and writes: a FileSystemSyncAccessHandle of JavaScript's, or
            what has its methods.
    """

    @property
    def raw(self) -> Any:
        """See above."""

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``; fewer at the end of the file."""

    def write(self, data: Any, at: int) -> int:
        """Writes bytes, Python's or JavaScript's, at offset ``at``; how many were taken."""

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""

    def size(self) -> int:
        """Length of the file."""

    def flush(self) -> None:
        """Returns when everything written is on the disk."""


class StoredFile(Protocol):
    """A file that the storage keeps.

    Attributes:
        path: The path it belongs to; empty for a temporary file.
        file: Its bytes.
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
        """What no other file has, nor this one under another path."""

    def shrank(self, by: int) -> None:
        """``by`` bytes at its end were cut off."""


class Storage(Protocol):
    """Files by their paths."""

    @property
    def paths(self) -> list[str]:
        """Paths of all files, journals and WALs included, in no particular order."""

    @property
    def spare_count(self) -> int:
        """How many files can be made without the event loop running."""

    def find(self, path: str) -> StoredFile | None:
        """The file of a path, or None."""

    def before_open(self, path: str, *, is_database: bool) -> None:
        """Looks at a file that is there, before SQLite opens it.

        Raises:
            StorageError: It must not be opened as it is.
        """

    def check_new(self, path: str, besides: Container[str] = ()) -> None:
        """Whether a new database may have this path.

        Raises:
            InvalidNameError, StorageError: It may not.
        """

    def create(self, path: str, flags: int) -> StoredFile:
        """A new file, of a path that has none; flags are those of the creating xOpen.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def delete(self, path: str) -> bool:
        """Deletes a file, durably; False when there was none. An open one stays for its users."""

    def release(self, stored: Any, user: int) -> None:
        """One user of a file less."""

    def take_spare(self) -> StoredFile:
        """A file for a temporary file.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def give_back(self, stored: Any) -> None:
        """A file that was taken or lent is needed no more."""

    def give_back_taken(self, used: Container[Any]) -> None:
        """Those taken for temporary files are needed no more, but for those ``used``."""
