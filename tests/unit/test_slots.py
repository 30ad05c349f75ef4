"""The bookkeeping of a pool over files in memory."""

from __future__ import annotations

from functools import partial

import pytest

from sahpool.errors import DatabaseInUseError, InvalidNameError, PoolFullError, StorageError
from sahpool.names import check_new_database, check_path, stored_path
from sahpool.opfs_pool import header
from sahpool.opfs_pool.slot import Quarantined, Slot
from sahpool.opfs_pool.slots import SlotTable

from .memory_handle import MemoryHandle

FLAGS, JOURNAL = 0x106, 0x806
FREE = header.encode("", 0, 1)


def pool_of(*handles: MemoryHandle) -> SlotTable:
    table = SlotTable()
    for number, handle in enumerate(handles):
        table.load(f"slot{number}", handle)
    return table


def reopened(*handles: MemoryHandle, durable: bool = False) -> SlotTable:
    """The pool as the next worker finds it: after a kill, or (durable) after a power cut."""
    return pool_of(*(MemoryHandle(h.durable if durable else bytes(h.content)) for h in handles))


def test_a_created_file_is_found_again_by_the_next_worker() -> None:
    handle = MemoryHandle()
    pool_of(handle).create("/notes.db", FLAGS)
    assert reopened(handle).paths == ["/notes.db"]


def test_the_sync_of_a_file_makes_its_name_durable() -> None:
    handle = MemoryHandle()
    slot = pool_of(handle).create("/notes.db", FLAGS)
    assert reopened(handle, durable=True).paths == []
    slot.handle.flush()
    assert reopened(handle, durable=True).paths == ["/notes.db"]


def test_a_deletion_is_durable_when_it_returns() -> None:
    """In DELETE mode the deletion of the journal is the commit."""
    handle = MemoryHandle()
    table = pool_of(handle)
    slot = table.create("/notes.db-journal", JOURNAL)
    handle.write(b"old journal", header.SECTOR_SIZE)
    slot.handle.flush()
    assert table.delete("/notes.db-journal")
    assert reopened(handle, durable=True).paths == []
    assert len(handle.durable) == header.SECTOR_SIZE
    assert not table.delete("/notes.db-journal")


def test_old_content_is_off_the_disk_before_a_slot_gets_a_new_name() -> None:
    """Otherwise a power cut could leave an old journal under a new header: a false hot journal."""
    handle = MemoryHandle()
    table = pool_of(handle)
    lent = table.lend("/\x01temp")
    handle.write(b"x" * 9000, header.SECTOR_SIZE)
    handle.flush()
    table.give_back(lent)
    assert len(handle.durable) > header.SECTOR_SIZE
    table.create("/notes.db-journal", JOURNAL)
    assert len(handle.durable) <= header.SECTOR_SIZE


def test_what_is_left_beside_a_lent_database_goes_back_with_it() -> None:
    """SQLite closes a journal without deleting it where it could not write to it."""
    table = pool_of(*(MemoryHandle() for _ in range(3)))

    def name(slot: Slot) -> None:
        table.rename(slot, "/notes.db", FLAGS)

    for end in (table.give_back, name):
        lent = table.lend("/\x01scratch")
        journal = table.create("/\x01scratch-journal", JOURNAL)
        assert table.lent_count == 2, "it has no header either"
        assert not journal.headed
        end(lent)
        assert not table.lent_count
    assert table.spare_count == 2
    kept = Quarantined("odd", "for a reason", 0, None, MemoryHandle())
    with table.shown(kept, "/\x01check"):
        table.create("/\x01check-wal", JOURNAL)
    assert (table.lent_count, table.spare_count) == (0, 2)


def test_a_database_that_is_called_like_a_lent_one_keeps_its_journal() -> None:
    table = pool_of(MemoryHandle(), MemoryHandle())
    table.create("/\x01mine.db", FLAGS)
    table.create("/\x01mine.db-journal", JOURNAL)
    assert table.paths == ["/\x01mine.db", "/\x01mine.db-journal"]


