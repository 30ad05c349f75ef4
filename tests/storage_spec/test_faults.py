"""Calls of what keeps the bytes that fail: an error is raised, and nothing committed is lost."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    import sahpool
    from tests.harness.inside_prelude import expect
    from tests.storage_spec.inside_steps import breaking, bring, connect, fill, make, marks
    from tests.storage_spec.inside_storages import Opened


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "WAL"])
@over_each_storage()
async def test_whichever_call_fails_a_transaction_is_there_whole_or_not_at_all(
    made: Opened, mode: str, sticky: bool
) -> None:
    with breaking(made.volume.storage) as broken:
        tried = 0
        for method in ("write", "truncate", "flush", "read"):
            for nth in (*range(1, 13), *range(13, 200, 11)):
                with connect(made.volume, "a.db", mode) as con:
                    con.execute("PRAGMA cache_size=3")
                    make(con)
                    fill(con, 30)
                    broken.fail(method, nth, sticky=sticky)
                    failed = ""
                    try:
                        con.execute("BEGIN")
                        con.execute("UPDATE t SET mark = 'new', filling = randomblob(900)")
                        con.execute("COMMIT")
                    except sqlite3.Error as error:
                        failed = str(error)
                    reached = broken.failed > 0
                    broken.heal()
                    con.close()
                with connect(made.volume, "a.db") as con:
                    found = marks(con)
                wanted = [{"old": 30}, {"new": 30}] if failed else [{"new": 30}]
                assert found in wanted, (method, nth, failed, found)
                assert made.volume.delete("a.db")
                tried += reached
                if not reached:
                    break
        assert tried > 5


@over_each_storage()
async def test_a_full_storage_is_told_as_that_and_has_room_again_after_a_deletion(
    made: Opened,
) -> None:
    with (
        breaking(made.volume.storage) as broken,
        connect(made.volume, "a.db", "DELETE") as con,
    ):
        make(con)
        fill(con, 10)
        broken.fail("write", 1, sticky=True)
        with expect(sqlite3.OperationalError, "full"):
            fill(con, 3000, "gone")
        broken.heal()
        assert marks(con) == {"old": 10}
        fill(con, 10, "new")
        assert marks(con) == {"old": 10, "new": 10}


@over_each_storage()
async def test_an_import_that_the_storage_does_not_take_leaves_what_was_there(
    made: Opened,
) -> None:
    with connect(made.volume, "a.db", "DELETE") as con:
        make(con)
        fill(con, 100)
        whole = con.serialize()
    free = made.volume.storage.spare_count
    with breaking(made.volume.storage) as broken:
        broken.fail("write", 2, sticky=True)  # not what making a file may write
        with expect(sahpool.StorageError, "full"):
            await bring(made.volume, "a.db", whole, replace=True)
        broken.heal()
    assert made.volume.storage.paths == ["/a.db"]
    assert made.volume.storage.spare_count == free
    with connect(made.volume, "a.db") as con:
        assert marks(con) == {"old": 100}
