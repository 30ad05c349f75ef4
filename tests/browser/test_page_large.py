"""Long scripts, large schemas and long values fit into the heap of the page's MicroPython."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.console_page import Console
from tests.browser.page_steps import inspected
from tests.browsers import Chromium, wait_for

pytestmark = pytest.mark.thorough

OPEN_CELL = """
document.querySelector('.cell-text, .cell-blob')
  .dispatchEvent(new MouseEvent('dblclick', { bubbles: true, composed: true }))
"""


def test_a_script_of_two_megabytes_runs_and_is_there_after_a_reload(console: Console) -> None:
    console.open()
    console.run_sql(f"SELECT length('{'é' * 1_000_000}') AS n;\nSELECT oops;")
    assert "Line 2:8" in str(console.error())
    assert console.rows() == [["1000000"]]
    console.reload()
    console.run_sql()
    assert console.rows() == [["1000000"]]


def test_a_script_of_thousands_of_statements_takes_seconds(console: Console) -> None:
    console.open()
    lines = [f"INSERT INTO t VALUES ({n}, 'row number {n}');" for n in range(20_000)]
    console.type_sql("\n".join(["CREATE TABLE t (a, b);", "BEGIN;", *lines, "COMMIT;", "oops"]))
    began = time.monotonic()
    console.run_sql()
    assert time.monotonic() - began < 40  # minutes, if it grew with the square
    # An error names the right line, also in statements that were sent in a later request.
    assert "Line 20004:1" in str(console.error())
    last = "return document.querySelector('#messages li:nth-last-child(2) .line').textContent"
    assert console.js(last) == "line 20,003"
    console.run_sql("SELECT count(*) AS n, sum(a) AS total FROM t")
    assert console.rows() == [["20000", "199990000"]]


def test_a_database_of_ten_thousand_tables_opens(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("BEGIN")
        for number in range(10_000):
            columns = "id INTEGER PRIMARY KEY, name TEXT NOT NULL, value REAL"
            con.execute(f"CREATE TABLE table_number_{number:05} ({columns})")
        con.commit()
    console.open()
    began = time.monotonic()
    assert console.import_file(path).startswith("Imported many.db")
    assert time.monotonic() - began < 40  # minutes, if it grew with the square
    assert len(console.tables()) == 300
    console.click("Show 300 of 9,700 more")
    assert console.tables()[599] == "table_number_00599"
    console.js("document.querySelector('.table .fold').click()")
    assert "INTEGER" in console.schema()
    console.run_sql("INSERT INTO table_number_09999 VALUES (1, 'last', 0.5)")
    console.run_sql("SELECT name FROM table_number_09999")
    assert console.rows() == [["last"]]
    assert console.errors() == []


def test_an_answer_that_the_page_cannot_take_in_is_told(console: Console) -> None:
    console.open()
    # SQLite's message quotes the path, so that the reply is as long as the path.
    console.run_sql("SELECT json_extract('{}', hex(zeroblob(200000000)))")
    assert "The page could not take in the answer" in str(console.error())
    assert console.status() == "Failed"
    console.run_sql("SELECT 1 AS one")
    assert console.rows() == [["1"]]


def test_of_a_long_value_the_beginning_is_shown_and_all_of_it_can_be_had(
    console: Console,
) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    console.run_sql("SELECT replace(hex(zeroblob(10000000)), '0', 'é') AS text")
    console.js(OPEN_CELL)
    asked = wait_for("the value", lambda: inspected(console))
    assert "TEXT, 40,000,000 bytes in UTF-8 · only the beginning is shown" in asked
    shown = "return document.querySelector('#inspector pre').textContent"
    assert console.js(shown) == "é" * 50_000
    console.click("Download")
    path = console.browser.downloads / "text.txt"
    wait_for("the download", lambda: path.is_file() and path.stat().st_size == 40_000_000)
    console.run_sql("SELECT zeroblob(20000000) AS data")
    console.js(OPEN_CELL)
    asked = wait_for("the value", lambda: inspected(console))
    assert "BLOB, 20,000,000 bytes · only the beginning is shown" in asked
    assert asked.count("00 00") > 2000, "as hex, the beginning"
    assert console.errors() == []
