"""Where one SQL statement ends and the next begins.

SQLite's own ``sqlite3_complete`` decides that, so triggers, strings and comments come out as in
the sqlite3 shell. It reads a text from its start, though, and calling it at each of many
semicolons would take quadratic time. So this module steps over strings and comments itself, and
within a trigger's body it passes only the text since the last semicolon: all that SQLite
remembers at that point is that it is inside a trigger, which a prefix (``_IN_TRIGGER``) restores.
"""

import re
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Statement", "split", "texts"]


class Statement(NamedTuple):
    """One statement, the bytes ``sql[start:end]`` of a script.

    Attributes:
        start: Where its first token begins.
        end: Behind its semicolon, or the end of the script's text.
        line: In which line it begins, from 1; LF, CR LF and CR each end a line.
    """

    start: int
    end: int
    line: int


_BLANKS = b" \t\n\f\r"

# What may stand before a statement: blanks, a byte order mark, comments, empty statements.
_BEFORE = re.compile(rb"(?:[ \t\n\f\r;]|\xef\xbb\xbf|--[^\n]*+|/\*.*?(?:\*/|\Z))*+", re.DOTALL)

# A semicolon, or a string, name or comment, within which a semicolon ends nothing. One that is
# never closed runs to the end of the text.
_STOP = re.compile(
    rb""";|'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)"""
    rb"""|--[^\n]*+|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)

_IN_TRIGGER = "CREATE TRIGGER t;"


def split(sql: bytes, start: int = 0) -> Iterator[Statement]:
    """The statements of a script in UTF-8, from byte ``start`` on, where a statement begins.

    The last one need not be complete. Lazy; the time is linear in the length of the script.
    """
    line, counted = 1, 0
    while True:
        before = _BEFORE.match(sql, start)
        assert before is not None
        start = before.end()
        if start == len(sql):
            return
        end = _end(sql, start)
        # Counted from one statement to the next, so never from between a CR and its LF, and no
        # byte twice.
        line += _line_ends(sql, counted, start)
        counted = start
        yield Statement(start, end, line)
        start = end


def texts(sql: bytes, start: int = 0) -> Iterator[str]:
    """The statements of a script as text, as of split()."""
    return (sql[each.start : each.end].decode() for each in split(sql, start))


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
        # sqlite3_complete would take a NUL for the end of the text.
        text = sql[since : stop.end()].decode("utf-8", "replace").replace("\0", " ")
        if sqlite3.complete_statement(context + text):
            return stop.end()
        context, since = _IN_TRIGGER, stop.end()
    return start + len(sql[start:].rstrip(_BLANKS))
