"""Journals of a database's first transaction: what they undo is everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_prelude import (
    aside,
    cut_first_transaction,
    expect,
    opened,
    put_aside,
    value,
)
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_database_whose_first_transaction_was_cut_off_is_recovered_as_an_empty_one(
    pool: Pool,
) -> None:
    await cut_first_transaction(f"{pool.name}-killed")
    killed = await sahpool.install(f"{pool.name}-killed")
    await put_aside(killed, "/a.db")
    kept = aside(killed, "/a.db")
    assert kept.size > 4096
    assert killed.recover(kept.name) == 0
    assert killed.quarantined == []
    with opened(killed, "a.db") as con:
        assert con.execute("SELECT * FROM sqlite_schema").fetchall() == []


@in_worker()
async def test_a_journal_of_long_ago_that_would_undo_everything_is_not_applied(pool: Pool) -> None:
    content = await cut_first_transaction(f"{pool.name}-ago")
    killed = await sahpool.install(f"{pool.name}-ago", pragmas={"journal_mode": "DELETE"})
    journal = await put_aside(killed, "/a.db-journal")
    await killed.import_db("a.db", content, replace=True)
    kept = await put_aside(killed, "/a.db")
    with expect(sahpool.ImportRejectedError, "undo every transaction") as refused:
        killed.recover(kept.name)
    assert journal.name in refused.error.hint
    assert {each.name for each in killed.quarantined} == {kept.name, journal.name}
    killed.drop_quarantined(journal.name)
    killed.recover(kept.name)
    with opened(killed, "a.db") as con:
        assert value(con, "SELECT count(*) FROM t") == 1
