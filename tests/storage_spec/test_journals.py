"""Transactions in every journal mode, at every page size, and across databases."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import MODES, connect, fill, make, marks
    from tests.storage_spec.inside_storages import Opened

JOURNALED = pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL"])


@JOURNALED
@over_each_storage(in_browsers=True)
async def test_what_is_committed_is_there_and_what_is_rolled_back_is_not(
    made: Opened, mode: str
) -> None:
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 100)
        con.execute("BEGIN")
        con.execute("UPDATE t SET mark = 'gone'")
        con.execute("ROLLBACK")
        assert marks(con) == {"old": 100}
        con.execute("BEGIN")
        con.execute("DELETE FROM t WHERE i > 60")
        con.execute("COMMIT")
    with connect(made.volume, "a.db") as con:
        assert marks(con) == {"old": 60}


@JOURNALED
@over_each_storage()
async def test_a_transaction_larger_than_the_cache_is_rolled_back_whole(
    made: Opened, mode: str
) -> None:
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 400)
        con.execute("PRAGMA cache_size=5")  # so that changes reach the file before the commit
        con.execute("BEGIN")
        con.execute("UPDATE t SET mark = 'gone', filling = randomblob(700)")
        con.execute("ROLLBACK")
        assert marks(con) == {"old": 400}


@JOURNALED
@over_each_storage()
async def test_a_savepoint_is_undone_and_the_rest_is_committed(made: Opened, mode: str) -> None:
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        con.execute("PRAGMA cache_size=5")
        con.execute("BEGIN")
        fill(con, 100)
        con.execute("SAVEPOINT s")
        con.execute("UPDATE t SET mark = 'gone', filling = zeroblob(2000)")
        con.execute("ROLLBACK TO s")
        fill(con, 50, "new")
        con.execute("COMMIT")
        assert marks(con) == {"old": 100, "new": 50}


@over_each_storage()
async def test_without_a_journal_what_is_committed_is_there(made: Opened) -> None:
    with connect(made.volume, "a.db", "OFF") as con:
        make(con)
        fill(con, 100)
        assert made.volume.storage.paths == ["/a.db"]
    with connect(made.volume, "a.db") as con:
        assert marks(con) == {"old": 100}


@over_each_storage()
async def test_the_journal_mode_changes_from_each_to_each(made: Opened) -> None:
    with connect(made.volume, "a.db", "DELETE") as con:
        make(con)
    for number, (before, after) in enumerate(itertools.permutations(MODES, 2), start=1):
        with connect(made.volume, "a.db", before) as con:
            fill(con, 1)
            ((mode,),) = con.execute(f"PRAGMA journal_mode={after}").fetchall()
            assert mode == after.lower(), (before, after, mode)
            con.execute("UPDATE t SET mark = 'new'")
            assert marks(con) == {"new": number}, (before, after)


@pytest.mark.parametrize("size", [512, 1024, 65536])
@over_each_storage()
async def test_each_page_size_works_in_rollback_mode_and_in_wal_mode(
    made: Opened, size: int
) -> None:
    for mode in ("DELETE", "WAL"):
        with connect(made.volume, f"{mode}.db") as con:
            con.execute(f"PRAGMA page_size={size}")
            make(con)
            ((found,),) = con.execute(f"PRAGMA journal_mode={mode}").fetchall()
            assert found == mode.lower()
            fill(con, 300)
            con.execute("DELETE FROM t WHERE i % 2")
            con.execute("VACUUM")
            assert con.execute("PRAGMA page_size").fetchone() == (size,)
            assert marks(con) == {"old": 150}


@over_each_storage()
async def test_a_new_database_is_in_wal_mode_from_its_first_table_on(made: Opened) -> None:
    with connect(made.volume, "a.db") as con:
        assert con.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        make(con)
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        fill(con, 10)
        assert "/a.db-wal" in made.volume.storage.paths
    assert made.volume.storage.paths == ["/a.db"], "the last connection takes the WAL with it"


@pytest.mark.parametrize("mode", ["DELETE", "PERSIST", "WAL"])
@over_each_storage()
async def test_a_transaction_over_two_databases_is_committed_or_rolled_back_in_both(
    made: Opened, mode: str
) -> None:
    for name in ("a.db", "b.db"):
        with connect(made.volume, name, mode) as con:
            make(con)
            fill(con, 10)
    with connect(made.volume, "a.db") as con:
        con.execute("ATTACH 'b.db' AS b")
        for end, wanted in (("ROLLBACK", "old"), ("COMMIT", "new")):
            con.execute("BEGIN")
            con.execute("UPDATE main.t SET mark = 'new'")
            con.execute("UPDATE b.t SET mark = 'new'")
            con.execute(end)
            both = con.execute(
                "SELECT DISTINCT mark FROM (SELECT * FROM main.t UNION SELECT * FROM b.t)"
            )
            assert both.fetchall() == [(wanted,)]
    left = [path for path in made.volume.storage.paths if "-mj" in path]
    assert not left, f"a super-journal is left: {left}"


@over_each_storage()
async def test_a_database_opened_for_reading_only_is_not_written_to(made: Opened) -> None:
    for mode in ("DELETE", "WAL"):
        name = f"{mode}.db"
        with connect(made.volume, name, mode) as con:
            make(con)
            fill(con, 10)
        uri = made.volume.uri(name, mode="ro")
        con = sqlite3.connect(uri, uri=True, isolation_level=None)
        assert marks(con) == {"old": 10}
        with expect(sqlite3.OperationalError, "readonly"):
            con.execute("DELETE FROM t")
        con.close()
