"""The SQL editor and its text, which is kept across reloads."""

import json

from core import dom
from core.errors import RequestError
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable

    from page_types import Json
    from polyscript.js_modules import Script

    from core.console import Console


class Editor:
    """The CodeMirror editor, for Python: its text stays in JavaScript, however long it is.

    ``on_run(script)`` is called for a statement that is to be run by itself.
    """

    def __init__(self, console: "Console", on_run: "Callable[[Script], object]") -> None:
        self._console = console
        self._run = dom.by_id("run-text")
        self._view = dom.create_editor(
            dom.by_id("editor"),
            console.commands.press,
            on_run,
            self._show_target,
            {
                "label": text("editor.label"),
                "placeholder": text("editor.placeholder"),
                "runThis": text("editor.run-this"),
                "unkept": text("editor.unkept"),
            },
        )
        self._view.restore(text("editor.starter"))
        if dom.is_apple():
            for key in dom.items(dom.by_id("tools").getElementsByClassName("mod")):
                key.textContent = "⌘"

    def _show_target(self, what: str, number: int, count: int) -> None:
        """Has the button say what it runs."""
        if what == "statement":
            said = text("editor.run-one", number=number, count=count)
        else:
            said = text("editor.run-selection" if what == "selection" else "editor.run-all")
        self._run.textContent = said

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
        """Return the selection, else the statement at the cursor.

        It stays in JavaScript (app/parts/script.mjs).
        """
        return self._view.chosen()

    def whole(self) -> "Script":
        """Return the whole text, likewise."""
        return self._view.whole()

    def apart(self, sql: str) -> "Script":
        """Return SQL of the page's own, which stands nowhere in the editor."""
        return self._view.apart(sql)

    def offer(self, sql: str) -> "Script":
        """Return a statement of the page's own; what a person has written stays as it is.

        A text that the page put into the editor, and nobody edited, is replaced by it.
        """
        return self._view.offer(sql)

    def edit(self, script: "Script") -> None:
        """Puts the text of a script below what a person has written, where they can edit it."""
        self._view.edit(script)

    async def format(self) -> None:
        """Formats the selection, else the whole text, and says how much that was."""
        told = await self._view.format()
        if not told:
            self._console.status.say(text("status.failed"))
            return
        numbers = json.loads(told)
        said = text("editor.formatted-nothing")
        if numbers["changed"]:
            said = text("editor.formatted", count=numbers["changed"])
        elif numbers["same"]:
            said = text("editor.formatted-already")
        if numbers["refused"]:
            said += " · " + text("editor.formatted-not", count=numbers["refused"])
        self._console.status.say(said)

    def clear_marks(self) -> None:
        """Removes the underlines of errors."""
        self._view.clearMarks()

    def focus(self) -> None:
        """Puts the cursor into the editor."""
        self._view.focus()
