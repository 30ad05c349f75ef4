"""What the self-check tries of a pool beside what all storages have."""

from __future__ import annotations

from ..check_steps import Fact, OwnStep, expect
from ..sqlite import heap
from . import header
from .header import SECTOR_SIZE
from .hold import Hold
from .slot import Slot
from .slots import SlotTable

__all__ = ["PoolChecks"]


class PoolChecks:
    """The steps and facts of one pool (check_steps.OwnChecks)."""

    def __init__(self, name: str, slots: SlotTable, hold: Hold) -> None:
        """``name`` is that of the pool."""
        self._name = name
        self._slots = slots
        self._hold = hold
        self._getfile_works = False

    @property
    def steps(self) -> list[OwnStep]:
        """The steps."""
        return [
            OwnStep("header", "write and read", self._header),
            OwnStep("file beside handle", "flush", self._file_beside_handle),
        ]

    @property
    def facts(self) -> dict[str, Fact]:
        """What a report says of the pool; asked for after the steps."""
        return {
            "file beside handle": self._getfile_works,
            "pool": f"{self._name} in {self._hold.directory}",
            "slots": self._slots.capacity,
            "files": len(self._slots.paths),
            "slots in quarantine": len(self._slots.quarantined),
        }

    async def _header(self, path: str) -> str:
        sector = self._slot(path).handle.read(SECTOR_SIZE, 0)
        found = header.decode(sector, has_content=True)
        expect(isinstance(found, header.Header), f"the header of a new file reads as {found}")
        assert isinstance(found, header.Header)
        expect(found.path == path, f"the header of {path} names {found.path}")
        return "The header of a new file reads as it was written."

    async def _file_beside_handle(self, path: str) -> str:
        slot = self._slot(path)
        folder = self._hold.opaque
        file = await (await folder.getFileHandle(heap.text(slot.name))).getFile()
        head = heap.to_bytes(await file.slice(SECTOR_SIZE, SECTOR_SIZE + 16).arrayBuffer())
        expect(head == b"SQLite format 3\0", f"the file begins with {head!r}")
        size = slot.handle.size()
        expect(file.size == size, f"the file has {file.size} bytes, its handle {size}")
        self._getfile_works = True
        return "A file can be read from outside while its handle is open."

    def _slot(self, path: str) -> Slot:
        slot = self._slots.find(path)
        assert slot is not None
        return slot
