"""Import, export, copies and VACUUM of whole databases."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    import sahpool
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import (
        bring,
        connect,
        content,
        exported,
        fill,
        make,
        marks,
    )
    from tests.storage_spec.inside_storages import Opened


@over_each_storage(in_browsers=True)
async def test_an_export_comes_in_again_with_every_row(made: Opened) -> None:
    with connect(made.volume, "a.db", "WAL") as con:
        make(con)
        fill(con, 500)
        whole = exported(made.volume, "a.db")
        assert whole[18:20] == b"\1\1", "a file in WAL mode is of little use elsewhere"
    assert await bring(made.volume, "b.db", whole) == len(whole)
    with connect(made.volume, "b.db") as con:
        assert marks(con) == {"old": 500}
    assert exported(made.volume, "b.db") == whole


@over_each_storage()
async def test_an_export_beside_a_reader_and_an_open_transaction_has_what_was_committed(
    made: Opened,
) -> None:
    with (
        connect(made.volume, "a.db", "WAL") as writer,
        connect(made.volume, "a.db") as reader,
    ):
        make(writer)
        fill(writer, 10)
        reader.execute("BEGIN")
        assert marks(reader) == {"old": 10}
        fill(writer, 10, "new")
        writer.execute("BEGIN")
        fill(writer, 10, "gone")
        whole = exported(made.volume, "a.db")
        writer.execute("ROLLBACK")
        reader.execute("COMMIT")
    con = sqlite3.connect(":memory:")
    con.deserialize(whole)
    assert marks(con) == {"old": 10, "new": 10}
    con.close()


@over_each_storage()
async def test_an_empty_database_goes_out_and_comes_in_as_it_is(made: Opened) -> None:
    made.volume.connect("a.db").close()
    assert exported(made.volume, "a.db") == b""
    assert await bring(made.volume, "b.db", b"") == 0
    assert sorted(made.volume.storage.databases) == ["/a.db", "/b.db"]


@over_each_storage()
async def test_what_is_no_sound_database_is_refused_and_changes_nothing(made: Opened) -> None:
    with connect(made.volume, "a.db", "DELETE") as con:
        make(con)
        fill(con, 500)
    whole = exported(made.volume, "a.db")
    damaged = bytearray(whole)
    damaged[8192:12288] = b"\xff" * 4096
    free = made.volume.storage.spare_count
    for wrong in (b"no database", bytes(damaged), whole[:-4096], whole[:50]):
        with expect(sahpool.ImportRejectedError):
            await bring(made.volume, "a.db", wrong, replace=True)
        with expect(sahpool.ImportRejectedError):
            await bring(made.volume, "b.db", wrong)
    assert made.volume.storage.paths == ["/a.db"]
    assert made.volume.storage.spare_count == free
    assert content(made.volume.storage, "/a.db") == whole


@over_each_storage(in_browsers=True)
async def test_a_database_is_replaced_only_on_demand_and_only_when_it_is_closed(
    made: Opened,
) -> None:
    with connect(made.volume, "new.db") as con:
        make(con)
        fill(con, 5, "new")
    whole = exported(made.volume, "new.db")
    with connect(made.volume, "a.db") as con:
        make(con)
        fill(con, 10)
        with expect(sahpool.NameExistsError):
            await bring(made.volume, "a.db", whole)
        with expect(sahpool.DatabaseInUseError):
            await bring(made.volume, "a.db", whole, replace=True)
        assert marks(con) == {"old": 10}
    await bring(made.volume, "a.db", whole, replace=True)
    with connect(made.volume, "a.db") as con:
        assert marks(con) == {"new": 5}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@over_each_storage()
async def test_a_database_comes_in_with_the_journal_or_wal_beside_it(
    made: Opened, mode: str
) -> None:
    storage = made.volume.storage
    suffix = "-wal" if mode == "WAL" else "-journal"
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 100)
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE t SET mark = 'gone', filling = randomblob(700)")
        main, beside = content(storage, "/a.db"), content(storage, "/a.db" + suffix)
        assert main is not None
        assert beside
        con.execute("ROLLBACK")
    await bring(made.volume, "b.db", main, **{suffix[1:]: beside})
    with connect(made.volume, "b.db") as con:
        assert marks(con) == {"old": 100}
    assert sorted(storage.databases) == ["/a.db", "/b.db"]


@over_each_storage()
async def test_vacuum_cuts_the_file_and_into_another_one_copies_it(made: Opened) -> None:
    from sahpool.databases.transfer import scratch

    for mode in ("DELETE", "WAL"):
        name = f"{mode}.db"
        with connect(made.volume, name, mode) as con:
            make(con)
            fill(con, 1000)
            con.execute("DELETE FROM t WHERE i > 100")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = made.volume.size(name)
            with scratch(made.volume.access) as copy:
                con.execute("VACUUM INTO ?", (copy,))
                other = sqlite3.connect(str(copy), uri=True)
                assert marks(other) == {"old": 100}
                other.close()
            con.execute("VACUUM")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert made.volume.size(name) < before / 4
            assert marks(con) == {"old": 100}
    assert sorted(made.volume.storage.paths) == ["/DELETE.db", "/WAL.db"]


@over_each_storage()
async def test_a_wal_is_flushed_where_there_is_one(made: Opened) -> None:
    from sahpool.databases.transfer import flush_wal

    flush_wal(made.volume.access, "none.db")
    with connect(made.volume, "a.db", "WAL") as con:
        make(con)
        flush_wal(made.volume.access, "a.db")
        assert marks(con) == {}
