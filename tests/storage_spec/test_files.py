"""Files of a storage: their names, their deletion, temporary and lent ones."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    import sahpool
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import connect, content, fill, make, marks
    from tests.storage_spec.inside_storages import Opened


@over_each_storage(in_browsers=True)
async def test_each_name_is_the_name_of_a_database_of_its_own(made: Opened) -> None:
    names = ["a.db", "a b?c#d%20.db", "é.db", "below/other.db", "A.DB", "n" * 509, "日" * 169]
    storage = made.volume.storage
    for number, name in enumerate(names, start=1):
        with connect(made.volume, name) as con:
            make(con)
            fill(con, number)
            assert storage.find(f"/{name}-wal") is not None
    assert sorted(storage.databases) == sorted(f"/{name}" for name in names)
    for number, name in enumerate(names, start=1):
        with connect(made.volume, name) as con:
            assert marks(con) == {"old": number}, name


@over_each_storage()
async def test_a_name_is_resolved_as_a_path_and_leads_out_of_nowhere(made: Opened) -> None:
    for name in ("./a.db", "/a.db", "../a.db", "x/../a.db", "//a.db"):
        with connect(made.volume, name) as con:
            con.execute("CREATE TABLE IF NOT EXISTS t (a)")
    assert made.volume.storage.databases == ["/a.db"]


@pytest.mark.parametrize(
    "name", ["", "x\0y", "a.db-wal", "a.db-journal", "a.db-mj012345678", "n" * 511]
)
@over_each_storage()
async def test_a_name_that_a_database_cannot_have_is_refused(made: Opened, name: str) -> None:
    with expect(sahpool.InvalidNameError):
        made.volume.connect(name)
    assert made.volume.storage.paths == []


@over_each_storage()
async def test_a_database_that_is_not_there_is_not_opened_for_reading(made: Opened) -> None:
    uri = made.volume.uri("none.db", mode="rw")
    with expect(sqlite3.OperationalError, "unable to open") as caught:
        sqlite3.connect(uri, uri=True)
    assert isinstance(caught.error.__cause__, sahpool.NoSuchDatabaseError)
    assert made.volume.storage.paths == []
    with expect(sahpool.NoSuchDatabaseError):
        made.volume.existing("none.db")


@over_each_storage(in_browsers=True)
async def test_a_deleted_database_is_gone_with_its_journals_and_its_name_is_free(
    made: Opened,
) -> None:
    volume = made.volume
    with connect(volume, "a.db") as con:
        make(con)
        fill(con, 10)
        with expect(sahpool.DatabaseInUseError):
            volume.delete("a.db")
    assert volume.delete("a.db")
    assert not volume.delete("a.db")
    assert volume.storage.paths == []
    with connect(volume, "a.db") as con:
        assert con.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


@over_each_storage()
async def test_a_file_that_is_deleted_while_it_is_open_keeps_its_bytes_until_it_is_closed(
    made: Opened,
) -> None:
    storage = made.volume.storage
    stored = storage.create("/a.db", 0x106)
    stored.file.write(b"content", 0)
    stored.users.add(1)
    assert storage.delete("/a.db")
    assert storage.find("/a.db") is None
    assert stored.file.read(7, 0) == b"content"
    another = storage.create("/a.db", 0x106)
    assert another.file.size() == 0
    assert stored.file.read(7, 0) == b"content"
    storage.release(stored, 1)
    storage.release(stored, 1)
    assert storage.find("/a.db") is another
    assert storage.delete("/a.db")


@over_each_storage()
async def test_a_file_is_read_as_it_was_written_cut_and_extended(made: Opened) -> None:
    storage = made.volume.storage
    file = storage.create("/a.db", 0x106).file
    assert file.write(b"abc", 0) == 3
    assert file.write(b"xyz", 5000) == 3
    assert file.size() == 5003
    assert file.read(5003, 0) == b"abc" + bytes(4997) + b"xyz"
    assert file.read(10, 5000) == b"xyz"
    assert file.read(10, 6000) == b""
    file.truncate(2)
    file.truncate(4)
    assert content(storage, "/a.db") == b"ab\0\0"
    file.flush()
    assert storage.delete("/a.db")


@over_each_storage(in_browsers=True, temp_memory_limit=65536)
async def test_a_sort_and_a_temporary_table_beyond_the_limit_leave_no_file(made: Opened) -> None:
    with connect(made.volume, "a.db") as con:
        con.execute("PRAGMA temp_store=FILE")
        con.execute("PRAGMA temp.cache_size=5")
        con.execute("PRAGMA cache_size=20")
        make(con)
        fill(con, 3000)
        found = con.execute("SELECT i FROM t ORDER BY i * 7919 % 3001, filling").fetchall()
        assert [i for (i,) in found] == sorted(range(1, 3001), key=lambda i: i * 7919 % 3001)
        con.execute("CREATE TEMP TABLE u AS SELECT * FROM t")
        assert con.execute("SELECT count(*), sum(i) FROM u").fetchone() == (3000, 4501500)
        assert sorted(made.volume.storage.paths) == ["/a.db", "/a.db-wal"]
    assert made.volume.storage.paths == ["/a.db"]


@over_each_storage()
async def test_a_lent_file_and_its_journals_are_seen_by_nobody_else(made: Opened) -> None:
    storage = made.volume.storage
    free = storage.spare_count
    lent = storage.lend("/\x01spec")
    for mode in ("DELETE", "WAL"):
        uri = made.volume.uri(lent.path, mode="rw")
        con = sqlite3.connect(uri, uri=True, isolation_level=None)
        con.execute(f"PRAGMA journal_mode={mode}")
        con.execute(f"CREATE TABLE {mode}1 (a)")
        con.execute("BEGIN")
        con.execute(f"INSERT INTO {mode}1 VALUES (1)")
        assert storage.paths == storage.databases == []
        con.execute("COMMIT")
        con.close()
    storage.take_back(lent.path)
    storage.take_back(lent.path)
    assert storage.find("/\x01spec") is None
    assert storage.spare_count == free


@over_each_storage(in_browsers=True)
async def test_a_lent_file_takes_the_place_of_another_one_in_one_step(made: Opened) -> None:
    volume, storage = made.volume, made.volume.storage
    with connect(volume, "a.db", "DELETE") as con:
        make(con)
        fill(con, 10)
        lent = storage.lend("/\x01spec")
        lent.file.write(b"new", 0)
        with expect(sahpool.DatabaseInUseError):
            storage.rename(lent, "/a.db", 0x106)
        assert marks(con) == {"old": 10}
    storage.rename(lent, "/a.db", 0x106)
    assert storage.paths == ["/a.db"]
    assert content(storage, "/a.db") == b"new"
    assert storage.find("/\x01spec") is None
    assert volume.delete("a.db")