def test_leftovers_of_a_killed_worker_are_emptied_before_reuse() -> None:
    handle = MemoryHandle(header.encode("", 0, 1) + b"half an import")
    table = pool_of(handle)
    assert len(handle.content) > header.SECTOR_SIZE, "loading writes nothing"
    table.create("/new.db", FLAGS)
    assert len(handle.durable) <= header.SECTOR_SIZE
    assert len(handle.content) == header.SECTOR_SIZE


def test_clean_spares_are_used_before_those_with_leftovers() -> None:
    left_over = MemoryHandle(header.encode("", 0, 1) + b"half an import")
    table = pool_of(MemoryHandle(), left_over, MemoryHandle())
    table.create("/a", FLAGS)
    table.create("/b", FLAGS)
    assert left_over.content.endswith(b"half an import")


def test_a_file_deleted_while_open_lives_until_its_last_user_closes_it() -> None:
    handle = MemoryHandle()
    table = pool_of(handle)
    slot = table.create("/a", FLAGS)
    slot.users = {1, 2}
    handle.write(b"content", header.SECTOR_SIZE)
    table.delete("/a")
    assert table.find("/a") is None
    assert table.spare_count == 0
    assert handle.content.endswith(b"content")
    table.release(slot, 1)
    assert table.spare_count == 0
    table.release(slot, 2)
    assert table.spare_count == 1
    assert len(handle.content) == header.SECTOR_SIZE


def test_without_a_spare_slot_the_error_says_what_to_do() -> None:
    table = pool_of(MemoryHandle())
    table.create("/a", FLAGS)
    with pytest.raises(PoolFullError, match="All 1 slots") as caught:
        table.create("/b", FLAGS)
    assert "add_capacity" in caught.value.hint


def test_a_header_that_does_not_fit_the_quota_is_an_error_and_names_nothing() -> None:
    handle = MemoryHandle(FREE)
    table = pool_of(handle)
    handle.room = 600
    with pytest.raises(StorageError, match="600 of the 4096") as caught:
        table.create("/a", FLAGS)
    assert caught.value.sqlite_code == 13
    assert table.paths == []
    assert table.spare_count == 0, "its header may name /a on the disk, so it is not used again"
    handle.room = None
    again = pool_of(MemoryHandle())
    again.create("/b", FLAGS)


def test_a_failed_creation_leaves_no_name_behind() -> None:
    handle = MemoryHandle(FREE)
    table = pool_of(handle)
    handle.broken = {"flush"}
    lent = table.lend("/\x01import")
    lent.unsynced = False
    with pytest.raises(OSError, match="flush"):
        table.rename(lent, "/a.db", FLAGS)
    handle.broken = set()
    table.give_back(lent)
    assert table.spare_count == 1
    assert reopened(handle).paths == []


def test_a_name_that_could_not_be_taken_back_is_not_used_for_anything_else() -> None:
    handle = MemoryHandle()
    table = pool_of(handle)
    lent = table.lend("/\x01import")
    table.rename(lent, "/a.db", FLAGS)
    handle.broken = {"write", "flush"}
    table.give_back(lent)
    assert table.spare_count == 0
    assert table.capacity >= 1


def test_a_damaged_header_is_quarantined_and_never_written_to() -> None:
    sector = bytearray(header.encode("/a.db", FLAGS, 1)[:524].ljust(4096, b"\0"))
    sector[1] ^= 1
    handle = MemoryHandle(bytes(sector) + b"rows")
    table = pool_of(handle, MemoryHandle())
    table.create("/b.db", FLAGS)
    with pytest.raises(PoolFullError):
        table.create("/c.db", FLAGS)
    assert [each.name for each in table.quarantined] == ["slot0"]
    assert table.quarantined[0].size == 4
    assert handle.calls == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_a_cut_off_import_superseded_is_freed_and_does_not_come_back(
    order: tuple[int, int],
) -> None:
    """The new slot was on the disk before the old one was to be freed: there is no doubt."""
    files = [
        MemoryHandle(header.encode("/a.db", FLAGS, 4) + b"old"),
        MemoryHandle(header.encode("/a.db", FLAGS, 5) + b"new"),
    ]
    table = pool_of(*(files[each] for each in order))
    slot = table.find("/a.db")
    assert slot is not None
    assert slot.handle is files[1]
    assert table.quarantined == []
    table.delete("/a.db")
    assert reopened(*files, durable=True).paths == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_slots_with_one_path_both_are_kept_when_another_program_wrote_one(
    order: tuple[int, int],
) -> None:
    theirs = header.encode("/a.db", FLAGS, 1)[:524].ljust(4096, b"\0")
    files = [
        MemoryHandle(theirs + b"theirs"),
        MemoryHandle(header.encode("/a.db", FLAGS, 5) + b"ours"),
    ]
    table = pool_of(*(files[each] for each in order))
    slot = table.find("/a.db")
    assert slot is not None
    assert slot.handle is files[1]
    assert [each.handle for each in table.quarantined] == [files[0]]
    assert files[0].calls == files[1].calls == []


