"""The console shows right values also when the worker's heap has grown beyond 2 GiB."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.console_page import Console

#: Fills a temporary table in memory of more than 2 GiB; its pages also take the free page-sized
#: places below 2 GiB.
FILL = """
PRAGMA temp_store=MEMORY;
CREATE TEMP TABLE filling(a);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
INSERT INTO filling SELECT zeroblob(3000) FROM n;
"""

LONG = "0123456789" * 20


@pytest.mark.slow
def test_what_the_console_shows_and_hands_out_is_right_beyond_two_gigabytes(
    first_visit: Console, tmp_path: Path
) -> None:
    console = first_visit
    console.open()
    console.run_sql("CREATE TABLE t(a, b)")
    console.run_sql(FILL)
    assert console.error() is None
    console.run_sql(
        f"""
        WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO t SELECT i, '{LONG}' FROM n;
        SELECT a, b FROM t;
        """
    )
    assert console.error() is None
    assert console.row_count() == 1000
    assert console.rows()[:2] == [["1", LONG], ["2", LONG]]
    console.run_sql(f"SELECT a FROM no_table_has_this_name_{LONG}")
    assert f"no such table: no_table_has_this_name_{LONG}" in str(console.error())
    with closing(sqlite3.connect(console.export())) as con:
        assert con.execute("SELECT count(*), min(b), max(b) FROM t").fetchall() == [
            (1000, LONG, LONG)
        ]
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    csv = tmp_path / "csv.csv"
    csv.write_text("n,text\n" + "".join(f"{n},{LONG}\n" for n in range(500)), encoding="utf-8")
    assert console.import_file(csv).startswith("Imported")
    console.run_sql(f"SELECT count(*), sum(text = '{LONG}') FROM csv")
    assert console.rows() == [["500", "500"]]
