"""The pool as a storage: its slots, and the checks before SQLite opens one of them."""

from __future__ import annotations

from ..storage import Capabilities
from . import wal_guard
from .slot import Quarantined, Slot, SlotFile, file_of
from .slots import SlotTable

__all__ = ["Store"]


class Store(SlotTable):
    """The slots of one pool, as the storage that the VFS uses (storage.Quarantining)."""

    capabilities = Capabilities(
        durable=True,
        limited=True,
        quarantine=True,
        export_blob=True,
        shared_between_workers=False,
    )

    def before_open(self, slot: Slot, *, is_database: bool) -> None:
        """Checks that a file may be opened, and makes sure that its header names it on the disk.

        Raises:
            StorageError: A slot that may belong to the file is in quarantine, or cannot be read.
        """
        self.check_whole(slot.path)
        if is_database:
            wal_guard.check_wal(self, slot.path)
        self.ensure_name(slot)

    def file_of(self, kept: Quarantined) -> SlotFile:
        """The bytes behind the header of a slot in quarantine."""
        return file_of(kept)

    def is_wanted(self, kept: Quarantined, path: str) -> bool | None:
        """Whether a slot in quarantine is a WAL with commits that the database ``path`` lacks.

        None when it is not the WAL of this database (``wal_guard.is_wanted``).
        """
        return wal_guard.is_wanted(self, kept, path)