def test_a_new_file_gets_a_later_header_than_any_that_was_there() -> None:
    left = MemoryHandle(header.encode("/a.db", FLAGS, 7) + b"old")
    fresh = MemoryHandle()
    table = pool_of(left, fresh)
    table.delete("/a.db")
    slot = table.create("/a.db", FLAGS)
    assert slot.generation > 7


def test_a_slot_that_cannot_be_read_is_quarantined_and_the_others_are_used() -> None:
    unreadable = MemoryHandle(header.encode("/a.db", FLAGS, 1))
    unreadable.broken = {"read"}
    table = pool_of(unreadable, MemoryHandle(header.encode("/b.db", FLAGS, 1)))
    assert table.paths == ["/b.db"]
    assert ["cannot be read" in each.reason for each in table.quarantined] == [True]


def test_a_lost_first_copy_is_quarantined_with_the_name_of_the_second() -> None:
    handle = MemoryHandle(bytes(1024) + header.encode("/a.db", FLAGS, 3)[1024:] + b"rows")
    table = pool_of(handle)
    assert [each.offered for each in table.quarantined] == ["/a.db"]
    assert handle.calls == []


def test_every_spare_slot_has_a_header_of_its_own() -> None:
    """The reference reads all headers into one buffer: a shorter file shows the one before."""
    short = MemoryHandle()
    table = pool_of(short)
    added = MemoryHandle()
    table.add_spare("added", added)
    assert short.size() == added.size() == header.SECTOR_SIZE


def test_a_lent_slot_is_no_file_and_cannot_be_deleted() -> None:
    table = pool_of(MemoryHandle(), MemoryHandle())
    lent = table.lend("/\x01import")
    assert table.paths == []
    assert table.find("/\x01import") is lent
    assert not table.delete("/\x01import")
    other = table.create("/mine", FLAGS)
    assert other is not lent


def test_a_deletion_stands_even_if_the_content_cannot_be_cut_off() -> None:
    handle = MemoryHandle()
    table = pool_of(handle)
    table.create("/a-journal", FLAGS)
    handle.write(b"old journal", header.SECTOR_SIZE)
    handle.broken = {"truncate"}
    assert table.delete("/a-journal")
    assert reopened(handle, durable=True).paths == []
    assert table.spare_count == 1
    with pytest.raises(OSError, match="truncate"):
        table.create("/b", FLAGS)
    assert table.spare_count == 1
    handle.broken = set()
    slot = table.create("/b", FLAGS)
    assert slot.handle.size() == header.SECTOR_SIZE


@pytest.mark.parametrize(("path", "flags"), [("/a.db", FLAGS), ("/a.db-journal", JOURNAL)])
def test_a_deletion_that_did_not_reach_the_disk_leaves_the_file_with_its_name(
    path: str, flags: int
) -> None:
    """Or SQLite would go on with a journal that the next worker does not find."""
    handle = MemoryHandle()
    table = pool_of(handle)
    slot = table.create(path, flags)
    handle.write(b"rows", header.SECTOR_SIZE)
    handle.flush()
    handle.broken = {"flush"}
    with pytest.raises(OSError, match="flush"):
        table.delete(path)
    handle.broken = set()
    assert table.find(path) is slot
    assert reopened(handle).paths == [path]
    if flags == FLAGS:
        assert handle.content.endswith(b"rows")
    table.ensure_name(slot)
    handle.write(b"more", header.SECTOR_SIZE)
    handle.flush()
    assert reopened(handle, durable=True).paths == [path]
    assert table.delete(path)
    assert reopened(handle, durable=True).paths == []


