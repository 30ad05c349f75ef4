"""The parts of a storage that imports and exports of whole databases use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import UnsupportedError
from ..storage import Storage

__all__ = ["Access", "Blobs"]


class Blobs(Protocol):
    """Makes JavaScript Blobs of the files of a storage (``capabilities.export_blob``)."""

    async def blob(self, stored: Any, head: bytes) -> Any:
        """A Blob of ``head`` and the bytes of a file behind so many of its own."""

    def blob_of(self, data: bytes) -> Any:
        """A Blob of these bytes."""


@dataclass(frozen=True, slots=True)
class Access:
    """A storage under the name of a VFS, as work on whole databases uses it.

    Attributes:
        name: Name of the VFS.
        storage: Keeps the files.
        uri: Returns the URI of a database: see :meth:`Pool.uri`.
        is_open: Returns whether a file of a path is open.
        add_room: Adds room for so many files to a storage whose ``capabilities.limited`` is true.
        blobs: Makes Blobs of the files; None without ``capabilities.export_blob``.
    """

    name: str
    storage: Storage
    uri: Callable[..., str]
    is_open: Callable[[str], bool]
    add_room: Callable[[int], Awaitable[object]]
    blobs: Blobs | None = None

    async def make_room(self, files: int) -> None:
        """Makes sure that so many files can be made now.

        Raises:
            JsException: The storage refused.
        """
        missing = files - self.storage.spare_count
        if missing > 0:
            await self.add_room(missing)

    def need_blobs(self) -> Blobs:
        """Makes Blobs of the files.

        Raises:
            UnsupportedError: This storage cannot.
        """
        if self.blobs is None:
            raise UnsupportedError(
                f"The storage {self.name} cannot hand out a database as a Blob.",
                hint="Export the database in chunks: each can become a part of a Blob.",
            )
        return self.blobs
