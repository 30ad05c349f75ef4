"""Headers of other programs, and what is done about them; no browser is needed for it."""

from __future__ import annotations

import asyncio
import struct
import sys
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sahpool import ForeignPoolError
from sahpool.fileformat import companions
from sahpool.opfs_pool import header, recognise
from sahpool.opfs_pool.header import OWN, SQLITE_WASM_RS, WA_SQLITE, Damaged, Header, decode, encode
from sahpool.opfs_pool.slot import Handle, SlotFile
from sahpool.opfs_pool.slots import SlotTable
from tests.harness.inside_modules import describe_pool

from .memory_handle import MemoryHandle

FLAGS = 0x106  # SQLITE_OPEN_MAIN_DB | READWRITE | CREATE

#: Digest bytes as wa-sqlite 2.0.6's own #computeDigest gives them, run in Node.js.
WA_VECTORS = [
    ("/t.db", 0x106, "9b471fcf2552835e"),
    ("/with%20space.db", 0x106, "c7da395720e0aeca"),
    ("/t.db-journal", 0x806, "632b738a8dbaec25"),
    ("/%C3%BC/%F0%9F%A6%91.db", 0x106, "b72f3aa2e38f600d"),
    ("", 0, "805fccfe37c0ceac"),
]


def corpus(path: str, flags: int = FLAGS) -> bytes:
    return path.encode().ljust(512, b"\0") + struct.pack(">I", flags)


def wa_sqlite(path: str, flags: int = FLAGS) -> bytes:
    vectors = {(path, flags): digest for path, flags, digest in WA_VECTORS}
    return (corpus(path, flags) + bytes.fromhex(vectors[path, flags])).ljust(4096, b"\0")


def rust(path: str, flags: int = FLAGS) -> bytes:
    return corpus(path, flags).ljust(4096, b"\0")


def rewritten(ours: bytes, path: str, flags: int) -> bytes:
    """What is left of a slot of ours when sqlite-wasm-rs has used it: it writes 516 bytes."""
    return corpus(path, flags) + ours[516:]


@pytest.mark.parametrize(("path", "flags", "expected"), WA_VECTORS)
def test_the_digest_of_wa_sqlite_is_its_own(path: str, flags: int, expected: str) -> None:
    assert struct.pack("<II", *header.wa_sqlite_digest(corpus(path, flags))).hex() == expected


@pytest.mark.parametrize(("path", "flags"), [(path, flags) for path, flags, _ in WA_VECTORS])
def test_a_header_of_wa_sqlite_is_recognised_and_left_alone(path: str, flags: int) -> None:
    found = decode(wa_sqlite(path, flags))
    assert isinstance(found, Damaged)
    assert found.program == WA_SQLITE
    assert found.offered == Header(path, flags)
    assert "import_pool" in found.reason


def test_a_damaged_header_of_wa_sqlite_is_nobody_s() -> None:
    sector = bytearray(wa_sqlite("/t.db"))
    sector[3] ^= 1
    found = decode(bytes(sector))
    assert isinstance(found, Damaged)
    assert found.program == ""


def test_a_temporary_file_of_wa_sqlite_is_no_database() -> None:
    flags = 0x0200 | 0x0E
    content = corpus("0.8xyz", flags)
    sector = content + struct.pack("<II", *header.wa_sqlite_digest(content))
    found = decode(sector)
    assert isinstance(found, Damaged)
    assert found.program == WA_SQLITE
    assert found.offered == Header("", 0)


def test_a_name_without_a_slash_and_without_a_digest_is_sqlite_wasm_rs_s() -> None:
    found = decode(rust("notes.db"))
    assert isinstance(found, Damaged)
    assert found.program == SQLITE_WASM_RS
    assert found.offered == Header("notes.db", FLAGS)
    assert decode(rust("/notes.db")) == Header("/notes.db", FLAGS)
    assert decode(rust("", 0)) == Header("", 0)


