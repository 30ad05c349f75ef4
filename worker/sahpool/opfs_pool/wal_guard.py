"""Keeps a database from opening while its WAL in quarantine holds commits that it lacks.

If a crash tears a WAL's header while SQLite deletes the WAL after its last checkpoint, the database
already has all pages of that WAL: such a slot is freed.
"""

from __future__ import annotations

import logging
import struct

from ..errors import SQLITE_CANTOPEN, StorageError
from ..fileformat.companions import FRAME_HEADER_SIZE, WAL_HEADER_SIZE, WAL_MAGICS, checksum
from ..fileformat.database import FILE_HEADER_SIZE, page_size_of
from ..names import stored_path
from .slot import Quarantined, file_of
from .slots import SlotTable

__all__ = ["WAL", "check_wal", "is_wanted"]

_log = logging.getLogger("sahpool")

WAL = "-wal"  #: suffix of a WAL's path, after the path of its database


def check_wal(slots: SlotTable, path: str) -> None:
    """Looks for the database's WAL in quarantine; frees it if the database has all its pages.

    Raises:
        StorageError: The WAL has committed transactions that the database lacks.
    """
    for kept in list(slots.quarantined):
        wanted = is_wanted(slots, kept, path)
        if wanted is False:
            slots.free_quarantined(kept)
            _log.info("%s has all that the slot %s held, its WAL", path, kept.name)
        elif wanted:
            raise StorageError(
                f"{path} was not opened: {kept.offered}, which holds its last changes, is in "
                f"quarantine as the slot {kept.name}.",
                hint="Recover that slot, or drop it if you give up what it holds.",
                sqlite_code=SQLITE_CANTOPEN,
            )


def is_wanted(slots: SlotTable, kept: Quarantined, path: str) -> bool | None:
    """Whether a slot in quarantine is a WAL with commits that its database lacks.

    None when the slot is not the WAL of this database, when the database has another WAL in the
    pool, or when the slot has no committed transaction.
    """
    database = slots.find(path)
    if database is None or kept.offered != stored_path(path + WAL) or slots.find(path + WAL):
        return None
    first = database.file.read(FILE_HEADER_SIZE, 0)
    if len(first) < FILE_HEADER_SIZE:
        return None
    size = page_size_of(first)
    latest = _committed(kept, size)
    if not latest:
        return None
    return any(
        file_of(kept).read(size, at) != database.file.read(size, (number - 1) * size)
        for number, at in latest.items()
    )


def _committed(kept: Quarantined, size: int) -> dict[int, int]:
    """Page number → offset in the WAL of each page that a WAL's valid frames commit.

    Empty when the WAL's header is damaged or its pages have another size (fileformat2.html,
    sections 4.1 to 4.4).
    """
    head = file_of(kept).read(WAL_HEADER_SIZE, 0)
    if not head.startswith(WAL_MAGICS) or int.from_bytes(head[8:12], "big") != size:
        return {}
    order = "<" if head.startswith(WAL_MAGICS[0]) else ">"
    sums = checksum(order, head[:24], (0, 0))
    if struct.pack(">2I", *sums) != head[24:32]:
        return {}
    latest: dict[int, int] = {}
    started: dict[int, int] = {}  # the same, for the transaction that is being read
    step = FRAME_HEADER_SIZE + size
    for at in range(WAL_HEADER_SIZE, file_of(kept).size() - step + 1, step):
        frame = file_of(kept).read(step, at)
        sums = checksum(order, frame[FRAME_HEADER_SIZE:], checksum(order, frame[:8], sums))
        if frame[8:16] != head[16:24] or struct.pack(">2I", *sums) != frame[16:24]:
            break  # the frames from here on are remains of an earlier WAL
        started[int.from_bytes(frame[:4], "big")] = at + FRAME_HEADER_SIZE
        pages = int.from_bytes(frame[4:8], "big")  # of the database after a commit; else 0
        if pages:
            latest.update(started)
            latest = {number: at for number, at in latest.items() if number <= pages}
            started.clear()
    return latest