class FailingFromTheFirstFlush(MemoryHandle):
    """A file that takes nothing more once it was to be flushed."""

    def flush(self) -> None:
        self.broken = {"write", "flush"}
        super().flush()


def test_a_file_whose_name_may_be_lost_is_not_used_before_it_is_written_again() -> None:
    handle = FailingFromTheFirstFlush(FREE)
    table = pool_of(handle)
    slot = table.create("/a.db-journal", JOURNAL)
    with pytest.raises(OSError, match="flush"):
        table.delete("/a.db-journal")
    assert reopened(handle).paths == []
    with pytest.raises(OSError, match="write"):
        table.ensure_name(slot)
    handle.broken = set()
    table.ensure_name(slot)
    assert reopened(handle).paths == ["/a.db-journal"]


def test_a_slot_that_is_filled_before_it_has_a_name_says_that_it_is_free() -> None:
    """So that content under nothing but zeros is that of a lost header, and is kept."""
    made, theirs = MemoryHandle(), MemoryHandle(bytes(header.SECTOR_SIZE))
    table = pool_of(theirs)
    table.add_spare("made", made)
    for _ in range(2):
        lent = table.lend(f"/\x01import-{table.spare_count}")
        lent.handle.write(b"half an import", header.SECTOR_SIZE)
    for durable in (False, True):
        again = reopened(made, theirs, durable=durable)
        assert (again.spare_count, again.quarantined) == (2, [])
    lost = MemoryHandle(bytes(header.SECTOR_SIZE) + b"rows")
    (kept,) = pool_of(lost).quarantined
    assert (kept.offered, kept.size, kept.reason) == (None, 4, "its header is gone")
    assert lost.calls == []


def aside(path: str = "/a.db") -> MemoryHandle:
    """A slot with rows, whose first header copy is lost."""
    return MemoryHandle(bytes(1024) + header.encode(path, FLAGS, 3)[1024:] + b"rows")


def test_a_slot_that_leaves_quarantine_has_its_name_or_is_free_durably() -> None:
    named, dropped = aside("/a.db"), aside("/b.db")
    table = pool_of(named, dropped)
    table.name_quarantined(table.quarantined[0], "/a.db", FLAGS)
    table.free_quarantined(table.quarantined[0])
    assert (table.paths, table.spare_count, table.quarantined) == (["/a.db"], 1, [])
    assert named.content.endswith(b"rows")
    assert len(dropped.content) == header.SECTOR_SIZE
    again = reopened(named, dropped, durable=True)
    assert (again.paths, again.spare_count, again.quarantined) == (["/a.db"], 1, [])


@pytest.mark.parametrize("broken", ["write", "flush"])
def test_a_slot_that_could_not_leave_quarantine_is_as_it_was(broken: str) -> None:
    handle = aside()
    before = bytes(handle.content)
    table = pool_of(handle)
    (kept,) = table.quarantined
    handle.broken = {broken}
    for leave in (
        partial(table.name_quarantined, kept, "/b.db", FLAGS),
        partial(table.free_quarantined, kept),
    ):
        with pytest.raises(OSError, match=broken):
            leave()
        assert (table.paths, table.spare_count, table.quarantined) == ([], 0, [kept])
        assert bytes(handle.content) == handle.durable == before
    # The disk may have kept the name all the same: no other database may get it in this session.
    with pytest.raises(StorageError, match="the slot slot0"):
        table.check_new("/b.db")
    table.check_new("/c.db")
    handle.broken = set()
    table.name_quarantined(kept, "/b.db", FLAGS)
    assert table.paths == ["/b.db"]
    table.delete("/b.db")
    table.check_new("/b.db")


class SecondFlushFails(MemoryHandle):
    """A file that keeps the content, then takes the header, but cannot say that it has it."""

    def flush(self) -> None:
        self.broken = {"flush"} if self.calls.count("flush") == 1 else set()
        super().flush()