def test_what_sqlite_wasm_rs_wrote_over_a_header_of_ours_is_believed() -> None:
    """Our digest stays behind it, under a name that it does not fit."""
    ours = encode("/a.db", FLAGS, 3)
    assert decode(rewritten(ours, "/something-else.db", FLAGS)) == Header(
        "/something-else.db", FLAGS
    )
    assert decode(rewritten(ours, "", 0)) == Header("", 0)
    slashless = decode(rewritten(ours, "slashless.db", FLAGS))
    assert isinstance(slashless, Damaged)
    assert slashless.program == SQLITE_WASM_RS
    kindless = decode(rewritten(ours, "/no-kind-of-file.db", 0x06))
    assert isinstance(kindless, Damaged), "sqlite-wasm-rs empties what is of no kind"
    lost = decode(rewritten(ours, "", 0), has_content=True)
    assert isinstance(lost, Damaged), "sqlite-wasm-rs cuts the content of a free slot off"
    assert lost.offered == Header("/a.db", FLAGS, 3, repaired=True)


def test_a_header_of_wa_sqlite_over_one_of_ours_is_wa_sqlite_s() -> None:
    found = decode(wa_sqlite("/t.db")[:524] + encode("/a.db", FLAGS, 3)[524:])
    assert isinstance(found, Damaged)
    assert found.program == WA_SQLITE
    assert found.offered == Header("/t.db", FLAGS)


@given(st.binary(min_size=516, max_size=516))
def test_no_other_bytes_before_our_digest_are_believed(content: bytes) -> None:
    alone = decode(content + bytes(8))
    assume(isinstance(alone, Damaged) and not alone.program)
    found = decode(content + encode("/a.db", FLAGS, 3)[516:], has_content=True)
    assert isinstance(found, Damaged)


def test_without_a_digest_a_header_has_none_and_is_read() -> None:
    sector = encode("/old.db", FLAGS, 7, digested=False)
    assert sector[:524] == corpus("/old.db") + bytes(8)
    found = decode(sector)
    assert found == Header("/old.db", FLAGS, 7)
    assert isinstance(found, Header)
    assert not found.digested


def table_of(*sectors: bytes) -> tuple[SlotTable, list[MemoryHandle]]:
    table = SlotTable()
    handles = [MemoryHandle(sector) for sector in (*sectors, bytes(4096))]
    for number, handle in enumerate(handles):
        table.load(f"slot{number}", handle)
    return table, handles


def test_in_a_pool_without_digests_names_are_written_without_them() -> None:
    """Releases of the official package before 3.50 empty every slot that has one."""
    table, handles = table_of(rust("/old.db"))
    table.create("/new.db", FLAGS)
    assert bytes(handles[1].content[:524]) == corpus("/new.db") + bytes(8)


@pytest.mark.parametrize("there", [(), (rust("/old.db"), encode("/new.db", FLAGS, 1))])
def test_in_every_other_pool_names_are_written_with_a_digest(there: tuple[bytes, ...]) -> None:
    table, handles = table_of(*there)
    table.create("/c.db", FLAGS)
    assert handles[-1].content[515] & header.FLAG_HAS_DIGEST


def test_slots_of_another_program_are_quarantined_and_never_written_to() -> None:
    table, handles = table_of(wa_sqlite("/t.db"), rust("notes.db"), wa_sqlite("", 0))
    table.create("/a.db", FLAGS)
    assert [each.offered for each in table.quarantined] == ["/t.db", "notes.db", None]
    assert [handle.calls for handle in handles[:3]] == [[], [], []]


def handles_of(*sectors: bytes) -> list[tuple[str, Handle]]:
    return [(str(number), MemoryHandle(sector)) for number, sector in enumerate(sectors)]


@pytest.mark.parametrize(
    ("sectors", "program"),
    [
        ([rust("a.db"), rust("a.db-journal", 0x806), bytes(4096)], SQLITE_WASM_RS),
        ([wa_sqlite("/t.db"), wa_sqlite("", 0)], WA_SQLITE),
    ],
)
def test_a_pool_in_which_every_name_is_another_program_s_is_refused(
    sectors: list[bytes], program: str
) -> None:
    handles = handles_of(*sectors)
    with pytest.raises(ForeignPoolError, match=program) as caught:
        recognise.check_slots("their/pool", handles)
    assert "import_pool('their/pool')" in caught.value.hint
    assert all(isinstance(each, MemoryHandle) and not each.calls for _, each in handles)


@pytest.mark.parametrize(
    "sectors",
    [
        [],
        [bytes(4096), b""],
        [rust("a.db"), encode("/b.db", FLAGS, 1)],
        [rust("/a.db")],
        [b"\xff" * 4096],
    ],
)
def test_every_other_pool_is_taken_in(sectors: list[bytes]) -> None:
    recognise.check_slots("pool", handles_of(*sectors))


