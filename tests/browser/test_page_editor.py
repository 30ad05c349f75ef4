"""The editor: what it runs, what it remembers, what the list "Schema" leaves in it."""

from __future__ import annotations

from functools import partial

from selenium.webdriver.common.keys import Keys

from tests.browser.console_page import Console
from tests.browser.page_steps import EDITOR, press
from tests.browsers import wait_for

LAST = "return document.getElementById('last').innerText"


def shows(console: Console, value: str) -> bool:
    """Return whether the shown result is this one value."""
    return console.rows() == [[value]]


def title(console: Console) -> str:
    """The query that is shown above the rows."""
    return str(console.js("return document.getElementById('results-title').innerText"))


def can_edit(console: Console) -> bool:
    """Whether "Edit this query" is offered."""
    return bool(console.js("return document.getElementById('edit-query').checkVisibility()"))


def test_a_selection_runs_alone(console: Console) -> None:
    console.open()
    console.type_sql("SELECT 1 AS one;\nSELECT 2 AS two;")
    press(console, Keys.SHIFT, Keys.HOME)
    press(console, Keys.CONTROL, Keys.ENTER)
    wait_for("the selection", lambda: console.headers() == ["two"])
    assert console.tabs() == []


def test_an_error_in_a_selection_is_placed_in_the_whole_text(console: Console) -> None:
    console.open()
    console.type_sql("SELECT 'é🙂';\nSELECT 2 AS AS;")
    press(console, Keys.SHIFT, Keys.HOME)
    press(console, Keys.CONTROL, Keys.ENTER)
    wait_for("the error", lambda: "Line 2:13" in str(console.error()))


def test_the_key_runs_what_the_button_runs(console: Console) -> None:
    console.open()
    console.run_sql("SELECT 7 AS n", by="key")
    assert console.rows() == [["7"]]
    assert console.editor_text() == "SELECT 7 AS n"


def test_the_text_is_there_again_after_a_reload(console: Console) -> None:
    console.open()
    console.type_sql("SELECT 'kept' AS text")
    console.reload()
    assert console.editor_text() == "SELECT 'kept' AS text"


def test_a_newcomer_finds_a_query_that_runs_and_a_sample(console: Console) -> None:
    console.open()
    assert "An empty database" in console.js("return document.getElementById('welcome').innerText")
    console.run_sql()
    assert console.error() is None
    assert console.headers() == ["greeting", "sqlite", "today"]
    console.js("document.getElementById('sample').click()")
    wait_for("the sample", console.tables)
    console.wait_idle()
    assert console.error() is None
    assert console.row_count() > 0


def test_a_click_on_a_table_leaves_the_text_as_it_was(console: Console) -> None:
    console.open()
    written = (
        'CREATE TABLE "a ""b"" c" (x); INSERT INTO "a ""b"" c" VALUES (5);'
        "CREATE VIEW v AS SELECT 'é' AS e; SELECT 1 AS mine"
    )
    console.run_sql(written)
    shown = 'SELECT * FROM "a ""b"" c" LIMIT 100;'
    console.js("document.querySelector('.browse').click()")
    wait_for("the rows", lambda: console.headers() == ["x"])
    assert console.rows() == [["5"]]
    assert title(console) == shown
    assert console.editor_text() == written
    # The next one takes its place.
    console.js("document.querySelectorAll('.browse')[1].click()")
    wait_for("the rows", lambda: console.headers() == ["e"])
    assert title(console) == 'SELECT * FROM "v" LIMIT 100;'
    assert console.editor_text() == written
    # What it reads comes into the editor when the person wants it there, and is theirs then.
    console.js("document.querySelector('.browse').click()")
    wait_for("the rows", lambda: console.headers() == ["x"])
    console.click("Edit this query")
    wait_for("the text", lambda: console.editor_text() == f"{written}\n\n{shown}")
    assert not can_edit(console)
    console.js("document.querySelectorAll('.browse')[1].click()")
    wait_for("the rows", lambda: console.headers() == ["e"])
    assert console.editor_text() == f"{written}\n\n{shown}"
    # Back to what was written, in one step.
    console.js(f"document.querySelector(`{EDITOR}`).focus()")
    press(console, Keys.CONTROL, "z")
    assert console.editor_text() == written
    # The next visit has the rows of what was written.
    console.js("await new Promise((resolve) => setTimeout(resolve, 600))")  # it is kept soon
    console.reload()
    wait_for("the rows", lambda: "mine" in console.js(LAST))
    assert console.editor_text() == written


