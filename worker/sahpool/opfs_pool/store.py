"""The pool as a storage: its slots, and what is looked at before SQLite opens one of them."""

from __future__ import annotations

from .slots import SlotTable
from .wal_guard import check_wal

__all__ = ["Store"]


class Store(SlotTable):
    """The slots of one pool as SQLite's side knows them (storage.Storage)."""

    def before_open(self, path: str, *, is_database: bool) -> None:
        """Sees to it that a file is whole and has its name on the disk, before it is opened.

        Raises:
            StorageError: Something that belongs to it is in quarantine, or cannot be read.
        """
        self.check_whole(path)
        if is_database:
            check_wal(self, path)
        self.ensure_name(path)
