"""The console as a person uses it: one page object for every browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.browser import accessibility
from tests.browser.page import Page
from tests.browsers import Chromium, wait_for

RUN_SECONDS = 120.0

# Records every text of the status line, so that a short-lived one is not missed.
WATCH_STATUS = """
if (!window.statuses) {
  const line = document.getElementById("status-text");
  window.statuses = [line.textContent];
  new MutationObserver(() => statuses.push(line.textContent))
    .observe(line, { childList: true, characterData: true, subtree: true });
}
return statuses.length;
"""

# Pastes the value of an expression in the place of the whole text.
PASTE = """
const editor = document.querySelector('[role=textbox][aria-label="SQL"]');
editor.focus();
const common = { bubbles: true, cancelable: true };
const selectAll = { key: "a", code: "KeyA", keyCode: 65, ctrlKey: true, ...common };
editor.dispatchEvent(new KeyboardEvent("keydown", selectAll));
const clipboardData = new DataTransfer();
const data = (%s);
clipboardData.setData("text/plain", data);
// Firefox makes the clipboard of an event from the last two.
const clipboard = { clipboardData, data, dataType: "text/plain" };
editor.dispatchEvent(new ClipboardEvent("paste", { ...clipboard, ...common }));
"""

# Puts its first argument there.
TYPE = PASTE % "args[0]"

RUN = """
const cancel = document.getElementById("cancel");
await new Promise((resolve) => {
  let began = false;
  const observer = new MutationObserver(() => {
    began ||= !cancel.disabled;
    if (!began || !cancel.disabled) return;
    observer.disconnect();
    resolve();
  });
  observer.observe(cancel, { attributes: true, attributeFilter: ["disabled"] });
  if (args[0] === "button") document.getElementById("run-all").click();
  else {
    const enter = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, shiftKey: true };
    document.querySelector('[role=textbox][aria-label="SQL"]').dispatchEvent(
      new KeyboardEvent("keydown", { ...enter, bubbles: true, cancelable: true }));
  }
  if (args[1]) resolve();
});
"""

# The grid draws in the frames after its rows have changed. A cell's content is slotted into its
# shadow tree; the first column has the numbers of the rows.
READ_GRID = """
for (let frame = 0; frame < 3; frame++) {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
const grid = document.querySelector("vaadin-grid:not(.kept)");
if (!grid) return { names: [], rows: [], size: 0, first: null };
const content = (cell) => cell.querySelector("slot").assignedElements()[0];
const texts = (row) => [...row.children].slice(1).map((cell) => content(cell)?.textContent ?? "");
const header = grid.shadowRoot.querySelector("#header tr:last-child");
const rows = [...grid.shadowRoot.querySelectorAll("#items > tr")]
  .filter((row) => !row.hidden && row.index !== undefined && row.index < grid.size)
  .sort((one, other) => one.index - other.index);
return {
  names: header ? texts(header) : [],
  rows: rows.map(texts),
  kinds: rows.map((row) =>
    [...row.children].slice(1).map((cell) => content(cell)?.className ?? "")),
  size: grid.size,
  first: rows.length ? rows[0].index : null,
};
"""


class Console(Page):
    """The console on the page; its methods do what a person does, and read what a person sees."""

    # Running

    def type_sql(self, text: str) -> None:
        """Put ``text`` into the editor in place of what is there."""
        self.js(TYPE, text)

    def paste(self, expression: str) -> None:
        """Put the value of an expression in JavaScript into the editor: for very long texts."""
        self.js(PASTE % expression)

    def run_sql(self, text: str | None = None, *, by: str = "button", wait: bool = True) -> None:
        """Run all of ``text``, or of the editor's text, by the ``button`` or the ``key``.

        ``wait`` until the run has ended.
        """
        if text is not None:
            self.type_sql(text)
        self.js(RUN, by, not wait)

    def wait_idle(self) -> None:
        """Wait until nothing runs any more."""
        script = "return document.getElementById('cancel').disabled"
        wait_for("the run to end", lambda: self.js(script), RUN_SECONDS)

    def click(self, name: str) -> None:
        """Press the visible button of that name (or accessible name), once there is one.

        A dialog that is open by then has to be one that everybody can use (accessibility.py).
        """
        if isinstance(self.browser, Chromium) and self.question() is not None:
            found = accessibility.violations(self.browser)
            assert not found, found
        script = """
            const reachable = document.querySelector("dialog[open]") ?? document;
            const visible = [...reachable.querySelectorAll("button")].filter((button) =>
              button.checkVisibility() && !button.disabled);
            const button = visible.find((button) =>
              (button.ariaLabel ?? button.textContent.trim()) === args[0]);
            button?.click();
            return Boolean(button);
            """
        wait_for(f"a button {name!r} that can be pressed", lambda: self.js(script, name))

    def editor_text(self) -> str:
        """The lines of the editor that are drawn."""
        return str(
            self.js(
                "return [...document.querySelectorAll('.cm-line')]"
                ".map((line) => line.textContent).join('\\n')"
            )
        )

    # Reading

    def status(self) -> str:
        """The status line."""
        return str(self.js("return document.getElementById('status-text').innerText"))

    def error(self) -> str | None:
        """The text of the alert below the editor; None without one."""
        return self.js("return document.querySelector('[role=alert]').innerText.trim()") or None

    def error_code(self) -> str:
        """SQLite's code of the error that is shown, which is in its details."""
        return str(self.js("return document.querySelector('.trouble .code').firstChild.data"))

    def grid(self) -> dict[str, Any]:
        """The grid: ``names``, drawn ``rows``, their ``kinds`` (classes), ``size``, ``first``."""
        return dict(self.js(READ_GRID))

    def headers(self) -> list[str]:
        """The column names of the result that is shown."""
        return list(self.grid()["names"])

    def rows(self) -> list[list[str]]:
        """The rows that are drawn, top to bottom."""
        return [list(row) for row in self.grid()["rows"]]

    def row_count(self) -> int:
        """The number of rows that the grid can be scrolled through."""
        return int(self.grid()["size"])

    def scroll_to_row(self, index: int) -> list[str]:
        """Scroll until the row (from 0) is drawn; returns its cells."""
        self.js("document.querySelector('vaadin-grid:not(.kept)').scrollToIndex(args[0])", index)

        def drawn() -> list[str]:
            grid = self.grid()
            at = index - (grid["first"] or 0)
            cells = grid["rows"][at] if 0 <= at < len(grid["rows"]) else []
            return list(cells) if any(cells) else []

        return wait_for(f"row {index} to be drawn", drawn)

    def tabs(self) -> list[str]:
        """The texts of the tabs of a run with several results."""
        return list(
            self.js(
                "return [...document.querySelectorAll('[role=tab]')].map((tab) => tab.innerText)"
            )
        )

    def tables(self) -> list[str]:
        """The tables and views that the list "Schema" names."""
        return list(
            self.js(
                "return [...document.querySelectorAll('[aria-label=Schema] .browse .name')]"
                ".map((name) => name.textContent)"
            )
        )

    def schema(self) -> str:
        """The text of the list "Schema"."""
        return str(self.js("return document.querySelector('[aria-label=Schema]').innerText"))

    def database(self) -> str:
        """The name of the open database."""
        return str(self.js("return document.getElementById('database-name').textContent"))

    def question(self) -> str | None:
        """The text of the dialog that is open; ``click`` answers it."""
        return self.js("return document.querySelector('dialog[open]')?.innerText ?? null") or None

    # Files

    def import_file(self, *paths: Path, wait: bool = True) -> str:
        """Import files by the file input; returns the status line, or the question if one came."""
        before = self._watch_status()
        self.browser.choose_files("#import-file", *paths)
        return self.wait_imported(before, len(paths)) if wait else ""

    def wait_imported(self, before: int = 0, files: int = 1) -> str:
        """Wait until ``files`` imports have ended or one asks; return that text.

        ``before`` is how many texts of the status line were recorded before the import.
        """

        def ended() -> str:
            if asked := self.question():
                return asked
            told = self.js(f"{WATCH_STATUS.replace('return statuses.length', '')}return statuses")
            ends = [text for text in told[before:] if _is_end(text)]
            return str(ends[-1]) if len(ends) >= files else ""

        return wait_for("the import to end", ended, RUN_SECONDS)

    def answer(self, button: str) -> str:
        """Answer the import's question; returns how the import ended."""
        before = self._watch_status()
        self.click(button)
        return self.wait_imported(before)

    def export(self) -> Path:
        """Press Export; returns the downloaded file."""
        return self.download("Export")

    def download(self, button: str) -> Path:
        """Press a button; returns the file that it downloads."""
        known = set(self.browser.downloads.iterdir())
        self.click(button)

        def arrived() -> Path | None:
            fresh = set(self.browser.downloads.iterdir()) - known
            # Chromium writes a hidden file first, and renames it.
            unfinished = (".crdownload", ".part", ".tmp")
            whole = [p for p in fresh if p.suffix not in unfinished and p.name[0] != "."]
            # Firefox creates an empty file of the final name first.
            return whole[0] if len(fresh) == len(whole) == 1 and whole[0].stat().st_size else None

        path = wait_for("the download", arrived, RUN_SECONDS)
        assert path is not None
        size = -1
        while size != (size := path.stat().st_size):
            time.sleep(0.2)
        return path

    def _watch_status(self) -> int:
        return int(self.js(WATCH_STATUS))


def _is_end(status: str) -> bool:
    return status.startswith(("Imported", "Not imported")) or "was not imported" in status
