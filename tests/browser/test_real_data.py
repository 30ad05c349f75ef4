"""Real files through the page: imported, queried, still there after a reload, exported."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests import real_data
from tests.browser.console_page import Console
from tests.browsers import wait_for

JOIN = """
SELECT c.Country, count(DISTINCT i.InvoiceId) AS invoices, sum(l.Quantity) AS tracks,
       round(sum(l.UnitPrice * l.Quantity), 2) AS total
  FROM Invoice AS i
  JOIN InvoiceLine AS l ON l.InvoiceId = i.InvoiceId
  JOIN Customer AS c ON c.CustomerId = i.CustomerId
 GROUP BY c.Country ORDER BY total DESC, c.Country
"""


def answer(console: Console, sql: str) -> list[str]:
    """Run a query, and return its one row."""
    console.run_sql(sql)
    assert console.error() is None, console.error()
    (row,) = console.rows()
    return row


def all_rows(console: Console) -> list[list[str]]:
    """Return every row of a short result, also those that are not in view."""
    return [console.scroll_to_row(number) for number in range(console.row_count())]


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, as CPython's sqlite3 reads them."""
    with closing(sqlite3.connect(path)) as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = con.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return {name: con.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names}


def check_chinook(console: Console) -> None:
    assert console.database() == "chinook.sqlite"
    assert answer(console, "SELECT count(*) FROM Track") == ["3503"]
    with closing(sqlite3.connect(real_data.chinook())) as con:
        expected = [[str(value) for value in row] for row in con.execute(JOIN)]
    console.run_sql(JOIN)
    assert console.headers() == ["Country", "invoices", "tracks", "total"]
    assert all_rows(console) == expected