def test_whoever_named_most_files_is_the_program_of_a_pool() -> None:
    free, own, theirs = bytes(4096), encode("/b.db", FLAGS, 1), rust("a.db")
    for sectors, program, databases in (
        ([free], OWN, []),
        ([free, free, own], OWN, ["/b.db"]),
        ([free, free, theirs], SQLITE_WASM_RS, ["a.db"]),
        ([b"\xff" * 4096, b"\xfe" * 4096, wa_sqlite("", 0)], WA_SQLITE, []),
        ([b"\xff" * 4096], OWN, []),
        ([theirs, own, rust("c.db"), rust("c.db-journal", 0x806)], SQLITE_WASM_RS, None),
    ):
        found = describe_pool("pool", [decode(sector) for sector in sectors])
        assert (found.program, found.slots) == (program, len(sectors))
        assert databases is None or found.databases == databases


class ChangingFile:
    """A FileSystemFileHandle on a file that is written to after getFile(), a few times over."""

    size = 4096

    def __init__(self, changes: int, error: str) -> None:
        self.changes = changes
        self.error = error

    async def getFile(self) -> ChangingFile:  # noqa: N802 - the browser's name
        return self

    def slice(self, _start: int, _end: int) -> ChangingFile:
        return self

    async def arrayBuffer(self) -> ChangingFile:  # noqa: N802 - the browser's name
        self.changes -= 1
        if self.changes >= 0:
            error = OSError("on purpose")
            error.name = self.error  # type: ignore[attr-defined]
            raise error
        return self

    def to_bytes(self) -> bytes:
        return encode("/a.db", FLAGS, 1)


def test_a_slot_that_its_program_writes_to_meanwhile_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heap = SimpleNamespace(to_bytes=ChangingFile.to_bytes)  # the real one is about Pyodide's heap
    monkeypatch.setitem(sys.modules, "sahpool.sqlite.heap", heap)
    assert asyncio.run(recognise.look(ChangingFile(4, "NotReadableError"))) == Header(
        "/a.db", FLAGS, 1
    )
    for error in ("NotReadableError", "NotFoundError"):
        found = asyncio.run(recognise.look(ChangingFile(1000, error)))
        assert isinstance(found, Damaged)
    with pytest.raises(OSError, match="on purpose"):
        asyncio.run(recognise.look(ChangingFile(1, "SecurityError")))


def journal(name: bytes, *, checksum: int | None = None) -> MemoryHandle:
    """A journal that ends as pager.c's writeSuperJournal leaves it."""
    total = sum(byte - 256 if byte > 127 else byte for byte in name) & 0xFFFFFFFF
    record = b"PGNO" + name + struct.pack(">II", len(name), total if checksum is None else checksum)
    return MemoryHandle(bytes(4096) + b"pages" * 100 + record + bytes.fromhex("d9d505f920a163d7"))


@pytest.mark.parametrize("name", ["/a.db-mj0123456AB", "/ü🦑.db-mj0123456AB"])
def test_the_super_journal_that_a_journal_names_is_read(name: str) -> None:
    handle = journal(name.encode())
    length, found = companions.super_journal(SlotFile(handle).read, handle.size() - 4096)
    assert found == name
    assert bytes(handle.content[4096:])[:-length] == b"pages" * 100


@pytest.mark.parametrize(
    "handle",
    [
        MemoryHandle(bytes(4096)),
        MemoryHandle(bytes(4096) + b"short"),
        MemoryHandle(bytes(4096) + b"pages" * 100),
        journal(b"/a.db-mj0123456AB", checksum=1),
        MemoryHandle(bytes(4096) + b"\xff" * 8 + bytes.fromhex("d9d505f920a163d7")),
    ],
)
def test_a_journal_without_a_super_journal_names_none(handle: MemoryHandle) -> None:
    assert companions.super_journal(SlotFile(handle).read, handle.size() - 4096) == (0, "")


def test_a_journal_of_a_lent_database_can_be_deleted_and_a_lent_database_cannot() -> None:
    """SQLite deletes the journal that it has rolled back; the database is somebody's import."""
    table, _ = table_of(bytes(4096), bytes(4096))
    table.lend("/\x01pool-1")
    table.lend("/\x01pool-1-journal")
    spares = table.spare_count
    assert table.delete("/\x01pool-1-journal")
    assert not table.delete("/\x01pool-1-journal")
    assert not table.delete("/\x01pool-1")
    assert (table.lent_count, table.spare_count) == (1, spares + 1)
