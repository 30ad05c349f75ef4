"""Where one SQL statement ends and the next begins.

SQLite's own ``sqlite3_complete`` decides that, so triggers, strings and comments come out as in
the sqlite3 shell.  It looks at a text from its start, though, and asking it anew at each of many
semicolons would take quadratic time.  So strings and comments are stepped over here, and of a
trigger's body only what came since the last semicolon is asked about: all that SQLite remembers
at that point is that it is inside a trigger.
"""

import re
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Statement", "split"]


class Statement(NamedTuple):
    """The bytes ``sql[start:end]`` of a script: from the first token to the closing semicolon.

    ``line`` is the one it begins in, counted from 1; LF, CR LF and CR each end a line.
    """

    start: int
    end: int
    line: int


_BLANKS = b" \t\n\f\r"

# What may stand before a statement: blanks, a byte order mark, comments, empty statements.
_BEFORE = re.compile(rb"(?:[ \t\n\f\r;]|\xef\xbb\xbf|--[^\n]*+|/\*.*?(?:\*/|\Z))*+", re.DOTALL)

# A semicolon, or something in which a semicolon would not count; unclosed, it runs to the end.
_STOP = re.compile(
    rb""";|'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)"""
    rb"""|--[^\n]*+|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)

_IN_TRIGGER = "CREATE TRIGGER t;"


def split(sql: bytes, start: int = 0) -> Iterator[Statement]:
    """The statements of a script in UTF-8, from byte ``start`` on, which begins a statement.

    The last one need not be complete.  Lazy, and linear in the length of the script.
    """
    line, counted = 1, 0
    while True:
        before = _BEFORE.match(sql, start)
        assert before is not None
        start = before.end()
        if start == len(sql):
            return
        end = _end(sql, start)
        # From one statement to the next: never between a CR and its LF, and no byte twice.
        line += _line_ends(sql, counted, start)
        counted = start
        yield Statement(start, end, line)
        start = end


def _line_ends(sql: bytes, start: int, end: int) -> int:
    returns = sql.count(b"\r", start, end)
    if returns:
        returns -= sql.count(b"\r\n", start, end)
    return sql.count(b"\n", start, end) + returns


def _end(sql: bytes, start: int) -> int:
    context, since = "", start
    for stop in _STOP.finditer(sql, start):
        if stop[0] != b";":
            continue
        # SQLite would take a NUL for the end of the text.
        text = sql[since : stop.end()].decode("utf-8", "replace").replace("\0", " ")
        if sqlite3.complete_statement(context + text):
            return stop.end()
        context, since = _IN_TRIGGER, stop.end()
    return start + len(sql[start:].rstrip(_BLANKS))
