"""A backup ends, also where somebody else has a lock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sahpool.databases.backup import back_up


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_backup_into_a_database_that_somebody_writes_to_ends_with_an_error(
    tmp_path: Path, begin: str
) -> None:
    with (
        closing(sqlite3.connect(":memory:")) as source,
        closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as writer,
        closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as target,
    ):
        source.execute("CREATE TABLE t (a)")
        writer.execute(begin)
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            back_up(source, target)
        assert caught.value.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        writer.execute("COMMIT")
        back_up(source, target)
        assert target.execute("SELECT count(*) FROM t").fetchone() == (0,)
