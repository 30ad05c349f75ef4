"""The SQL editor and its text, which is kept across reloads."""

import json

import dom
import words

STARTER = """\
-- SQL runs here, in this browser. Ctrl+Enter (or ⌘+Enter) runs it.
SELECT 'Hello' AS greeting, sqlite_version() AS sqlite, date('now') AS today;
"""


class Editor:
    """CodeMirror, seen from Python; positions are UTF-16 units as the editor counts them."""

    def __init__(self):
        self._run = lambda: None
        self._generated = STARTER
        self._view = dom.create_editor(dom.by_id("editor"), self._on_run, self.keep)
        text = dom.recall("text")
        self._view.replace(STARTER if text is None or not text.strip() else text)
        dom.listen_window("pagehide", lambda _event: self.keep())
        if dom.is_apple():
            dom.by_id("shortcut").querySelector("kbd").textContent = "⌘"

    def on_run(self, run):
        """``run()`` is called for Ctrl/⌘+Enter."""
        self._run = run

    def _on_run(self):
        return self._run()

    def keep(self):
        """Remembers the text for the next visit."""
        dom.remember("text", self._view.text())

    def speak(self, keywords, functions):
        """Tells which keywords and functions the engine has."""
        self._view.speak(json.dumps({"keywords": keywords, "functions": functions}))

    def know(self, schema):
        """Tells which tables and columns there are, for completion."""
        self._view.know(json.dumps(schema))

    def chosen(self):
        """What is to be run: (text, position of its first character)."""
        chosen = json.loads(self._view.chosen())
        return chosen["text"], chosen["from"]

    def offer(self, text):
        """Puts a statement in place: instead of what nobody has edited, else below the rest.

        Answers the position at which it begins.
        """
        current = self._view.text()
        if not current.strip() or current == self._generated:
            self._view.replace(text)
            self._generated = text
            return 0
        self._view.append(text)
        self._generated = None
        return self.chosen()[1]

    def mark(self, origin, sql, offset, message):
        """Underlines the error at byte ``offset`` of ``sql``; answers "line:column" or ""."""
        return self._view.mark(origin, sql, offset, words.brief(message, 200))

    def line_of(self, origin, sql, offset):
        """The line (from 1) in which byte ``offset`` of ``sql`` lies."""
        return self._view.lineOf(origin, sql, offset)

    def clear_marks(self):
        """Takes underlines away."""
        self._view.clearMarks()

    def focus(self):
        """Puts the cursor into the editor."""
        self._view.focus()
