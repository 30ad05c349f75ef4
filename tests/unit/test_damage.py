"""Every bit of a header flipped, every cut and tear: 0 databases lost."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from sahpool.opfs_pool import header
from sahpool.opfs_pool.slots import SlotTable
from tests import damage
from tests.proofs import Proofs

from .memory_handle import MemoryHandle

ROWS = 100

NAMES = [
    "/notes.db",
    pytest.param("/Ü-Ω 漢🦑.db", marks=pytest.mark.slow),
    pytest.param("/" + "x" * 509, marks=pytest.mark.slow, id="longest"),
]


def rows_of(content: bytes) -> int:
    """How many rows a database has, by its bytes; it is intact."""
    with sqlite3.connect(":memory:") as con:
        con.deserialize(content)
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found: int = con.execute("SELECT count(*) FROM t").fetchone()[0]
    con.close()
    return found


@pytest.fixture(scope="module")
def content() -> bytes:
    """A database of a few pages."""
    with sqlite3.connect(":memory:") as con:
        con.execute("CREATE TABLE t(a)")
        con.executemany("INSERT INTO t VALUES(?)", [("x" * 100,) for _ in range(ROWS)])
        con.commit()
        data = con.serialize()
    con.close()
    return data


def outcome(sector: bytes, content: bytes, path: str) -> str:
    """What becomes of a database whose slot has this header.

    "opened" under its name, "renamed" (opened under another one), "recovered" by the name that is
    offered, "nameless" (recovered by a name that a person must know), or "lost".
    """
    handle = MemoryHandle(sector + content)
    table = SlotTable()
    table.load("damaged", handle)
    table.keep_companions()
    if handle.calls or table.spare_count:
        return "lost"
    if table.paths:
        return "opened" if table.paths == [path] else "renamed"
    (kept,) = table.quarantined
    table.name_quarantined(kept, kept.offered or path, damage.FLAGS)
    again = SlotTable()
    again.load("damaged", MemoryHandle(bytes(handle.durable)))
    slot = again.find(path)
    if slot is None or slot.handle.read(1 << 20, header.SECTOR_SIZE) != content:
        return "lost"
    return "recovered" if kept.offered else "nameless"


def outcomes(sectors: Iterable[bytes], content: bytes, path: str) -> Counter[str]:
    known: dict[bytes, str] = {}  # where the name ends, many cuts leave the same
    found: Counter[str] = Counter()
    for sector in sectors:
        if sector not in known:
            known[sector] = outcome(sector, content, path)
        found[known[sector]] += 1
    return Counter({"tried": found.total(), "opened": 0, "recovered": 0}) + found


@pytest.mark.parametrize("path", NAMES)
def test_no_damage_to_a_header_loses_a_database(content: bytes, proof: Proofs, path: str) -> None:
    """Nor is its slot ever taken for a free one, or for another file."""
    assert rows_of(content) == ROWS
    sector = header.encode(path, damage.FLAGS, 3)
    for arm in damage.DAMAGES:
        found = outcomes(damage.damaged(sector, arm), content, path)
        assert found["lost"] == found["renamed"] == 0, (arm, found)
        if arm == "bits flipped":
            assert found["opened"] == found["tried"] == 4192
        if arm == "first copy cut":
            # What is left says all of the name, or the second copy offers it.
            assert found["recovered"] <= len(path.encode())
            assert found["nameless"] == 0
        proof("headers", arm, control=False, **found, lost=0)


def successive_headers() -> Iterator[tuple[str, bytes, bytes]]:
    """Two headers of which one is written over the other while the slot has content."""
    path, other = "/notes.db", "/renamed.db"
    named = header.encode(path, damage.FLAGS, 3)
    gone = bytes(1024) + named[1024:]
    yield "an import is named", header.encode("", 0, 3), header.encode(path, damage.FLAGS, 4)
    yield "a recovered one is named", gone, header.encode(path, damage.FLAGS, 4)
    yield "another name", gone, header.encode(other, damage.FLAGS, 4)
    yield "a deletion", named, header.encode("", 0, 4)


def test_a_header_torn_while_it_is_written_loses_no_database(content: bytes, proof: Proofs) -> None:
    """The disk has kept any of the header's sectors, and not the others."""
    for what, old, new in successive_headers():
        tried = 0
        for torn in damage.tears(old, new):
            handle = MemoryHandle(torn + content)
            table = SlotTable()
            table.load("slot", handle)
            if torn == new and what == "a deletion":
                assert table.spare_count == 1
                continue
            assert table.spare_count == 0, what
            assert handle.calls == []
            for kept in table.quarantined:
                table.name_quarantined(kept, kept.offered or "/notes.db", damage.FLAGS)
            (path,) = table.paths
            assert path in ("/notes.db", "/renamed.db")
            assert handle.content.endswith(content)
            tried += 1
        assert tried >= 3, what
        proof("headers", "torn between two headers", tried=tried, lost=0)


def test_a_pool_without_digests_loses_no_database_to_a_flipped_bit(
    content: bytes, proof: Proofs
) -> None:
    """Where a bit of the name is flipped, it has another name: no digest tells."""
    path = "/notes.db"
    sector = header.encode(path, damage.FLAGS, 3, digested=False)
    found = outcomes(damage.damaged(sector, "bits flipped"), content, path)
    assert found["lost"] == 0
    assert found["renamed"] <= 8 * len(path)
    proof("headers", "bits flipped, pool without digests", control=False, **found, lost=0)


def test_without_the_second_copy_a_flipped_bit_costs_the_name(
    content: bytes, proof: Proofs
) -> None:
    """The control: what the official package writes, read with the same care, opens no more."""
    path = "/notes.db"
    sector = header.encode(path, damage.FLAGS, 3)[: damage.FIRST].ljust(damage.SECTOR, b"\0")
    found = outcomes(damage.damaged(sector, "bits flipped"), content, path)
    assert found["lost"] == 0
    assert found["opened"] == found["recovered"] == 0
    assert found["nameless"] == found["tried"]
    proof("headers", "header without copy", control=True, **found)


def test_a_file_cut_off_within_its_header_is_no_other_file() -> None:
    """There is nothing left of it but its name, or a doubt."""
    sector = header.encode("/notes.db", damage.FLAGS, 3)
    for size in range(damage.SECTOR + 1):
        table = SlotTable()
        table.load("cut", MemoryHandle(sector[:size]))
        assert table.paths in ([], ["/notes.db"]), size
        assert table.capacity + len(table.quarantined) == 1, size
        assert all(kept.size == 0 for kept in table.quarantined), size
