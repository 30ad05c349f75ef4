"""What the page refuses while statements run, and what it says of several imported files."""

from __future__ import annotations

import time
from pathlib import Path

from tests.browser.console_page import Console
from tests.browser.page_steps import ENDLESS, make, opened
from tests.browsers import wait_for

OPEN_SWITCHER = "document.getElementById('databases').open = true"
WAIT = "return document.getElementById('database-wait').innerText"

# Slow enough for the worker to reply after each statement of the script.
SLOW = "SELECT count(*) FROM (WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c "
SLOW += "WHERE x < 2000000) SELECT x FROM c);"


def test_nothing_else_can_be_opened_while_statements_run(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE kept (a)")
    make(console, "other.db")
    console.run_sql("CREATE TABLE here (a)")
    console.run_sql(ENDLESS, wait=False)
    console.js(OPEN_SWITCHER)
    assert "Wait until the running statement has ended" in console.js(WAIT)
    buttons = "return [...document.querySelectorAll('.sheet fieldset button')]"
    assert console.js(f"{buttons}.every((button) => button.matches(':disabled'))")
    console.js("document.querySelector('.browse').click()")
    wait_for("the reason", lambda: console.status().startswith("Wait until the running"))
    console.click("Stop")
    console.wait_idle()
    assert console.js(WAIT) == ""
    console.js("document.querySelector('.choose:not([aria-current])').click()")
    opened(console, "notes.db")


def test_a_script_never_goes_on_in_another_database(console: Console) -> None:
    console.open()
    console.run_sql("CREATE TABLE t (a)")
    # A request that the page did not make opens another database while the script runs.
    console.run_sql(f"INSERT INTO t VALUES (1); {SLOW * 3} CREATE TABLE stray (a)", wait=False)
    console.js(
        """sahpoolStart.send(JSON.stringify({ id: 1e6, op: "open", database: "other.db" }), "")"""
    )
    console.wait_idle()
    assert "notes.db" in str(console.error())
    assert "other.db" in str(console.error())
    assert console.status() == "Failed"
    messages = console.js("return document.querySelectorAll('[role=tab]').length")
    assert messages > 1, "what ran before is shown"
    console.js(OPEN_SWITCHER)
    wait_for(
        "both to be listed",
        lambda: (
            "other.db" in console.js("return document.getElementById('database-list').textContent")
        ),
    )
    console.js("document.querySelector('.choose:not([aria-current])').click()")
    opened(console, "other.db")
    assert console.tables() == []


def test_a_file_that_is_dropped_while_a_statement_runs_is_imported_after_it(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    path = tmp_path / "waiting.csv"
    path.write_text("a,b\n1,2\n")
    console.run_sql(ENDLESS, wait=False)
    console.import_file(path, wait=False)
    told = "Imports when the running statement has ended"
    wait_for("the reason", lambda: console.status() == told)
    time.sleep(0.5)
    assert console.tables() == []
    console.click("Stop")
    wait_for("the import", lambda: console.tables() == ["waiting"])
    wait_for("its end", lambda: console.status() == "Imported 1 row into waiting")


def test_what_became_of_each_of_several_files_is_told_to_the_end(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    paths = [tmp_path / name for name in ("bad.sqlite", "uneven.csv", "good.csv", "same.csv")]
    paths[0].write_bytes(b"SQLite format 3\0" + b"no database" * 100)
    paths[1].write_text("a,b\n" + "1,2\n" * 5000 + "1,2,3\n")
    paths[2].write_text("a,b\n1,2\n")
    paths[3].write_text("a,a\n1,2\n")
    console.import_file(*paths, wait=False)
    wait_for("the last", lambda: console.status() == "Imported 1 row into same")
    error = str(console.error())
    assert "“bad.sqlite” was not imported" in error
    assert "uneven.csv" in error
    assert "same.csv: " in error
    console.run_sql("SELECT 1")
    assert console.error() is None