def test_an_imported_database_survives_reload_and_restart_and_comes_out_equal(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    console.import_file(real_data.chinook())
    check_chinook(console)
    assert {"Track", "Invoice", "Customer"} <= set(console.tables())
    console.reload()
    check_chinook(console)
    console.restart()
    check_chinook(console)
    exported = console.export()
    assert contents(exported) == contents(real_data.chinook())
    assert console.foreign_requests() == []
    assert console.errors() == []


@pytest.mark.real
def test_an_imported_database_survives_reload_and_restart_in_firefox(
    firefox_console: Console,
) -> None:
    console = firefox_console
    console.open()
    console.import_file(real_data.chinook())
    check_chinook(console)
    console.reload()
    check_chinook(console)
    console.restart()
    check_chinook(console)
    assert contents(console.export()) == contents(real_data.chinook())


class Column:
    """Count, sum and nulls of a column, from the csv module; NA is NULL in a column of numbers."""

    def __init__(self, values: list[str]) -> None:
        present = [value for value in values if value not in ("", "NA")]
        self.is_number = all(value.lstrip("-").isdigit() for value in present)
        if self.is_number:
            self.count, self.sum = len(present), sum(map(int, present))
        else:
            kept = [value for value in values if value]
            self.count, self.sum = len(kept), sum(map(len, kept))
        self.nulls = len(values) - self.count


def test_a_large_csv_arrives_with_every_value_and_scrolls_to_its_last_row(
    console: Console,
) -> None:
    path = real_data.flights()
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    columns = [Column([row[at] for row in rows]) for at in range(len(names))]
    console.open()
    said = console.import_file(path)
    assert "336,776 rows into flights" in said
    assert answer(console, "SELECT count(*) FROM flights") == ["336776"]
    totals = ", ".join(
        f"count({name}) || '|' || sum({name if column.is_number else f'length({name})'})"
        f" || '|' || sum({name} IS NULL)"
        for name, column in zip(names, columns, strict=True)
    )
    assert answer(console, f"SELECT {totals} FROM flights") == [
        f"{column.count}|{column.sum}|{column.nulls}" for column in columns
    ]
    assert [column.nulls for column in columns if column.nulls] == [8255, 8255, 8713, 9430, 9430]
    console.run_sql("SELECT * FROM flights")
    wait_for("every row to be fetched", lambda: console.row_count() == len(rows))
    console.wait_idle()
    assert console.headers() == names
    for number in (len(rows) - 1, 0, len(rows) // 2):
        shown = console.scroll_to_row(number)
        assert shown == [
            "NULL" if value == "NA" and column.is_number else value
            for value, column in zip(rows[number], columns, strict=True)
        ]
    drawn = console.js("return document.querySelectorAll('vaadin-grid-cell-content').length")
    assert drawn < 20 * 200, "the grid must not put all rows into the page"
    console.reload()
    assert answer(console, "SELECT count(*), sum(distance) FROM flights") == [
        "336776",
        str(columns[names.index("distance")].sum),
    ]


def test_an_import_can_be_stopped_and_leaves_nothing(console: Console) -> None:
    console.open()
    console.import_file(real_data.flights(), wait=False)
    progress = "return document.getElementById('import-bar').value || 0"
    wait_for("the import to be on its way", lambda: console.js(progress) > 0)
    console.click("Stop import")
    wait_for("the end", lambda: "was not imported; nothing has changed" in console.status())
    assert console.tables() == []
    assert answer(console, "SELECT count(*) FROM sqlite_schema") == ["0"]


def test_what_cannot_be_imported_is_told_and_nothing_is_lost(
    console: Console, tmp_path: Path
) -> None:
    good = tmp_path / "good.db"
    with closing(sqlite3.connect(good)) as con:
        con.execute("CREATE TABLE kept(a, b)")
        con.executemany("INSERT INTO kept VALUES(?, ?)", [(n, "x" * 200) for n in range(1000)])
        con.commit()
    image = good.read_bytes()
    torn = bytearray(image)
    torn[8192:12288] = bytes(4096)
    bad = {
        "text.sqlite": (b"Dear reader,\nthis is no database.\n", "Dear reader"),
        "short.sqlite": (image[: len(image) // 2], "cut off"),
        "damaged.sqlite": (bytes(torn), "damaged"),
        # What is wrong lies behind the part that is looked at to find how the file is written.
        "ragged.csv": (b"a,b,c\n" + b"1,2,3\n" * 50_000 + b"4,5,6,7\n", "line 50002"),
        "quote.csv": (b"a,b\n" + b'1,"x"\n' * 50_000 + b'1,"open\n2,3\n', "line 50002"),
        "empty.csv": (b"", "empty"),
    }
    console.open()
    console.import_file(good)
    for name, (content, told) in bad.items():
        (tmp_path / name).write_bytes(content)
        console.import_file(tmp_path / name)
        error = console.error() or ""
        assert name in error, name
        assert told.lower() in error.lower(), (name, error)
        assert console.database() == "good.db"
        assert console.tables() == ["kept"], name
        assert answer(console, "SELECT count(*), sum(a) FROM kept") == ["1000", "499500"]
    console.js("document.getElementById('databases').open = true")
    listed = console.js("return document.getElementById('database-list').innerText")
    for name in bad:
        assert name not in listed
    assert console.errors() == []


def test_a_name_that_is_taken_is_asked_about(console: Console, tmp_path: Path) -> None:
    for folder, value in (("one", 1), ("two", 2)):
        path = tmp_path / folder / "same.db"
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as con:
            con.execute("CREATE TABLE t(a)")
            con.execute("INSERT INTO t VALUES(?)", (value,))
            con.commit()
    console.open()
    console.import_file(tmp_path / "one" / "same.db")
    assert "“same.db” exists already" in console.import_file(tmp_path / "two" / "same.db")
    assert "nothing has changed" in console.answer("Cancel")
    assert answer(console, "SELECT a FROM t") == ["1"]
    console.import_file(tmp_path / "two" / "same.db")
    console.answer("Keep both")
    assert console.database() != "same.db"
    assert answer(console, "SELECT a FROM t") == ["2"]
    console.import_file(tmp_path / "two" / "same.db")
    console.answer("Replace")
    assert console.database() == "same.db"
    assert answer(console, "SELECT a FROM t") == ["2"]
    console.reload()
    assert answer(console, "SELECT a FROM t") == ["2"]


def test_a_name_that_is_too_long_is_refused(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE kept(a)")
    console.js("document.getElementById('databases').open = true")
    console.click("New database…")
    console.js("document.querySelector('dialog input').value = args[0]", "n" * 600)
    console.click("Create")
    wait_for("the refusal", lambda: "510 bytes" in (console.error() or ""))
    assert console.database() == "notes.db"
    assert console.tables() == ["kept"]
