"""The rows of the last visit: shown before the database is open, until there is anything newer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.console_page import Console
from tests.browser.page_steps import NO_FILES, hold_up, make, patch
from tests.browsers import Chromium, wait_for
from tests.conftest import ServedSite

# What is shown of the last visit; null where nothing is.
SHOWN = """
const last = document.getElementById("last");
if (last.hidden) return null;
const texts = (row) => [...row.children].map((cell) => cell.textContent);
const [head, ...rows] = [...last.querySelectorAll("tr")];
return {
  said: last.querySelector(".last-head").innerText,
  names: texts(head),
  rows: rows.map(texts),
  kinds: rows.map((row) => [...row.children].map((cell) => cell.className.trim())),
  marks: [...last.querySelectorAll(".unseen")].map((mark) => mark.dataset.symbol),
};
"""
KEPT = """
return Object.keys(localStorage).filter((key) => key.startsWith("sahpool.rows."))
  .map((key) => localStorage[key]);
"""
HOSTILE = "<img src=x onerror='window.broken = true'>"
QUOTED = HOSTILE.replace("'", "''")
SQL = f"""SELECT 1 AS a, NULL AS b, 9007199254740993 AS c, x'00ff' AS d, zeroblob(2000) AS e,
  '{QUOTED}' AS f, ' x' || char(9) AS "", 1.5 AS g, 'line' || char(10) AS "{HOSTILE}" """


def shown(console: Console) -> dict[str, Any] | None:
    """What the page shows of the last visit."""
    found: dict[str, Any] | None = console.js(SHOWN)
    return found


def wait_shown(console: Console) -> dict[str, Any]:
    """Wait until something is shown of the last visit, and return it."""
    return wait_for("the rows of the last visit", lambda: shown(console) or {})


def kept(console: Console) -> list[dict[str, Any]]:
    """What the browser keeps of the last results."""
    return [json.loads(text) for text in console.js(KEPT)]


def run_and_keep(console: Console, sql: str = "SELECT 6 * 7 AS answer") -> None:
    """Run a statement, and wait until its text and its rows are kept."""
    console.run_sql(sql)
    wait_for(
        "the rows",
        lambda: any(sql.startswith(each.get("statement", "?")) for each in kept(console)),
    )
    console.js("await new Promise((resolve) => setTimeout(resolve, 600))")  # the text follows soon


def come_back(
    console: Console, site: ServedSite, monkeypatch: pytest.MonkeyPatch, path: str = ""
) -> None:
    """Load the page anew, with a worker that takes seconds to start."""
    hold_up(site, "/worker/service.zip", 3.0, monkeypatch)
    console.open(path, wait=False)


def test_the_rows_of_the_last_visit_are_shown_before_the_worker_is_there(
    first_visit: Console, site: ServedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = first_visit
    console.open()
    run_and_keep(console, SQL)
    grid = console.grid()
    come_back(console, site, monkeypatch)
    found = wait_shown(console)
    assert console.state() == "loading"
    assert console.js("return performance.getEntriesByName('sahpool: last rows')[0].startTime") > 0
    assert re.match(r"as of last visit, \d\d:\d\d", found["said"])
    assert (found["names"], found["rows"]) == (grid["names"], grid["rows"])
    assert [kind.split() for kind in found["kinds"][0]] == [
        kind.split() for kind in grid["kinds"][0]
    ]
    assert found["rows"][0][2] == "9007199254740993"
    assert found["marks"] == ["·", "⇥", "⏎"]
    assert console.js("return [window.broken, document.querySelectorAll('#last img').length]") == [
        None,
        0,
    ]
    assert not console.js("return document.getElementById('copy').checkVisibility()")
    # They stay until there is something newer, and the answer takes their place.
    console.wait_ready()
    assert shown(console) is not None
    assert not console.js("return document.getElementById('hint').checkVisibility()")
    console.run_sql()
    assert shown(console) is None
    assert console.rows() == grid["rows"]


def test_another_day_is_told_with_its_date(console: Console) -> None:
    console.open()
    run_and_keep(console)
    script = """
    const [key] = Object.keys(localStorage).filter((key) => key.startsWith("sahpool.rows."));
    const at = new Date(2026, 0, 2, 3, 4).getTime();
    localStorage[key] = JSON.stringify({ ...JSON.parse(localStorage[key]), at, count: 1234 });
    """
    console.js(script)
    console.reload(wait=False)
    found = wait_shown(console)
    assert "as of last visit, 2026-01-02, 03:04" in found["said"]
    assert "first 1 of 1,234 rows" in found["said"]


def test_an_error_another_database_and_a_loan_take_the_place_of_the_last_rows(
    console: Console,
) -> None:
    console.open()
    for newer in ("error", "database", "loan"):
        run_and_keep(console)
        console.reload()
        assert shown(console) is not None, newer
        if newer == "error":
            console.run_sql("SELEC 1")
            assert shown(console) is None
            assert kept(console) == [], "the tab's last result has no rows"
        elif newer == "database":
            make(console, "other.db")
            assert shown(console) is None
            console.reload()
            assert shown(console) is None, "they are of another database"
        else:
            console.js("document.getElementById('storage-lend').click()")
            wait_for("the loan", lambda: shown(console) is None)


def test_what_is_kept_goes_with_the_database(console: Console) -> None:
    console.open()
    run_and_keep(console)
    console.js("document.querySelector('#database-list [data-act=delete]').click()")
    console.click("Delete")
    wait_for("the rows to go", lambda: kept(console) == [])
    run_and_keep(console)
    # By another program.
    console.js("localStorage['sahpool.rows.other'] = JSON.stringify({ database: 'gone.db' })")
    console.reload()
    wait_for("those to go", lambda: len(kept(console)) == 1)


def test_nothing_is_kept_once_a_person_has_switched_it_off(console: Console) -> None:
    console.open()
    run_and_keep(console)
    console.reload()
    assert shown(console) is not None
    console.js("document.getElementById('settings').click()")
    box = "return document.querySelector('dialog [data-key=last-rows]')"
    assert wait_for("the setting", lambda: console.js(f"{box}?.checked"))
    console.js(f"({box.removeprefix('return ')}).click()")
    assert (shown(console), kept(console)) == (None, [])
    console.click("Close")
    console.run_sql("SELECT 1")
    console.reload()
    assert (shown(console), kept(console)) == (None, [])


def test_rows_in_memory_or_of_an_open_transaction_are_not_kept(
    console: Console, site: ServedSite, tmp_path: Path
) -> None:
    console.open()
    run_and_keep(console)
    console.run_sql("CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1); SELECT a FROM t")
    console.js("await new Promise((resolve) => setTimeout(resolve, 1500))")
    assert kept(console) == []
    console.run_sql("ROLLBACK")
    patch(site, tmp_path, "/worker/boot.mjs", NO_FILES)
    try:
        console.reload()
        console.run_sql("SELECT 1")
        console.js("await new Promise((resolve) => setTimeout(resolve, 1500))")
        assert kept(console) == []
    finally:
        site.extra.clear()


def test_rows_of_a_statement_that_the_text_no_longer_has_are_not_shown(console: Console) -> None:
    console.open()
    run_and_keep(console)
    console.type_sql("SELECT 'another'")
    console.reload()
    assert shown(console) is None
    assert console.editor_text() == "SELECT 'another'"


def test_each_tab_has_the_rows_of_its_own_text(console: Console) -> None:
    assert isinstance(console.browser, Chromium)
    console.open()
    first = console.browser.tab
    run_and_keep(console, "SELECT 'first'")
    second = console.browser.new_tab()
    console.open()
    assert shown(console) is None, "the text of the first tab is open there"
    run_and_keep(console, "SELECT 'second'")
    for tab, value in ((first, "first"), (second, "second")):
        console.browser.switch(tab)
        console.reload()
        assert (shown(console) or {})["rows"] == [[value]]
    # A new tab shows the rows of the text that it takes up.
    console.browser.close_tab(first)
    console.browser.new_tab()
    console.open()
    wait_for("the text", lambda: console.editor_text() == "SELECT 'first'")
    assert (shown(console) or {})["rows"] == [["first"]]


def test_little_is_kept_however_much_a_result_has(console: Console) -> None:
    console.open()
    wide = ", ".join(f"printf('%.*c', 5000, 'x') AS c{number}" for number in range(100))
    run_and_keep(console, f"SELECT {wide} FROM (VALUES (1), (2), (3), (4), (5))")
    (entry,) = kept(console)
    assert len(entry["names"]) == 50
    assert 1 <= len(entry["rows"]) < 5
    assert entry["count"] == 5
    big = json.dumps({"database": "notes.db", "at": 1, "x": "x" * 31_000})
    for number in range(3):
        console.js("localStorage['sahpool.rows.' + args[0]] = args[1]", str(number), big)
    console.run_sql("SELECT 1")
    wait_for("room", lambda: sum(map(len, console.js(KEPT))) <= 64_000)
    run_and_keep(
        console, "WITH n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 70"
    )
    assert any(len(each.get("rows", ())) == 50 for each in kept(console))
