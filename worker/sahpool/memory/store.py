"""Files in the worker's memory, as a storage."""

from __future__ import annotations

from collections.abc import Callable

from ..file_table import FileTable
from ..storage import Capabilities, File

__all__ = ["MemoryStore"]


class MemoryStore(FileTable):
    """Files in memory by their paths (storage.Storage).

    Memory that is used up is noticed by the write that needs more of it.
    """

    capabilities = Capabilities(
        durable=False,
        limited=False,
        quarantine=False,
        export_blob=False,
        shared_between_workers=False,
    )

    def __init__(self, make_file: Callable[[], File]) -> None:
        """``make_file`` makes a new, empty file in memory."""
        super().__init__()
        self._make_file = make_file

    def make(self, path: str) -> File:
        """Makes a new, empty file."""
        del path  # memory has no names
        return self._make_file()

    def free(self, file: File) -> None:
        """Gives the memory of a file back."""
        file.truncate(0)
