"""Databases as a worker leaves them that is killed: what was committed is there, and only that."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.storage_spec.spec import over_each_storage

if TYPE_CHECKING:
    from tests.storage_spec.inside_steps import (
        connect,
        content,
        copy_as_killed,
        fill,
        make,
        marks,
    )
    from tests.storage_spec.inside_storages import Opened


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST"])
@over_each_storage()
async def test_a_hot_journal_takes_back_what_was_not_committed(made: Opened, mode: str) -> None:
    storage = made.volume.storage
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 300)
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE t SET mark = 'gone', filling = randomblob(900)")
        before = content(storage, "/a.db")
        copy_as_killed(storage, "/a.db", "/killed.db")
        con.execute("COMMIT")
        copy_as_killed(storage, "/a.db", "/later.db")
    assert b"gone" in (before or b""), "nothing of the transaction was in the file"
    with connect(made.volume, "killed.db") as con:
        assert marks(con) == {"old": 300}
    with connect(made.volume, "later.db") as con:
        assert marks(con) == {"gone": 300}


@over_each_storage()
async def test_a_first_transaction_that_is_cut_off_leaves_an_empty_database(made: Opened) -> None:
    storage = made.volume.storage
    with connect(made.volume, "a.db") as con:
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        make(con)
        fill(con, 300)
        copy_as_killed(storage, "/a.db", "/killed.db")
        con.execute("COMMIT")
    with connect(made.volume, "killed.db") as con:
        assert con.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        make(con)
        fill(con, 10)
        assert marks(con) == {"old": 10}


@over_each_storage()
async def test_a_wal_that_is_cut_anywhere_has_all_commits_before_that_and_none_after(
    made: Opened,
) -> None:
    storage = made.volume.storage
    ends = [0]
    with connect(made.volume, "a.db", "WAL") as con:
        con.execute("PRAGMA wal_autocheckpoint=0")
        make(con)
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for _ in range(6):
            fill(con, 20, "new")
            ends.append(made.volume.size("a.db-wal"))
        chance = random.Random(7)
        cuts = {
            *ends,
            *(end - 1 for end in ends[1:]),
            *(chance.randrange(ends[-1]) for _ in range(12)),
        }
        for number, cut in enumerate(sorted(cuts)):
            name = f"cut-{number}.db"
            copy_as_killed(storage, "/a.db", f"/{name}", cut)
            committed = sum(end <= cut for end in ends[1:])
            with connect(made.volume, name) as killed:
                wanted = {"new": 20 * committed} if committed else {}
                assert marks(killed) == wanted, (cut, ends)
            assert made.volume.delete(name)


@over_each_storage()
async def test_a_transaction_that_is_cut_off_in_the_wal_is_ignored(made: Opened) -> None:
    storage = made.volume.storage
    with connect(made.volume, "a.db", "WAL") as con:
        make(con)
        fill(con, 300)
        con.execute("PRAGMA cache_size=2")
        con.execute("BEGIN")
        con.execute("UPDATE t SET mark = 'gone', filling = randomblob(900)")
        copy_as_killed(storage, "/a.db", "/killed.db")
        con.execute("ROLLBACK")
    with connect(made.volume, "killed.db") as con:
        assert marks(con) == {"old": 300}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@over_each_storage(in_browsers=True)
async def test_what_outlives_the_worker_is_there_when_the_storage_is_opened_again(
    made: Opened, mode: str
) -> None:
    with connect(made.volume, "a.db", mode) as con:
        make(con)
        fill(con, 100)
    durable = made.volume.storage.capabilities.durable
    assert durable == (made.reopen is not None)
    if made.reopen is not None:
        await made.reopen()
        with connect(made.volume, "a.db") as con:
            assert marks(con) == {"old": 100}
