"""What lies beside a database, read as bytes: of files that CPython's sqlite3 has made."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sahpool.errors import ImportRejectedError
from sahpool.fileformat import companions
from tests.pyodide import killed_copies
from tests.pyodide.killed_copies import connected, fill, flipped, frames, headers, hot, taken


def reader(content: bytes) -> companions.Read:
    return lambda count, at: content[at : at + count]


def read_wal(content: bytes) -> companions.Wal | None:
    return companions.read_wal(reader(content), len(content))


def read_journal(content: bytes) -> companions.Journal | None:
    return companions.read_journal(reader(content), len(content), 4096)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"SQLite format 3\0", ""),
        (b"", ""),
        (bytes(16), ""),
        (bytes.fromhex("377f0682"), "WAL"),
        (bytes.fromhex("377f0683") + bytes(12), "WAL"),
        (bytes.fromhex("377f0684"), ""),
        (bytes.fromhex("d9d505f920a163d7"), "rollback journal"),
        (bytes.fromhex("d9d505f920a163"), ""),
        (struct.pack("<II", 3007000, 0), "WAL-index"),
        (struct.pack(">II", 3007000, 0), "WAL-index"),
        (struct.pack(">I", 3007000), ""),
    ],
)
def test_a_file_is_told_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert companions.kind_of(head) == kind
    if kind:
        with pytest.raises(ImportRejectedError, match=kind) as caught:
            companions.refuse_companion(head)
        assert "import_db(name, main" in caught.value.hint
    else:
        companions.refuse_companion(head)


def test_a_wal_index_that_sqlite_has_made_is_told(tmp_path: Path) -> None:
    with connected(tmp_path, *killed_copies.IN_WAL) as con:
        fill(con)
        assert companions.kind_of((tmp_path / "a.db-shm").read_bytes()) == "WAL-index"


def test_the_frames_of_a_wal_are_those_that_sqlite_counts(tmp_path: Path) -> None:
    with connected(tmp_path, *killed_copies.IN_WAL) as con:
        fill(con)
        made = taken(tmp_path)
        _, logged, _ = con.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        (pages,) = con.execute("PRAGMA page_count").fetchone()
    wal = read_wal(made.files["wal"])
    assert wal is not None
    assert len(wal.pages) == logged
    assert (wal.commits[-1], wal.stray, wal.ignored(logged)) == (pages, 0, 0)
    assert wal.ignored(0) == sum(map(bool, wal.commits)) == 3  # two of the schema, one of rows


def test_frames_of_earlier_generations_are_nothing_to_be_told_of(tmp_path: Path) -> None:
    content = killed_copies.wal_of_several_generations(tmp_path).files["wal"]
    wal = read_wal(content)
    assert wal is not None
    assert 0 < len(wal.pages) < len(frames(content))
    assert wal.stray == 0


def test_of_frames_of_a_later_wal_it_is_told_that_transactions_end_there(tmp_path: Path) -> None:
    """As of a header that the disk has not taken."""
    content = killed_copies.wal(tmp_path).files["wal"]
    (salt,) = struct.unpack_from(">I", content, 16)
    head = content[:16] + struct.pack(">I", (salt - 1) & 0xFFFFFFFF) + content[20:24]
    order = "<" if content[3] == 0x82 else ">"
    sums = killed_copies.wal_checksum(order, head, (0, 0))
    wal = read_wal(head + struct.pack(">2I", *sums) + content[32:])
    assert wal is not None
    assert (len(wal.pages), wal.stray) == (0, 6)


@pytest.mark.parametrize("content", [b"", bytes(20), bytes(32), bytes(70_000)])
def test_zeros_are_no_wal_and_no_journal_with_anything_to_tell(content: bytes) -> None:
    assert read_wal(content) is None
    assert read_journal(content) is None


def test_every_bit_of_a_wal_s_header_counts(tmp_path: Path) -> None:
    content = killed_copies.wal(tmp_path).files["wal"]
    for at in range(32):
        with pytest.raises(ImportRejectedError):
            read_wal(flipped(content, at))


def test_a_journal_is_read_to_the_end_of_its_last_segment(tmp_path: Path) -> None:
    made = hot(tmp_path, rows=300)
    content = made.files["journal"]
    starts = headers(content)
    assert len(starts) > 5
    journal = read_journal(content)
    assert journal is not None
    assert journal.page_size == 4096
    assert max(journal.saved) <= journal.pages_before
    counted = [struct.unpack_from(">I", content, at + 8)[0] for at in starts]
    assert len(journal.saved) == sum(counted)


@pytest.mark.parametrize("every", range(7))
def test_no_cut_within_what_a_journal_counts_goes_unnoticed(tmp_path: Path, every: int) -> None:
    content = hot(tmp_path).files["journal"]
    starts = headers(content)
    (last,) = struct.unpack_from(">I", content, starts[-1] + 8)
    end = starts[-1] + 512 + last * (4096 + 8)
    between = {-(-at // 512) * 512 for at in starts[1:]}
    silent = []
    for size in range(1 + every, end, 7):
        try:
            read_journal(content[:size])
            silent.append(size)
        except ImportRejectedError:
            continue
    # A cut exactly between two segments leaves a whole journal, of fewer pages.
    gaps = [(at - 512, at + 8) for at in between]
    assert all(any(low <= size < high for low, high in gaps) for size in silent), silent


def test_the_page_that_is_never_written_is_not_missing() -> None:
    assert companions.lacking(3, 7, {4, 6}, 512) == [5, 7]
    pending = 0x40000000 // 65536 + 1
    assert companions.lacking(pending - 2, pending + 1, {pending - 1}, 65536) == [pending + 1]
