"""What a person can do about an error of SQLite in SQL that was written for another program.

``dialects.RULES`` is the table: an error message, what the statement looks like, and the hint's
code, for which the page has the words. Characters that were pasted from elsewhere, and words of SQL
that are used as names, have rules of their own: with their hints comes what to put in which place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..hints import Hint
from .dialects import FUNCTIONS, RULES, Rule

__all__ = ["Found", "Replacement", "Situation", "find"]


class Replacement(NamedTuple):
    """What to put in which place of the statement.

    Attributes:
        offset: The byte, in UTF-8, where the place begins.
        length: How many bytes it has.
        text: What stands there instead; empty: nothing.
    """

    offset: int
    length: int
    text: str


class Found(NamedTuple):
    """A hint, and what to replace so that the statement is what was meant.

    Attributes:
        hint: The hint; None: there is none.
        replacements: What to replace.
        place: The byte of the statement that the error is about; -1: where SQLite points.
    """

    hint: Hint | None
    replacements: tuple[Replacement, ...] = ()
    place: int = -1


class Situation(NamedTuple):
    """An error, as far as hints depend on it.

    Attributes:
        message: SQLite's error message.
        statement: The statement in UTF-8.
        offset: The byte of the statement that the error points at; -1: it points at none.
        keywords: The words of SQL, in upper case.
        open_for: Seconds since the open transaction began; None: none is open.
    """

    message: str
    statement: bytes
    offset: int
    keywords: Iterable[str]
    open_for: float | None = None


LONGEST_MESSAGE = 2_000
"""Characters of a message beyond which it tells about a value, and not about the SQL."""

LONGEST_STATEMENT = 500_000
"""Bytes of a statement that are compared with the table: each of its patterns reads them all."""


def find(situation: Situation) -> Found | None:
    """The hint for a situation; None: there is none."""
    if len(situation.message) > LONGEST_MESSAGE:
        return None
    text = situation.statement.decode("utf-8", "replace")
    if situation.message == "cannot start a transaction within a transaction":
        seconds = f"{situation.open_for or 0:.0f}"
        return Found(Hint("sql-transaction-is-open", {"seconds": seconds}))
    bare = _bare(text)
    pasted = _pasted(text, bare)
    if pasted is not None or len(situation.statement) > LONGEST_STATEMENT:
        return pasted
    return _by_rule(situation, text, bare) or _function(situation) or _keyword(situation, bare)


_QUOTED = re.compile(
    r"""'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)"""
    r"""|--[^\n]*+|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)


def _bare(text: str) -> str:
    """A statement with blanks for everything that is quoted or a comment; as long as before.

    The quotation marks stay.
    """

    def blank(found: re.Match[str]) -> str:
        whole = found[0]
        if whole.startswith(("--", "/*")) or len(whole) < 2:
            return " " * len(whole)
        return whole[0] + " " * (len(whole) - 2) + whole[-1]

    return _QUOTED.sub(blank, text)


# --- characters -----------------------------------------------------------------------------------

_INSTEAD = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u00b4\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    "\u037e": ";",
    "\u00d7": "*",
    "\u2217": "*",
    "\u00f7": "/",
    "\u2044": "/",
    "\u2215": "/",
    "\u2260": "<>",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2026": "...",
    "\u00ad": "",
}
"""Characters that no name of SQL is meant to have, and what stands for them on a keyboard."""

_NAMES = {
    "\u0085": "line break (NEL)",
    "\u00a0": "no-break space",
    "\u00ad": "soft hyphen",
    "\u00b4": "acute accent",
    "\ufeff": "byte order mark",
}


def _stands_for(letter: str) -> str | None:
    """What a character outside of quotes stands for; None: it may be part of a name."""
    if letter < "\x80":
        # SQLite takes these control characters for no blanks.
        return " " if letter in "\x0b\x1c\x1d\x1e\x1f" else "" if letter in "\x7f\0\x08" else None
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    kind = unicodedata.category(letter)
    if kind in ("Zs", "Zl", "Zp") or letter == "\x85":
        return "\n" if kind in ("Zl", "Zp") or letter == "\x85" else " "
    if kind in ("Cf", "Cc"):
        return ""
    if "\uff01" <= letter <= "\uff5e":  # full width forms, as Chinese and Japanese keyboards give
        plain = unicodedata.normalize("NFKC", letter)
        return None if plain.isalnum() else plain
    return None


_UNUSUAL = re.compile(r"[^\n\r\t\f -~]")


def _pasted(text: str, bare: str) -> Found | None:
    """A hint about characters that look like others; their replacements, all of the statement's."""
    found = [
        (each.start(), instead)
        for each in _UNUSUAL.finditer(bare)
        if (instead := _stands_for(each[0])) is not None
    ]
    if not found:
        return None
    replacements = tuple(_replacements(text, found))
    letter = text[found[0][0]]
    name = _NAMES.get(letter) or unicodedata.name(letter, "control character").lower()
    instead = found[0][1]
    point = f"{ord(letter):04X}"
    if instead == " ":
        hint = Hint("sql-pasted-space", {"name": name, "point": point})
    elif instead == "\n":
        hint = Hint("sql-pasted-line-break", {"name": name, "point": point})
    elif instead:
        hint = Hint("sql-pasted-replace", {"name": name, "point": point, "instead": instead})
    else:
        hint = Hint("sql-pasted-remove", {"name": name, "point": point})
    return Found(hint, replacements)


