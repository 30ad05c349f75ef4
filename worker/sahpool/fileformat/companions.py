"""Reads the files that SQLite keeps beside a database: WAL, rollback journal and WAL-index.

None of them contains the name of its database: only the name of the file says it, and SQLite takes
any file with that name. So this module reads everything that helps to decide whether such a file
belongs to a database, and whether SQLite will use all of its content.

Source: sqlite.org/fileformat2.html, sections 3 and 4; sqlite.org/walformat.html, section 2.1; where
these say nothing, ``pager.c`` and ``wal.c``.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from ..errors import ImportRejectedError

#: Reads from a file up to a number of bytes (first argument) at an offset (second).
Read = Callable[[int, int], bytes]

#: First bytes of a rollback journal (section 3), and of a WAL (section 4.1, for either byte order
#: in its checksums: little-endian, big-endian).
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
WAL_MAGICS = (bytes.fromhex("377f0682"), bytes.fromhex("377f0683"))

#: Version of the format of WALs and WAL-indexes; there is no other yet.
_WAL_VERSION = 3007000
_INDEX_STARTS = (struct.pack("<II", _WAL_VERSION, 0), struct.pack(">II", _WAL_VERSION, 0))

#: The zeros with which SQLite overwrites the start of a journal to end it without deleting it
#: (``zeroJournalHdr`` in pager.c). A WAL whose first 28 bytes are zeros has no valid header, so no
#: valid frame either.
ENDED = bytes(28)

WAL_HEADER_SIZE, FRAME_HEADER_SIZE = 32, 24  # sections 4.1 and 4.2
_JOURNAL_HEADER = struct.Struct(">8s5I")  # magic, records, nonce, pages before, sector, page size
_UNKNOWN_COUNT = 0xFFFFFFFF  # record count in a journal that is not synced: all records count
_CHECKED_EVERY = 200  # bytes of a page in a journal, of which the checksum covers one
_PENDING_BYTE = 0x40000000  # the page with this offset is never written (section 1.5)

_PIECE = 1 << 20  # bytes of one read

#: The last 16 bytes of a rollback journal that belongs to a transaction over several databases:
#: length and checksum of the super-journal's name, magic (``writeSuperJournal`` in pager.c).
_SUPER_TAIL = struct.Struct(">II8s")
_SUPER_FRAME = _SUPER_TAIL.size + 4  # … and a page number before the name


def kind_of(head: bytes) -> str:
    """The kind of companion that a file is, by its first 16 bytes.

    Returns:
        ``"WAL"``, ``"rollback journal"`` or ``"WAL-index"``; empty for every other file.
    """
    if head.startswith(WAL_MAGICS):
        return "WAL"
    if head.startswith(JOURNAL_MAGIC):
        return "rollback journal"
    return "WAL-index" if head.startswith(_INDEX_STARTS) else ""


def refuse_companion(head: bytes) -> None:
    """Checks that a file that should be a database is not a companion of one.

    Raises:
        ImportRejectedError: It is a companion; the hint says how to import it.
    """
    kind = kind_of(head)
    if kind == "WAL-index":
        raise ImportRejectedError(
            "The file is a WAL-index (…-shm), not a database.",
            hint="It is not needed: import the database with its WAL, "
            "import_db(name, main, wal=…), and SQLite makes a new one.",
        )
    if kind:
        suffix, parameter = ("wal", "wal") if kind == "WAL" else ("journal", "journal")
        raise ImportRejectedError(
            f"The file is a {kind} (…-{suffix}), not a database.",
            hint=f"Import it with its database: import_db(name, main, {parameter}=…).",
        )


def checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """The checksum of a WAL, section 4.2, continued from ``sums``; ``order`` is ``<`` or ``>``."""
    one, two = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for first, second in zip(words, words, strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


# --- WAL ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wal:
    """The frames of a WAL; SQLite may use fewer of them, because it also compares checksums.

    Attributes:
        page_size: Bytes of a page.
        pages: Page number of each frame before the first frame with other salts than the header.
        commits: For each of these, the database's size in pages if it ends a transaction, else 0.
        stray: Number of frames behind these that end a transaction and are not remains of an
            earlier WAL.
    """

    page_size: int
    pages: array[int]
    commits: array[int]
    stray: int

    def ignored(self, taken: int) -> int:
        """Number of transactions that end behind the first ``taken`` frames."""
        return sum(map(bool, self.commits[taken:])) + self.stray


def read_wal(read: Read, size: int) -> Wal | None:
    """The content of a WAL; None when it is empty or all zeros.

    Args:
        read: Reads the WAL.
        size: Length of the WAL in bytes.

    Raises:
        ImportRejectedError: It is not a WAL, or SQLite would ignore all of it although it is not
            empty.
    """
    if not size:
        return None
    head = read(WAL_HEADER_SIZE, 0)
    if head == bytes(len(head)) and not any(map(any, _pieces(read, size, _PIECE))):
        return None
    if not head.startswith(WAL_MAGICS):
        raise _not_a("WAL", head)
    if len(head) < WAL_HEADER_SIZE:
        raise _cut_off("WAL", size, "wal")
    order = "<" if head.startswith(WAL_MAGICS[0]) else ">"
    version, page_size, _, salt, more_salt, *sums = struct.unpack_from(">7I", head, 4)
    if [*checksum(order, head[:24], (0, 0))] != sums:
        raise ImportRejectedError(
            "The header of the WAL is damaged, so that SQLite would take no notice of what it "
            "holds.",
            hint="Get it again from where it came. wal=b'' imports the database without it.",
        )
    if version != _WAL_VERSION or page_size < 512 or page_size & (page_size - 1):
        raise ImportRejectedError(
            f"The WAL is of a format that this SQLite does not know: version {version}, "
            f"pages of {page_size} bytes.",
            hint="Open the database with the program that it comes from, and close it there.",
        )
    return _frames(read, size, page_size, (salt, more_salt))


def _frames(read: Read, size: int, page_size: int, salts: tuple[int, int]) -> Wal:
    pages, commits, stray, leading = array("I"), array("I"), 0, True
    step = FRAME_HEADER_SIZE + page_size
    frame = struct.Struct(f">6I{page_size}x")
    for piece in _pieces(read, size, max(1, _PIECE // step) * step, WAL_HEADER_SIZE):
        whole = len(piece) // step * step
        for page, commit, *found, _, _ in frame.iter_unpack(memoryview(piece)[:whole]):
            leading = leading and (found[0], found[1]) == salts
            if leading:
                pages.append(page)
                commits.append(commit)
            else:
                stray += bool(commit) and not _is_earlier(found[0], salts[0])
        if len(piece) - whole >= FRAME_HEADER_SIZE:  # the last frame is not all there
            _, commit, first, *_ = struct.unpack_from(">6I", piece, whole)
            stray += bool(commit) and not _is_earlier(first, salts[0])
    return Wal(page_size, pages, commits, stray)


def _is_earlier(salt: int, than: int) -> bool:
    """Whether ``salt`` is of an earlier WAL than ``than``: each WAL adds 1 (section 4.4)."""
    return 0 < (than - salt) & 0xFFFFFFFF < 1 << 31


# --- rollback journal ---------------------------------------------------------------------------


@dataclass(slots=True)
class Journal:
    """The content of a hot journal.

    Attributes:
        page_size: Bytes of a page before the transaction.
        pages_before: Number of pages of the database before the transaction.
        saved: Numbers of the pages whose old content the journal has.
        first_page: The old content of the first page; empty when the journal does not have it.
    """

    page_size: int
    pages_before: int
    saved: set[int] = field(default_factory=set)
    first_page: bytes = b""


def read_journal(read: Read, size: int, page_size: int) -> Journal | None:
    """The content of a rollback journal; None when its transaction has ended.

    Args:
        read: Reads the journal; the name of a super-journal at its end does not matter.
        size: Length of the journal in bytes.
        page_size: Page size of the database, for a journal without one (SQLite before 3.6.0).

    Raises:
        ImportRejectedError: It is not a journal, or a part is missing that SQLite must write back.
    """
    head = read(_JOURNAL_HEADER.size, 0)
    if not any(head[: len(JOURNAL_MAGIC)]):  # PERSIST and TRUNCATE mode (section 3)
        return None
    if not head.startswith(JOURNAL_MAGIC):
        raise _not_a("rollback journal", head)
    if len(head) < _JOURNAL_HEADER.size:
        raise _cut_off("journal", size, "journal")
    _, _, _, pages_before, sector, own_page_size = _JOURNAL_HEADER.unpack(head)
    page_size = own_page_size or page_size
    for what, number, least in (("pages", page_size, 512), ("sectors", sector, 32)):
        if not least <= number <= 65536 or number & (number - 1):
            raise _damaged(f"its header speaks of {what} of {number} bytes")
    if size < sector:
        raise _cut_off("journal", size, "journal")
    found, at = Journal(page_size, pages_before), 0
    while at := _read_segment(read, size, at, sector, found):
        if at + sector > size:
            if read(len(JOURNAL_MAGIC), at) == JOURNAL_MAGIC:
                raise _damaged("it ends within a header")
            break
    return found


def _read_segment(read: Read, size: int, at: int, sector: int, found: Journal) -> int:
    """Reads the records behind one header of a journal; offset of the next header, 0 at the end."""
    magic, records, nonce, *_ = _JOURNAL_HEADER.unpack(read(_JOURNAL_HEADER.size, at))
    if magic != JOURNAL_MAGIC:
        return 0
    counted = records != _UNKNOWN_COUNT
    begin, step = at + sector, 4 + found.page_size + 4
    there = max(0, size - begin) // step
    if counted and there < records:
        raise _damaged(f"{records - there} of the {records} pages that it should hold are missing")
    end = begin + (records if counted else there) * step
    for piece in _pieces(read, end, max(1, _PIECE // step) * step, begin):
        for start in range(0, len(piece), step):
            page = int.from_bytes(piece[start : start + 4], "big")
            data = piece[start + 4 : start + step - 4]
            told = int.from_bytes(piece[start + step - 4 : start + step], "big")
            sound = (nonce + sum(data[-_CHECKED_EVERY:0:-_CHECKED_EVERY])) & 0xFFFFFFFF == told
            if not sound or not page or page == _PENDING_BYTE // found.page_size + 1:
                if counted:
                    raise _damaged("a page in it does not have its checksum")
                return 0  # from here on remains of an earlier transaction, in PERSIST mode
            if page == 1 and 1 not in found.saved:
                found.first_page = data
            found.saved.add(page)
    return -(-end // sector) * sector if counted else 0


def lacking(there: int, needed: int, held: Container[int], page_size: int) -> list[int]:
    """The numbers of a database's pages that are neither in its file nor in its WAL or journal.

    Args:
        there: Number of pages in the file.
        needed: Number of pages of the database.
        held: Numbers of the pages in the WAL or journal.
        page_size: Bytes of a page.
    """
    pending = _PENDING_BYTE // page_size + 1
    return [page for page in range(there + 1, needed + 1) if page not in held and page != pending]


def is_among(name: str, files: Iterable[str]) -> bool:
    """Whether a file has that name, with or without a URL's percent-encoding of either."""
    return unquote(name).lstrip("/") in {unquote(each).lstrip("/") for each in files}