def test_a_click_on_a_table_shows_its_query_in_an_editor_that_nobody_has_used(
    console: Console,
) -> None:
    console.open()
    starter = console.editor_text()
    console.click("Load the sample")
    wait_for("the sample", console.tables)
    console.wait_idle()
    assert console.editor_text() != starter
    console.js("document.querySelector('.browse').click()")
    name = console.tables()[0]
    wait_for("the query", lambda: console.editor_text() == f'SELECT * FROM "{name}" LIMIT 100;')
    console.wait_idle()
    assert not can_edit(console)


def test_the_schema_lists_tables_views_and_columns(console: Console) -> None:
    console.open()
    console.run_sql(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, "<b>" TEXT); CREATE VIEW v AS SELECT 1 AS one;'
        "CREATE VIRTUAL TABLE words USING fts5(body);"
    )
    # The shadow tables of fts5 are not shown.
    assert console.tables() == ["t", "v", "words"]
    shown = console.schema().split()
    for word in ("id", "key", "INTEGER", "<b>", "TEXT", "one", "view", "virtual", "body"):
        assert word in shown


def test_run_before_the_engine_is_there_waits_for_it(console: Console) -> None:
    console.open(wait=False)
    wait_for(
        "the editor", lambda: console.js(f"return Boolean(document.querySelector(`{EDITOR}`))")
    )
    console.run_sql("SELECT 'patience' AS virtue")
    assert console.rows() == [["patience"]]


# Presses Run as soon as there is an editor, and returns the status line right after.
PRESS = """
while (!performance.getEntriesByName("sahpool: editor").length) {
  await new Promise((resolve) => setTimeout(resolve, 1));
}
document.getElementById("run").click();
await new Promise((resolve) => setTimeout(resolve));
return document.getElementById("status-text").textContent;
"""


def test_a_run_that_has_to_wait_says_how_long(console: Console) -> None:
    console.open()
    for usual, said in (("60", " in about "), ("0.001", "answered…"), ("nonsense", "answered…")):
        console.js("localStorage['sahpool.start-seconds'] = args[0]", usual)
        console.reload(wait=False)
        status = str(console.js(PRESS))
        assert status.startswith("Runs as soon as SQL is answered")
        assert said in status
        console.wait_ready()
        console.wait_idle()
    assert 0.1 < float(console.js("return localStorage['sahpool.start-seconds']")) < 60


def test_a_file_dropped_on_the_editor_is_imported_and_not_written_into_it(
    console: Console,
) -> None:
    console.open()
    console.type_sql("SELECT 1")
    console.js(
        """
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["a,b\\n1,2\\n"], "dropped.csv", { type: "text/csv" }));
        const { left, top } = document.querySelector(".cm-line").getBoundingClientRect();
        const place = { clientX: left + 5, clientY: top + 5, bubbles: true, cancelable: true };
        document.querySelector(".cm-line")
          .dispatchEvent(new DragEvent("drop", { dataTransfer, ...place }));
        """
    )
    wait_for("the import", lambda: console.tables() == ["dropped"])
    wait_for("its end", lambda: console.status().startswith("Imported"))
    assert console.editor_text() == "SELECT 1"


def test_a_table_of_another_schema_is_chosen_by_its_full_name(console: Console) -> None:
    console.open()
    console.run_sql(
        "CREATE TABLE t (a); INSERT INTO t VALUES ('main');"
        "CREATE TEMP TABLE t (a); INSERT INTO temp.t VALUES ('temp');"
        'ATTACH \':memory:\' AS "an other"; CREATE TABLE "an other".only (a);'
        "INSERT INTO only VALUES ('attached')"
    )
    shown = console.js(
        "return [...document.querySelectorAll('.browse')].map((table) => table.innerText.trim())"
    )
    listed = {tuple(text.split("\n")): number for number, text in enumerate(shown)}
    assert set(listed) == {("t",), ("t", "temp"), ("only", "an other")}
    wanted = {("t",): "main", ("t", "temp"): "temp", ("only", "an other"): "attached"}
    for table, value in wanted.items():
        console.js("document.querySelectorAll('.browse')[args[0]].click()", listed[table])
        wait_for("its rows", partial(shows, console, value))
    assert 'FROM "an other"."only" LIMIT 100;' in title(console)
    # Folding one table does not fold another one of the same name.
    console.js("document.querySelector('.fold').click()")
    folds = console.js(
        "return [...document.querySelectorAll('.fold')].map((fold) => fold.ariaExpanded)"
    )
    assert sorted(folds) == ["false", "true", "true"]
    console.run_sql("CREATE TABLE one_more (a)")
    folds = console.js(
        "return [...document.querySelectorAll('.fold')].map((fold) => fold.ariaExpanded)"
    )
    assert sorted(folds) == ["false", "true", "true", "true"]
