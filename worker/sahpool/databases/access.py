"""What bringing whole databases in and out needs of a pool: this, and not the pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..opfs_pool.slot import Handle
from ..opfs_pool.store import Store

__all__ = ["Access", "Blobs"]


class Blobs(Protocol):
    """JavaScript's Blobs of what a pool's directory holds (hold.py)."""

    async def blob(self, name: str, head: bytes, start: int) -> Any:
        """One of ``head`` and what a file holds from offset ``start``."""

    def blob_of(self, data: bytes) -> Any:
        """One of these bytes."""

    def in_memory(self, data: bytes) -> Handle:
        """A handle on a file in memory with these bytes behind its header."""


@dataclass(frozen=True, slots=True)
class Access:
    """A pool as far as whole databases are concerned.

    Attributes:
        name: Name of its VFS.
        slots: Its files.
        blobs: Blobs of them.
        uri: The URI of a database of the pool: see :meth:`Pool.uri`.
        is_open: Whether a file of a path is open.
        add_capacity: Adds slots: see :meth:`Pool.add_capacity`.
    """

    name: str
    slots: Store
    blobs: Blobs
    uri: Callable[..., str]
    is_open: Callable[[str], bool]
    add_capacity: Callable[[int], Awaitable[int]]
