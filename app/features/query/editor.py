"""The SQL editor and its text, which is kept across reloads."""

import json

from core import dom, format
from core.errors import RequestError
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json

    from core.console import Console


class Editor:
    """The CodeMirror editor, for Python; positions are in UTF-16 units, as CodeMirror counts."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._generated: "str | None" = text("editor.starter")
        self._view = dom.create_editor(
            dom.by_id("editor"),
            lambda: console.commands.press("Mod-Enter"),
            {
                "label": text("editor.label"),
                "placeholder": text("editor.placeholder"),
                "unkept": text("editor.unkept"),
            },
        )
        self._view.restore(self._generated)
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

    def chosen(self) -> "tuple[str, int]":
        """Return what is to be run: (text, position of its first character)."""
        chosen = json.loads(self._view.chosen())
        return chosen["text"], chosen["from"]

    def offer(self, sql: str) -> int:
        """Put a statement into the editor, and return the position at which it begins.

        It replaces text that the page put there and nobody edited; else it is appended.
        """
        current = self._view.text()
        if not current.strip() or current == self._generated:
            self._view.replace(sql)
            self._generated = sql
            return 0
        self._view.append(sql)
        self._generated = None
        return self.chosen()[1]

    def mark(self, origin: int, sql: str, offset: int, message: str) -> str:
        """Underline the error at byte ``offset`` of ``sql``, which begins at position ``origin``.

        Returns:
            "line:column", both from 1, or "" if the text has changed since.
        """
        return self._view.mark(origin, sql, offset, format.brief(message, 200))

    def line_at(self, position: int) -> int:
        """Return the number of the line, from 1, that a position is in."""
        return self._view.lineAt(position)

    def clear_marks(self) -> None:
        """Removes the underlines of errors."""
        self._view.clearMarks()

    def focus(self) -> None:
        """Puts the cursor into the editor."""
        self._view.focus()
