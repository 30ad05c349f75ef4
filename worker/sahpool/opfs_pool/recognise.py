"""Which program's pool a directory holds, found out without a handle and before any write.

``header.py`` tells which program a slot belongs to. wa-sqlite keeps its slots in the pool's
directory itself, all others in a directory below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ForeignPoolError, exception_name
from .header import OWN, SECTOR_SIZE, WA_SQLITE, Damaged, Header, decode
from .slot import Handle

#: The directory of the slots in a pool of the reference, ours and sqlite-wasm-rs.
OPAQUE = ".opaque"
_LOOKED_AT = 16  # files without a wa-sqlite header after which a directory counts as no pool of it
_TRIES = 5  # to read a file that another program keeps writing to

#: Names of the exceptions for reading a file that was written to, or removed, after getFile().
_CHANGED = frozenset({"NotFoundError", "NotReadableError"})


async def root() -> Any:
    """The directory handle of the origin's private file system."""
    from .. import browser

    return await browser.directory("")


async def look(file: Any) -> Header | Damaged:
    """Reads the header of a slot that another program may hold, without a handle."""
    from ..sqlite import heap

    for _ in range(_TRIES):
        try:
            content = await file.getFile()
            sector = await content.slice(0, SECTOR_SIZE).arrayBuffer()
        except Exception as error:
            if exception_name(error) not in _CHANGED:
                raise
        else:
            return decode(heap.to_bytes(sector), has_content=content.size > SECTOR_SIZE)
    return Damaged("it cannot be read: its program is just writing to it, or has removed it")


async def is_wa_sqlite(files: list[Any]) -> bool:
    """Whether the files directly in a directory are the slots of a wa-sqlite pool."""
    for file in files[:_LOOKED_AT]:
        found = await look(file)
        if isinstance(found, Damaged) and found.program == WA_SQLITE:
            return True
    return False


def program_of(slots: Iterable[Header | Damaged]) -> str:
    """The program that a pool belongs to: it named most of the files, else freed most slots."""
    named: Counter[str] = Counter()
    free: Counter[str] = Counter()
    for slot in slots:
        program = slot.program if isinstance(slot, Damaged) else OWN
        if program:
            (named if said(slot).path else free)[program] += 1
    return (named or free or Counter([OWN])).most_common(1)[0][0]


def said(slot: Header | Damaged) -> Header:
    """The sound header of a slot, of any program; the header of a free slot when there is none."""
    if isinstance(slot, Header):
        return slot
    return slot.offered if slot.program and slot.offered else Header("", 0)


async def check_directory(directory: str) -> None:
    """Checks that a directory is not that of a pool of wa-sqlite.

    Raises:
        ForeignPoolError: It is.
    """
    folder = await existing(directory)
    if folder is not None:
        files = [entry async for entry in folder.values() if entry.kind == "file"]
        if await is_wa_sqlite(files):
            raise _foreign(directory, WA_SQLITE)


def check_slots(directory: str, handles: Sequence[tuple[str, Handle]]) -> None:
    """Checks that the slots of a directory were not all named by another program.

    When only some were, both programs use the pool, and each slot is judged by itself (slots.load).

    Args:
        directory: Path of the pool's directory.
        handles: Its slots, by name.

    Raises:
        ForeignPoolError: The pool is another program's.
    """
    named = [slot for slot in (read_header(handle) for _, handle in handles) if said(slot).path]
    if named and not any(isinstance(slot, Header) for slot in named):
        raise _foreign(directory, program_of(named))


def read_header(handle: Handle) -> Header | Damaged:
    """Reads the header of a slot through its handle."""
    try:
        sector = handle.read(SECTOR_SIZE, 0)
        return decode(sector, has_content=handle.size() > SECTOR_SIZE)
    except (MemoryError, RecursionError):
        raise  # they say nothing about the file
    except Exception as error:  # noqa: BLE001 - whatever the browser throws
        return Damaged(f"cannot be read: {error}")


def _foreign(directory: str, program: str) -> ForeignPoolError:
    return ForeignPoolError(
        f"The directory {directory} holds a pool of {program}; it was left as it is.",
        hint="Install a pool in a directory of its own, "
        f"and await pool.import_pool({directory!r}) to copy the databases into it.",
    )


async def existing(directory: str) -> Any:
    """The directory handle of a path, or None when there is no such directory."""
    from ..sqlite import heap

    folder = await root()
    try:
        for part in filter(None, directory.split("/")):
            folder = await folder.getDirectoryHandle(heap.text(part))
    except Exception as error:
        if exception_name(error) in ("NotFoundError", "TypeMismatchError"):
            return None
        raise
    return folder
