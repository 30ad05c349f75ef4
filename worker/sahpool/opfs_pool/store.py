"""The pool as a storage: its slots, and the checks before SQLite opens one of them."""

from __future__ import annotations

from .slot import Slot
from .slots import SlotTable
from .wal_guard import check_wal

__all__ = ["Store"]


class Store(SlotTable):
    """The slots of one pool, as the storage that the VFS uses (storage.Storage)."""

    def before_open(self, slot: Slot, *, is_database: bool) -> None:
        """Checks that a file may be opened, and makes sure that its header names it on the disk.

        Raises:
            StorageError: A slot that may belong to the file is in quarantine, or cannot be read.
        """
        self.check_whole(slot.path)
        if is_database:
            check_wal(self, slot.path)
        self.ensure_name(slot)