def test_a_header_that_may_not_have_reached_the_disk_is_taken_back() -> None:
    for path in ("/b.db", ""):
        handle = SecondFlushFails(bytes(aside().content))
        before = bytes(handle.content)
        table = pool_of(handle)
        (kept,) = table.quarantined
        leave = (
            partial(table.name_quarantined, kept, path, FLAGS)
            if path
            else partial(table.free_quarantined, kept)
        )
        with pytest.raises(OSError, match="flush"):
            leave()
        assert handle.calls.count("write") == 2
        assert bytes(handle.content) == handle.durable == before
        assert table.quarantined == [kept]
        table.check_new("/b.db")


def test_what_was_replaced_from_quarantine_does_not_come_back() -> None:
    old, new = MemoryHandle(header.encode("/a.db", FLAGS, 9) + b"old"), aside("/b.db")
    table = pool_of(old, new)
    before = bytes(old.content)
    table.name_quarantined(table.quarantined[0], "/a.db", FLAGS)
    assert (table.paths, table.spare_count) == (["/a.db"], 1)
    cut_off = pool_of(MemoryHandle(before), MemoryHandle(bytes(new.content)))
    slot = cut_off.find("/a.db")
    assert slot is not None
    assert slot.handle.read(9, header.SECTOR_SIZE) == b"rows"
    table = pool_of(MemoryHandle(before), aside("/b.db"))
    open_slot = table.find("/a.db")
    assert open_slot is not None
    open_slot.users = {1}
    with pytest.raises(DatabaseInUseError):
        table.name_quarantined(table.quarantined[0], "/a.db", FLAGS)
    assert len(table.quarantined) == 1


def test_a_super_journal_keeps_its_name_beside_a_quarantine_and_is_only_set_aside() -> None:
    """Without it SQLite takes journals that refer to it for those of a committed transaction."""
    path = "/a.db-mj0123459AB"
    handle = MemoryHandle(header.encode(path, 0x4006, 3) + b"/a.db-journal")
    stray = MemoryHandle(header.encode("/b.db-journal", JOURNAL, 3) + b"stray")
    table = pool_of(handle, stray, aside("/b.db"))
    table.keep_companions()
    assert table.paths == [path]
    assert table.delete(path)
    assert table.paths == []
    assert {each.offered for each in table.quarantined} == {path, "/b.db", "/b.db-journal"}
    assert handle.calls == []
    assert reopened(handle).paths == [path]


def test_renaming_flushes_the_content_before_the_name() -> None:
    old, new = MemoryHandle(), MemoryHandle()
    table = pool_of(new, old)
    table.create("/a.db", FLAGS)
    slot = table.lend("/\x01import")
    slot.handle.write(b"new content", header.SECTOR_SIZE)
    handle = slot.handle
    assert isinstance(handle, MemoryHandle)
    handle.calls.clear()
    table.rename(slot, "/a.db", FLAGS)
    assert handle.calls[:3] == ["flush", "write", "flush"]
    assert table.paths == ["/a.db"]
    assert table.spare_count == 1
    again = reopened(new, old, durable=True)
    found = again.find("/a.db")
    assert found is not None
    assert found.handle.read(99, header.SECTOR_SIZE) == b"new content"
    assert again.quarantined == []


def test_a_cut_between_the_two_steps_of_a_swap_keeps_the_new_file() -> None:
    old, new = MemoryHandle(), MemoryHandle()
    table = pool_of(new, old)
    taken = table.create("/a.db", FLAGS)
    slot = table.lend("/\x01import")
    taken.handle.flush()
    before = bytes(taken.handle.read(1 << 20, 0))
    table.rename(slot, "/a.db", FLAGS)
    after_crash = pool_of(MemoryHandle(before), MemoryHandle(slot.handle.read(1 << 20, 0)))
    found = after_crash.find("/a.db")
    assert found is not None
    assert found.name == "slot1"
    assert after_crash.spare_count == 1


