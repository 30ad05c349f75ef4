"""The parts of a pool that imports and exports of whole databases use, without the pool itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..opfs_pool.slot import Handle
from ..opfs_pool.store import Store

__all__ = ["Access", "Blobs"]


class Blobs(Protocol):
    """JavaScript Blobs of files in a pool's directory (hold.py)."""

    async def blob(self, name: str, head: bytes, start: int) -> Any:
        """A Blob of ``head`` and the bytes of a file from offset ``start``."""

    def blob_of(self, data: bytes) -> Any:
        """A Blob of these bytes."""

    def in_memory(self, data: bytes) -> Handle:
        """A handle on a file in memory with these bytes behind its header."""


@dataclass(frozen=True, slots=True)
class Access:
    """The parts of a pool that work on whole databases uses.

    Attributes:
        name: Name of the pool's VFS.
        slots: The pool's files.
        blobs: Makes Blobs of the files.
        uri: Returns the URI of a database of the pool: see :meth:`Pool.uri`.
        is_open: Returns whether a file of a path is open.
        add_capacity: Adds slots: see :meth:`Pool.add_capacity`.
    """

    name: str
    slots: Store
    blobs: Blobs
    uri: Callable[..., str]
    is_open: Callable[[str], bool]
    add_capacity: Callable[[int], Awaitable[int]]
