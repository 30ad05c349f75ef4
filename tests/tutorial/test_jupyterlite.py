"""JupyterLite: a person's way through its Lab, twice, the second time in a page loaded anew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import Browser, Chromium, wait_for
from tests.firefox import Firefox
from tests.tutorial import text

LAB = "jupyter/lab/index.html"
# With ``?reset`` it does not open again what was open: the launcher is there as on the first visit.
NOTEBOOK = ".jp-LauncherCard[data-category=Notebook]"
CELL = ".jp-Notebook .jp-CodeCell"

# A toolbar's button acts on mousedown.
RUN = """
document.querySelector('[data-command="notebook:run-cell-and-select-next"]').dispatchEvent(
  new MouseEvent("mousedown", { bubbles: true, cancelable: true, button: 0 }));
"""
TYPE = """
const cell = document.querySelector(".jp-Notebook .jp-mod-active .cm-content");
cell.focus();
document.execCommand("insertText", false, args[0]);
"""
CELLS = """
return [...document.querySelectorAll(args[0])].map((cell) => [
  cell.querySelector(".jp-InputPrompt").textContent,
  [...cell.querySelectorAll(".jp-OutputArea-output")].map((part) => part.innerText).join("\\n"),
]);
"""


class Lab:
    """The notebook that is open in JupyterLab."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def wait(self, selector: str) -> None:
        script = "return Boolean(document.querySelector(args[0]))"
        wait_for(selector, lambda: self.browser.evaluate(script, selector), 90)

    def click(self, selector: str) -> None:
        self.wait(selector)
        self.browser.evaluate("document.querySelector(args[0]).click()", selector)

    def cells(self) -> list[list[str]]:
        return list(self.browser.evaluate(CELLS, CELL))

    def run(self, number: int) -> str:
        """Runs the active cell, the ``number``-th from 1; its output."""

        def begun() -> bool:
            # A button that was pressed while the notebook was not ready has done nothing.
            if len(self.cells()) == number:
                self.browser.evaluate(RUN)
                time.sleep(1)
            return len(self.cells()) > number

        def ended() -> Any:
            prompt, output = self.cells()[number - 1]
            return prompt.strip("[]: ").isdigit() and [output.strip()]

        wait_for(f"cell {number} to be run", begun)
        return str(wait_for(f"the end of cell {number}", ended, 90)[0])

    def wait_ready(self) -> None:
        """What is run before there is a kernel is not run."""
        self.wait(f"{CELL}.jp-mod-active .cm-content")
        self.wait(".jp-KernelStatus-success")

    def write(self, number: int, code: str) -> str:
        """Types into the active cell and runs it."""
        self.browser.evaluate(TYPE, code.rstrip("\n"))
        return self.run(number)


@pytest.mark.parametrize(
    "browser",
    [
        pytest.param(Chromium, marks=pytest.mark.chrome),
        pytest.param(Firefox, marks=[pytest.mark.firefox, pytest.mark.slow]),
    ],
    indirect=True,
)
def test_a_notebook_s_rows_are_there_when_the_page_is_loaded_anew(
    browser: Browser, url: str, jupyter: Path
) -> None:
    lab = Lab(browser)
    cells = list(enumerate(text.cells(), 1))
    for page, count in ((LAB, "(1,)"), (LAB + "?reset", "(2,)")):
        browser.open(url + page)
        lab.click(NOTEBOOK)
        lab.wait_ready()
        assert [lab.write(number, code) for number, code in cells] == ["", "", count]
    assert lab.write(4, text.delete_everything() + "pool.file_names") == "[]"