def test_closing_closes_every_handle_and_writes_nothing() -> None:
    handles = [MemoryHandle(), MemoryHandle(), MemoryHandle(b"\xff" * 4096)]
    table = pool_of(*handles)
    table.create("/a", FLAGS)
    for handle in handles:
        handle.calls.clear()
    table.close()
    assert all(handle.closed and not handle.calls for handle in handles)


@pytest.mark.parametrize(
    "name", ["a?b=c#d.db", "with space.db", "Ü-Ω-🦑.db", "a/b.db", "%41.db", "...", "a/.b"]
)
def test_names_are_taken_as_they_are(name: str) -> None:
    assert check_path(name) == "/" + name
    assert check_path("/" + name) == "/" + name
    table = pool_of(MemoryHandle(), MemoryHandle())
    table.create(check_path(name), FLAGS)
    table.create(check_path(name) + "-journal", FLAGS)
    assert len(set(table.paths)) == 2


def test_a_file_that_is_open_is_not_replaced() -> None:
    table = pool_of(MemoryHandle(), MemoryHandle())
    old = table.create("/a.db", FLAGS)
    old.users = {1}
    new = table.lend("/lent")
    with pytest.raises(DatabaseInUseError):
        table.rename(new, "/a.db", FLAGS)
    assert table.find("/a.db") is old


@pytest.mark.parametrize(
    "name",
    ["./a/b.db", "a//b.db", "a/./b.db", "/x/../a/b.db", "../a/b.db", "a/c/../b.db", "a/b.db/"],
)
def test_dots_and_doubled_slashes_lead_to_the_same_database_as_on_a_disk(name: str) -> None:
    assert check_path(name) == "/a/b.db"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("\ud800", "UTF-8"),
        ("a/..", "needs a name"),
        ("", "needs a name"),
        ("/", "needs a name"),
        ("a\0b", "NUL"),
        ("ä" * 255, "511 bytes"),
    ],
)
def test_impossible_names_are_refused_with_a_reason(name: str, said: str) -> None:
    with pytest.raises(InvalidNameError, match=said):
        check_path(name)


def test_a_name_of_510_bytes_leaves_room_for_its_journal_and_wal() -> None:
    path = check_path("x" * 509)
    kept = {stored_path(path + suffix) for suffix in ("", "-journal", "-wal", "-mj0123459AB")}
    assert len(kept) == 4
    assert all(len(each.encode()) <= 510 for each in kept)
    assert stored_path("/" + "y" * 509 + "-wal") not in kept
    with pytest.raises(InvalidNameError):
        stored_path(path + "-other")


@pytest.mark.parametrize("name", ["/diary-journal", "/a-wal", "/x.db-mj0123459AB"])
def test_a_database_cannot_have_the_name_of_a_companion(name: str) -> None:
    """SQLite would take it for the journal of another database, and delete it."""
    with pytest.raises(InvalidNameError, match="own journals"):
        check_new_database(name)


def test_a_new_database_cannot_have_the_name_of_a_lent_slot() -> None:
    with pytest.raises(InvalidNameError, match=r"U\+0001"):
        check_new_database("/\x01mine.db")


@pytest.mark.parametrize("name", ["/journal", "/a-journal.db", "/wal", "/a-wall", "/x-mj"])
def test_other_names_are_no_companions(name: str) -> None:
    check_new_database(name)


@pytest.mark.parametrize(
    ("path", "flags", "is_database"),
    [
        ("/a.db", 0x106, True),
        ("/a.db", 0x100, True),  # as the reference marks what it imports
        ("/a.db-wal", 0x80006, False),
        ("/a.db-journal", 0x806, False),
        ("/a.db-mj0123ABCDE", 0x4006, False),
        ("/.0a1b-wal", 0x80006, False),
        ("/named like a-wal", 0x106, True),  # the reference lets a program do so
        ("/a.db", 0x6, True),  # a header that names no kind: the name decides
        ("/a.db-wal", 0x6, False),
    ],
)
def test_a_database_is_told_by_the_kind_of_file_in_its_header(
    path: str, flags: int, is_database: bool
) -> None:
    table = pool_of(MemoryHandle(header.encode(path, flags, 0) + b"content"))
    assert table.databases == ([path] if is_database else [])