def _replacements(text: str, found: list[tuple[int, str]]) -> Iterator[Replacement]:
    offset = before = 0
    for at, instead in found:
        offset += len(text[before:at].encode("utf-8", "replace"))
        before = at
        yield Replacement(offset, len(text[at].encode("utf-8", "replace")), instead)


# --- the table ------------------------------------------------------------------------------------


def _by_rule(situation: Situation, text: str, bare: str) -> Found | None:
    for rule in RULES:
        message = rule.message.search(situation.message)
        if message is None:
            continue
        statement = _matching(rule, text, bare)
        if statement is None and (rule.bare is not None or rule.raw is not None):
            continue
        groups = {**message.groupdict(), **(statement.groupdict() if statement else {})}
        return Found(
            Hint(rule.code, {name: value for name, value in groups.items() if value is not None})
        )
    return None


def _matching(rule: Rule, text: str, bare: str) -> re.Match[str] | None:
    if rule.raw is not None:
        return rule.raw.search(text)
    return rule.bare.search(bare) if rule.bare is not None else None


_NO_FUNCTION = re.compile(r"(?:no such|unknown) function: (?P<name>\w+)(?:\(\))?\Z")


def _function(situation: Situation) -> Found | None:
    found = _NO_FUNCTION.search(situation.message)
    if found is None:
        return None
    name = found["name"]
    return Found(Hint(FUNCTIONS.get(name.lower(), "sql-function-unknown"), {"name": name}))


# --- words of SQL ---------------------------------------------------------------------------------

_NEAR = re.compile(r'near "(?P<word>\w+)": syntax error\Z')
_BEFORE = re.compile(r"""(\w+|[^\s\w])\s*\Z""")
_AFTER = re.compile(r"""\s*(\w+|[^\s\w]?)""")

#: After these a name follows.
_NAME_FOLLOWS = re.compile(
    r"AS|BY|EXISTS|FROM|INDEX|INTO|JOIN|SELECT|SET|TABLE|TO|TRIGGER|UPDATE|VIEW|WHERE|[.(,]"
)
#: These begin the next part of a statement, so they rather show that something is missing.
_PARTS = re.compile(
    r"EXCEPT|FROM|GROUP|HAVING|INTERSECT|JOIN|LIMIT|ON|ORDER|SELECT|SET|UNION|VALUES|WHERE"
)


def _keyword(situation: Situation, bare: str) -> Found | None:
    found = _NEAR.search(situation.message)
    if found is None or found["word"].upper() not in frozenset(situation.keywords):
        return None
    word = found["word"]
    offset = situation.offset
    if offset >= 0:
        at = len(situation.statement[:offset].decode("utf-8", "replace"))
    else:
        place = re.search(rf"\b{word}\b", bare)
        at = -1 if place is None else place.start()
    before = _BEFORE.search(bare[:at]) if at > 0 else None
    if before is None or not _NAME_FOLLOWS.fullmatch(before[1].upper()):
        return None
    after = _AFTER.match(bare[at + len(word) :])
    upper, follows = word.upper(), after[1].upper() if after else ""
    is_part = _PARTS.fullmatch(upper) and not (upper in ("ORDER", "GROUP") and follows != "BY")
    if is_part and before[1] in "(,":
        return Found(Hint("sql-comma-before", {"word": word}))
    if is_part and before[1] not in "." and before[1].upper() not in ("FROM", "TABLE", "INTO"):
        return None
    start = len(bare[:at].encode()) if offset < 0 else offset
    replacement = Replacement(start, len(word), f'"{word}"')
    return Found(Hint("sql-keyword-as-name", {"word": word}), (replacement,))
