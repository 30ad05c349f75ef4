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
        self._view = dom.create_editor(dom.by_id("editor"), self._on_run, "text")
        self._view.restore(STARTER)
        if dom.is_apple():
            dom.by_id("shortcut").querySelector("kbd").textContent = "⌘"

    def on_run(self, run):
        """``run()`` is called for Ctrl/⌘+Enter."""
        self._run = run

    def _on_run(self):
        return self._run()

    def speak(self, keywords, functions):
        """Tells which keywords and functions the engine has."""
        self._view.speak(json.dumps({"keywords": keywords, "functions": functions}))

    def know(self, head):
        """Tells which tables and columns there are, for completion: a reply's JSON with a schema.

        Not made into JSON again, which takes MicroPython seconds where there are thousands.
        """
        self._view.know(head)

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

    def line_at(self, position):
        """The line, from 1, of a position."""
        return self._view.lineAt(position)

    def clear_marks(self):
        """Takes underlines away."""
        self._view.clearMarks()

    def focus(self):
        """Puts the cursor into the editor."""
        self._view.focus()
