"""The interface of a storage: files with paths, and their bytes.

The VFS (vfs.py), imports, exports and checks use this interface only, and do not depend on how a
storage names, marks or finds its files. What only some storages can do is in ``Capabilities`` and
in protocols of their own: whoever needs it asks first, or refuses with a clear error.

Offsets and sizes are those that SQLite sees, in bytes: 0 is the first byte of a database.
"""

from __future__ import annotations

from collections.abc import Container
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "NO_LIMIT",
    "Capabilities",
    "File",
    "KeptFile",
    "Quarantining",
    "Storage",
    "StoredFile",
]

#: The ``spare_count`` of a storage that makes files whenever they are asked for.
NO_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a storage can do beyond keeping files.

    Attributes:
        durable: Whether files outlive the worker, and a flush writes them to the disk.
        limited: Whether files can be made only as long as there are spare ones, which are added
            while the event loop runs; otherwise ``spare_count`` is ``NO_LIMIT``.
        quarantine: Whether it sets files aside that it cannot trust (``Quarantining``).
        export_blob: Whether the browser can refer to a file as a Blob, without a copy of it.
        shared_between_workers: Whether several workers may use it at the same time.
    """

    durable: bool
    limited: bool
    quarantine: bool
    export_blob: bool
    shared_between_workers: bool


class File(Protocol):
    """The bytes of one file.

    Attributes:
        raw: The object that the page I/O reads and writes: a FileSystemSyncAccessHandle of
            JavaScript, or an object with its methods. It is the same one as long as the file is
            open: locks, the WAL-index and pending writes belong to it, whatever becomes of a path.
        start: The offset in ``raw`` of the file's first byte.
    """

    @property
    def raw(self) -> Any:
        """See above."""

    @property
    def start(self) -> int:
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
        """Returns when everything written is on the disk, where the storage has one."""


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

    @property
    def deleted(self) -> bool:
        """See above."""

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
    def capabilities(self) -> Capabilities:
        """What this storage can do."""

    @property
    def paths(self) -> list[str]:
        """Paths of all files, journals and WALs included, in no particular order."""

    @property
    def databases(self) -> list[str]:
        """Paths of the files that are databases, in no particular order."""

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

    # --- files without a path of the user's -----------------------------------------------------

    def temporary(self) -> StoredFile | None:
        """Makes a file without a path, for a temporary file that has grown large.

        None: the storage has no better place than the memory that the file is in.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def give_back(self, stored: Any) -> None:
        """Frees a temporary or lent file."""

    def give_back_temporary(self, used: Container[Any]) -> None:
        """Frees all temporary files, except those in ``used``."""

    def lend(self, path: str) -> StoredFile:
        """Makes an empty file under a path that only ``find`` knows and that ends with the worker.

        SQLite's journals and WALs of a lent database are lent as well.

        Raises:
            PoolFullError, StorageError: There is no room for it.
        """

    def take_back(self, path: str) -> None:
        """Frees the file lent under ``path``, if any, and its journal or WAL."""

    def rename(self, stored: Any, path: str, flags: int) -> None:
        """Makes a lent file the file of ``path``, in one durable step that replaces the old one.

        Raises:
            DatabaseInUseError: The file to be replaced is open.
        """


class KeptFile(Protocol):
    """A file in quarantine: it is left alone because it is not certain what it is.

    Attributes:
        name: Name of the file, which the methods of a pool take.
        reason: Why it cannot be trusted.
        size: Its bytes.
        offered: The path that it may have had; None when there is none.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def reason(self) -> str:
        """See above."""

    @property
    def size(self) -> int:
        """See above."""

    @property
    def offered(self) -> str | None:
        """See above."""


class Quarantining(Storage, Protocol):
    """A storage with a quarantine: ``capabilities.quarantine`` is true."""

    @property
    def quarantined(self) -> list[Any]:
        """The files in quarantine, each a ``KeptFile``."""

    def file_of(self, kept: Any) -> File:
        """The bytes of a file in quarantine."""

    def read_again(self) -> None:
        """Looks anew at the files that could not be read before."""

    def shown(self, kept: Any, path: str) -> AbstractContextManager[None]:
        """Lets ``find`` return a file in quarantine for ``path`` within the block, for SQLite."""

    def name_quarantined(self, kept: Any, path: str, flags: int) -> None:
        """Makes a file in quarantine the file of ``path``; otherwise as ``rename``."""

    def free_quarantined(self, kept: Any) -> None:
        """Erases a file in quarantine, durably; when it fails, the file stays there."""

    def is_wanted(self, kept: Any, path: str) -> bool | None:
        """Whether a file in quarantine is a WAL with commits that the database ``path`` lacks.

        None when it is not the WAL of this database.
        """
