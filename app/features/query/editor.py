"""The SQL editor and its text, which is kept across reloads."""

import json

from core import dom
from core.errors import RequestError
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json
    from polyscript.js_modules import Script

    from core.console import Console


class Editor:
    """The CodeMirror editor, for Python: its text stays in JavaScript, however long it is."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._view = dom.create_editor(
            dom.by_id("editor"),
            lambda: console.commands.press("Mod-Enter"),
            {
                "label": text("editor.label"),
                "placeholder": text("editor.placeholder"),
                "unkept": text("editor.unkept"),
            },
        )
        self._view.restore(text("editor.starter"))
        if dom.is_apple():
            dom.by_id("shortcut").querySelector("kbd").textContent = "⌘"

    async def learn(self) -> None:
        """Asks the worker for SQLite's keywords and functions, for completion."""
        try:
            reply = await self._console.client.ask("words")
        except RequestError as error:
            if error.kind != "Restarted":
                self._console.trouble.show(error.error)
            return
        words = {"keywords": reply["keywords"], "functions": reply["functions"]}
        self._view.speak(json.dumps(words))

    def know(self, reply: "Json") -> None:
        """Gives the tables and columns of a reply with a schema to the editor, for completion.

        Passes the reply's JSON text on: encoding thousands of tables again takes MicroPython
        seconds.
        """
        self._view.know(reply["head"])

    def chosen(self) -> "Script":
        """Return what is to be run, which stays in JavaScript (app/parts/script.mjs)."""
        return self._view.chosen()

    def offer(self, sql: str) -> None:
        """Puts a statement into the editor, so that it is what ``chosen`` returns.

        It replaces text that the page put there and nobody edited; else it is appended.
        """
        self._view.offer(sql)

    def clear_marks(self) -> None:
        """Removes the underlines of errors."""
        self._view.clearMarks()

    def focus(self) -> None:
        """Puts the cursor into the editor."""
        self._view.focus()
