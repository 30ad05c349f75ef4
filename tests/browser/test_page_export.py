"""A result becomes a file: the rows that were read, in the format that a person chooses."""

from __future__ import annotations

import csv
import gzip
import json

import openpyxl
import pytest

from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, ROWS
from tests.browsers import wait_for

MIXED = "SELECT 1 AS i, 'a,b' AS t, NULL AS n, x'00ff' AS b UNION ALL SELECT 2, 'é', 0.1, 'x'"


def choose(console: Console, **options: str | bool) -> None:
    """Open the dialog, and choose what it offers."""
    console.click("Export rows…")
    wait_for("the dialog", lambda: (console.question() or "").startswith("Export rows"))
    for name, value in options.items():
        script = """
            const control = document.querySelector(`dialog [data-option="${args[0]}"]`);
            if (control.type === "checkbox") control.checked = args[1];
            else control.value = args[1];
            control.dispatchEvent(new Event("change", { bubbles: true }));
        """
        console.js(script, name, value)


def test_a_result_is_exported_with_every_value_in_the_format_that_was_chosen(
    console: Console,
) -> None:
    console.open()
    console.run_sql(MIXED)
    choose(console, format="csv", null="NULL")
    path = console.download("Export")
    assert path.name == "result.csv"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["i", "t", "n", "b"],
            ["1", "a,b", "NULL", "X'00FF'"],
            ["2", "é", "0.1", "x"],
        ]
    assert console.status().startswith("Exported 2 rows as result.csv")
    choose(console, format="xlsx", table="planets")
    assert "beyond 2^53" in (console.question() or "")
    path = console.download("Export")
    (sheet,) = openpyxl.load_workbook(path).worksheets
    assert sheet.title == "planets"
    assert list(sheet.values) == [
        ("i", "t", "n", "b"),
        (1, "a,b", None, "X'00FF'"),
        (2, "é", 0.1, "x"),
    ]
    assert console.error() == "Note\n1 BLOB became text."
    choose(console, format="json", gzip=True)
    path = console.download("Export")
    assert path.name == "result.json.gz"
    assert [row["i"] for row in json.loads(gzip.decompress(path.read_bytes()))] == [1, 2]
    assert console.errors() == []


def test_what_a_statement_returned_is_exported_and_the_statement_not_run_again(
    console: Console,
) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2) RETURNING a, random() AS r")
    shown = console.rows()
    choose(console, format="csv")
    with console.download("Export").open(newline="") as file:
        assert list(csv.reader(file))[1:] == shown
    console.run_sql("SELECT count(*) FROM t")
    assert console.rows() == [["2"]]


def test_a_result_that_is_read_to_its_end_is_exported_as_it_was_read(console: Console) -> None:
    console.open()
    console.run_sql(f"CREATE TABLE t AS {ROWS.format(30_000)} SELECT x FROM c")
    console.run_sql("SELECT x, random() AS r FROM t")
    assert console.row_count() == 30_000
    last = console.scroll_to_row(29_999)
    choose(console, format="csv")
    with console.download("Export").open(newline="") as file:
        lines = list(csv.reader(file))
    assert (len(lines), lines[-1]) == (30_001, last)


def test_rows_that_the_page_has_not_read_are_exported_too(console: Console) -> None:
    console.open()
    console.run_sql(f"CREATE TABLE t AS {ROWS.format(60_000)} SELECT x FROM c")
    stopped_while_reading(console, "SELECT t.x, u.x AS y FROM t JOIN t AS u LIMIT 400000")
    shown = console.row_count()
    assert 0 < shown < 400_000
    choose(console, format="tsv")
    assert f"beyond the {shown:,} that were read so far" in (console.question() or "")
    with console.download("Export").open(newline="") as file:
        lines = sum(1 for _ in file)
    assert lines == 400_001
    assert console.status().startswith("Exported 400,000 rows as result.tsv")


def stopped_while_reading(console: Console, sql: str) -> None:
    """Run a statement with very many rows, and cancel it once some are there."""
    console.run_sql(sql, wait=False)
    wait_for("the first rows", lambda: console.row_count() > 0)
    console.click("Stop")
    console.wait_idle()


def test_an_incomplete_result_whose_data_has_changed_is_not_read_again_unasked(
    console: Console,
) -> None:
    console.open()
    console.run_sql(f"CREATE TABLE t AS {ROWS.format(60_000)} SELECT x FROM c")
    stopped_while_reading(console, "SELECT a.x, random() AS r FROM t a JOIN t b")
    shown = console.row_count()
    choose(console, format="csv")
    console.click("Export")
    wait_for("the question", lambda: f"Only {shown:,} rows were read" in (console.question() or ""))
    assert "other rows each time" in (console.question() or "")
    path = console.download("Export these rows")
    with path.open(newline="") as file:
        lines = list(csv.reader(file))
    assert len(lines) == shown + 1
    assert console.status().startswith(f"Exported {shown:,} rows")


def test_a_part_of_a_query_that_begins_with_with_is_exported_whole_without_a_question(
    console: Console,
) -> None:
    console.open()
    rows = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000) "
    stopped_while_reading(console, rows + "SELECT x FROM c")
    assert console.row_count() < 3_000_000
    choose(console, format="csv")
    path = console.download("Export")
    with path.open() as file:
        assert sum(1 for _ in file) == 3_000_001


def test_an_export_is_cancelled_by_the_button_that_cancels_a_run(console: Console) -> None:
    console.open()
    stopped_while_reading(console, ENDLESS.replace("count(*)", "x, random() AS r"))
    choose(console, format="csv")
    console.click("Export")
    console.click("Run it again and export")
    wait_for("the end of the question", lambda: console.question() is None)
    wait_for("the export", lambda: console.status() == "Exporting…")
    console.click("Stop")
    wait_for("its end", lambda: console.status() == "Not exported")
    console.run_sql("SELECT 'and on'")
    assert console.rows() == [["and on"]]
    assert console.error() is None


@pytest.mark.parametrize("kind", ["csv", "xlsx", "sql"])
def test_the_dialog_offers_only_what_a_format_can_use(console: Console, kind: str) -> None:
    console.open()
    console.run_sql(MIXED)
    choose(console, format=kind)
    offered = console.js(
        "return [...document.querySelectorAll('dialog [data-option]')].map((e) => e.dataset.option)"
    )
    wanted = {
        "csv": ["format", "null", "gzip"],
        "xlsx": ["format", "table"],
        "sql": ["format", "table", "gzip"],
    }
    assert offered == wanted[kind]
    assert console.js("return document.activeElement.dataset.option") == "format"
    console.click("Cancel")
