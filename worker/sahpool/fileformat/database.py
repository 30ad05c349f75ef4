"""Reads the first bytes of a database file: whether it can be one, and some of its fields.

Source: sqlite.org/fileformat2.html, section 1.3.
"""

from __future__ import annotations

import struct

from ..errors import ImportRejectedError
from .companions import refuse_companion

__all__ = [
    "FILE_HEADER_SIZE",
    "MAGIC",
    "check_header",
    "has_commits",
    "in_rollback_mode",
    "page_size_of",
]

MAGIC = b"SQLite format 3\0"  #: sqlite.org/fileformat2.html, section 1.3.1

FILE_HEADER_SIZE = 100  #: bytes of a database's header, which check_header() takes

#: Offsets in the database header (sqlite.org/fileformat2.html, section 1.3).
_PAGE_SIZE, _WRITE_VERSION, _CHANGE_COUNTER, _PAGE_COUNT, _VALID_FOR = 16, 18, 24, 28, 92

_ROLLBACK_VERSIONS = b"\1\1"


def check_header(head: bytes, size: int) -> None:
    """Checks that a file can be an SQLite database, by its first bytes and its length.

    Args:
        head: The first 100 bytes, or all of a shorter file.
        size: Length of the file in bytes.

    Raises:
        ImportRejectedError: It cannot be one; the message says why.
    """
    if not size:
        raise ImportRejectedError("The file is empty.", hint="Choose a file that holds a database.")
    if not head.startswith(MAGIC):
        refuse_companion(head)
        raise ImportRejectedError(
            "The file is not an SQLite database: it does not begin with “SQLite format 3”.",
            hint="If it is a CSV or text file, import it under its own ending; "
            "an encrypted database must be decrypted first.",
        )
    if len(head) < FILE_HEADER_SIZE:
        raise ImportRejectedError(
            f"The file ends after {size} bytes, within the header of the database.",
            hint="The copy is incomplete: get the file again.",
        )
    page_size = page_size_of(head)
    if page_size < 512 or page_size & (page_size - 1):
        raise ImportRejectedError(
            f"The database header is damaged: {page_size} is not a page size.",
            hint="Get the file again from where it came.",
        )
    (pages,) = struct.unpack_from(">I", head, _PAGE_COUNT)
    # The page count is valid only when the two counters are equal (section 1.3.8).
    in_use = head[_CHANGE_COUNTER : _CHANGE_COUNTER + 4] == head[_VALID_FOR : _VALID_FOR + 4]
    if in_use and pages * page_size > size:
        raise ImportRejectedError(
            f"The database is cut off: it has {pages} pages of {page_size} bytes, "
            f"but the file ends after {size} of {pages * page_size} bytes.",
            hint="The copy is incomplete: get the file again.",
        )


def page_size_of(head: bytes) -> int:
    """Page size in bytes from the first bytes of a database, unchecked."""
    (page_size,) = struct.unpack_from(">H", head, _PAGE_SIZE)
    return 65536 if page_size == 1 else int(page_size)


def has_commits(head: bytes, size: int) -> bool:
    """Whether a database of ``size`` bytes has later commits than its first, by its first bytes."""
    if not head.startswith(MAGIC):
        return False
    # The change counter counts commits (section 1.3.6); in WAL mode not all, but always the first.
    commits = int.from_bytes(head[_CHANGE_COUNTER : _CHANGE_COUNTER + 4], "big")
    in_wal_mode = head[_WRITE_VERSION : _WRITE_VERSION + 1] == b"\2" and size > page_size_of(head)
    return commits > (0 if in_wal_mode else 1)


def in_rollback_mode(content: bytes) -> bytes:
    """A database, or its first bytes, changed to say rollback mode.

    A file in WAL mode cannot be opened from a read-only medium. When nothing of it is in a WAL, its
    header may say rollback mode instead (sqlite.org/fileformat2.html, section 1.3.3).
    """
    end = _WRITE_VERSION + len(_ROLLBACK_VERSIONS)
    if not content.startswith(MAGIC) or len(content) < end:
        return content
    if content[_WRITE_VERSION:end] == _ROLLBACK_VERSIONS:
        return content
    with memoryview(content) as view:  # memory may have room for one more copy only
        return b"".join((view[:_WRITE_VERSION], _ROLLBACK_VERSIONS, view[end:]))