def super_journal(read: Read, size: int) -> tuple[int, str]:
    """Bytes of the super-journal's record at a journal's end, and its name; (0, "") without one.

    Args:
        read: Reads the journal.
        size: Length of the journal in bytes.
    """
    tail = read(_SUPER_TAIL.size, max(0, size - _SUPER_TAIL.size))
    if len(tail) < _SUPER_TAIL.size:
        return 0, ""
    length, told, magic = _SUPER_TAIL.unpack(tail)
    if magic != JOURNAL_MAGIC or not 0 < length <= size - _SUPER_FRAME:
        return 0, ""
    name = read(length, size - _SUPER_TAIL.size - length)
    # pager.c adds up the bytes as signed characters.
    if sum(byte - 256 if byte > 127 else byte for byte in name) & 0xFFFFFFFF != told:
        return 0, ""
    return length + _SUPER_FRAME, name.decode("utf-8", "surrogateescape")


# --- helpers ------------------------------------------------------------------------------------


def _pieces(read: Read, size: int, piece_size: int, at: int = 0) -> Iterator[bytes]:
    """The bytes from offset ``at`` up to ``size``, in pieces."""
    while at < size and (piece := read(min(piece_size, size - at), at)):
        yield piece
        at += len(piece)


def _not_a(what: str, head: bytes) -> ImportRejectedError:
    kind = kind_of(head) or ("SQLite database" if head.startswith(b"SQLite format 3\0") else "")
    parameter = "wal" if what == "WAL" else "journal"
    return ImportRejectedError(
        f"What was given as {parameter} is no {what}, but a {kind}."
        if kind
        else f"What was given as {parameter} is no {what}: it does not begin as one.",
        hint="It is the file beside the database, of the same name with "
        f"-{parameter} at its end. {parameter}=b'' says that there is none.",
    )


def _cut_off(what: str, size: int, parameter: str) -> ImportRejectedError:
    return ImportRejectedError(
        f"The {what} ends after {size} bytes, within its header.",
        hint=f"The copy is incomplete: get it again. If there is no more of it, nothing was "
        f"committed by it: {parameter}=b'' imports the database without it.",
    )


def _damaged(why: str) -> ImportRejectedError:
    return ImportRejectedError(
        f"The journal cannot be rolled back: {why}.",
        hint="Get the journal again from where it came. If that was a machine whose power was cut "
        "before the database was written to, journal=b'' imports the database without it.",
    )
