"""Files that can be read in several ways: the page asks, shows what it reads, and imports."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.browser.console_page import Console
from tests.browsers import Chromium, wait_for

FIELD = Path(__file__).parents[1] / "field" / "csv"

SAMPLE = """
const sample = document.querySelector("dialog[open] .sample");
const texts = (row) => [...row.children].map((cell) => cell.querySelector("span")?.textContent
  ?? cell.textContent);
return [...sample.querySelectorAll("tr")].map(texts);
"""

CHOOSE = """
const control = document.querySelector(`dialog[open] [data-option="${args[0]}"]`);
if (control.type === "checkbox") control.checked = args[1];
else control.value = args[1];
control.dispatchEvent(new Event("change", { bubbles: true }));
"""


def sample(console: Console) -> list[list[str]]:
    found: list[list[str]] = console.js(SAMPLE)
    return found


def choose(console: Console, option: str, value: Any, wanted: list[list[str]]) -> None:
    """Changes a control, and waits for what is to be shown then."""
    console.js(CHOOSE, option, value)
    wait_for(f"the preview with {option}", lambda: sample(console) == wanted)


def file_of(tmp_path: Path, text: str | bytes, name: str = "data.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_a_doubtful_file_is_shown_and_imported_as_it_is_chosen(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    asked = console.import_file(file_of(tmp_path, "52,520;Ann\n48,857;Bob\n"))
    assert "Import “data.csv”" in asked
    assert sample(console) == [["column1", "column2"], ["52,520", "Ann"], ["48,857", "Bob"]]
    choose(console, "header", True, [["52,520", "Ann"], ["48,857", "Bob"]])
    console.js("document.querySelector('dialog[open] [data-option=header]').focus()")
    choose(
        console,
        "header",
        False,
        [["column1", "column2"], ["52,520", "Ann"], ["48,857", "Bob"]],
    )
    focused = "return document.activeElement.dataset.option"
    wait_for("the focus to come back", lambda: console.js(focused) == "header")
    console.js(CHOOSE, "decimal", ",")
    wait_for(
        "the type",
        lambda: console.js(
            "return document.querySelector('dialog[open] [data-option=type]').value === 'REAL'"
        ),
    )
    console.js(CHOOSE, "table", "places")
    console.answer("Import")
    assert console.tables() == ["places"]
    console.run_sql("SELECT sum(column1) > 101.3 AS b FROM places")
    assert console.rows() == [["1"]]


def test_a_sure_file_goes_straight_in(console: Console, tmp_path: Path) -> None:
    console.open()
    told = console.import_file(file_of(tmp_path, "id,name\n1,Ada\n2,Bob\n"))
    assert "Imported 2 rows" in told


def test_a_preview_that_is_dismissed_imports_nothing(console: Console, tmp_path: Path) -> None:
    console.open()
    console.import_file(FIELD / "c09_preamble_semicolon.csv")
    assert "nothing has changed" in console.answer("Cancel")
    assert console.tables() == []


def test_a_text_in_another_encoding_is_recognised_in_the_browser(console: Console) -> None:
    console.open()
    asked = console.import_file(FIELD / "c20_cp1252.csv")
    assert "Windows-1252" in asked
    assert sample(console)[1:] == [["Café", "5"], ["Müller – Söhne", "7"], ["Don’t", "€"]]
    assert "Imported 3 rows" in console.answer("Import")


def test_what_is_chosen_wrongly_is_told_in_the_dialog(console: Console, tmp_path: Path) -> None:
    console.open()
    console.import_file(file_of(tmp_path, 'a;b\n2;w\n1;"x;y"z\n'))
    note = "return document.querySelector('dialog .note').innerText"
    console.js(CHOOSE, "encoding", "gb18030")
    console.js(CHOOSE, "nulls", "w")
    wait_for("the preview", lambda: "NULL" in str(sample(console)))
    console.js(CHOOSE, "encoding", "utf-16-le")
    wait_for("the error", lambda: "UTF-16" in console.js(note))
    assert "nothing has changed" in console.answer("Cancel")


def test_a_person_can_ask_for_the_options(console: Console, tmp_path: Path) -> None:
    console.open()
    console.js("document.getElementById('import-options').click()")
    asked = console.import_file(file_of(tmp_path, "id,name\n1,Ada\n2,Bob\n"))
    assert "Import “data.csv”" in asked
    assert sample(console)[0] == ["id", "name"]
    assert "Imported 2 rows" in console.answer("Import")


def test_a_table_whose_name_is_taken_gets_one_without_a_blank(
    console: Console, tmp_path: Path
) -> None:
    console.open()
    file = file_of(tmp_path, "id,name\n1,Ada\n2,Bob\n", "m0.csv")
    console.import_file(file)
    assert "exists already" in console.import_file(file)
    console.answer("Keep both")
    assert console.tables() == ["m0", "m0_2"]


def is_dropping(console: Console, wanted: bool) -> bool:
    """Whether the page says that files can be dropped, or does not, as it is wanted."""
    shown: bool = console.js("return !document.getElementById('drop').hidden")
    return shown == wanted


def test_a_folder_that_is_dragged_onto_the_page_is_imported(
    console: Console, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    (folder / "inner").mkdir(parents=True)
    file_of(folder, "id,name\n1,Ada\n2,Bob\n", "people.csv")
    file_of(folder / "inner", "id,city\n1,Ulm\n2,Rom\n3,Bonn\n", "cities.csv")
    console.open()
    browser = console.browser
    assert isinstance(browser, Chromium)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for event, is_hidden in (("dragEnter", False), ("dragOver", False), ("drop", True)):
        place = {"type": event, "x": 600, "y": 400, "data": data}
        browser.driver.execute_cdp_cmd("Input.dispatchDragEvent", place)
        wait_for(f"{event}", partial(is_dropping, console, not is_hidden))
    wait_for("the imports", lambda: console.tables() == ["cities", "people"])
    console.run_sql("SELECT (SELECT count(*) FROM cities) AS c, (SELECT count(*) FROM people) AS p")
    assert console.rows() == [["3", "2"]]


@pytest.mark.firefox
def test_a_doubtful_file_is_shown_and_imported_in_firefox(
    firefox_console: Console, tmp_path: Path
) -> None:
    console = firefox_console
    console.open()
    asked = console.import_file(file_of(tmp_path, "52,520;Ann\n48,857;Bob\n"))
    assert "Import “data.csv”" in asked
    assert sample(console) == [["column1", "column2"], ["52,520", "Ann"], ["48,857", "Bob"]]
    doubts = "return document.querySelector('dialog[open] .doubts').innerText"
    assert "may be a number with a decimal comma" in console.js(doubts)
    choose(console, "header", True, [["52,520", "Ann"], ["48,857", "Bob"]])
    choose(console, "delimiter", ",", [["52", "520;Ann"], ["48", "857;Bob"]])
    console.answer("Import")
    assert console.tables() == ["data"]
    console.run_sql('SELECT count(*) AS n, sum("52") AS s FROM data')
    assert console.rows() == [["1", "48"]]
    assert console.errors() == []
