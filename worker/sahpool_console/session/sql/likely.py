"""What a misspelt name was meant to be, and where in the statement it is.

SQLite names what it does not know; the nearest name of the database, of its functions or of SQL
that differs in a letter or two is offered. A letter too many, one too few, another one, and two in
the wrong order count as one each (the optimal string alignment distance).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from ..hints import Hint
from .hints import LONGEST_MESSAGE, LONGEST_STATEMENT, Found, Replacement, Situation
from .names import named
from .tokens import Token, tokens

__all__ = ["Names", "likely"]

MOST_NAMES = 20_000
"""Names that are compared; more take longer than a person waits."""


class Names(Protocol):
    """The names that a statement may use."""

    def tables(self) -> list[tuple[str, str]]:
        """Schema and name of every table and view."""

    def columns(self, schema: str, table: str) -> list[str]:
        """The columns of a table or view."""

    def functions(self) -> list[str]:
        """The SQL functions."""


def likely(situation: Situation, names: Names) -> Found | None:
    """What an error's unknown name was meant to be; None: the error names none, or nothing is near.

    Where the name stands is known even if nothing is near: then the hint is None.
    """
    if len(situation.message) > LONGEST_MESSAGE or len(situation.statement) > LONGEST_STATEMENT:
        return None
    for pattern, look in _KINDS:
        found = pattern.fullmatch(situation.message)
        if found is not None:
            text = situation.statement.decode("utf-8", "replace")
            without_texts = [each for each in tokens(text) if each.kind not in ("text", "blob")]
            return look(_Look(situation, text, without_texts, names), found["name"])
    return None


# --- the statement --------------------------------------------------------------------------------


class _Look(NamedTuple):
    """A statement with an error, its tokens but for texts and blobs, and the names it may use."""

    situation: Situation
    text: str
    tokens: list[Token]
    names: Names

    def from_offset(self) -> int:
        """The number of the first token from the place on that SQLite points at; 0: at none."""
        if self.situation.offset < 0:
            return 0
        at = len(self.situation.statement[: self.situation.offset].decode("utf-8", "replace"))
        numbers = (number for number, each in enumerate(self.tokens) if each.start >= at)
        return next(numbers, 0)

    def before(self, number: int) -> str:
        """The token before one, in upper case; empty: it is the first."""
        return self.tokens[number - 1].text.upper() if number else ""

    def after(self, number: int) -> str:
        """The token behind one; empty: it is the last."""
        return self.tokens[number + 1].text if number + 1 < len(self.tokens) else ""

    def called(self, name: str) -> list[int]:
        """The numbers of the tokens that are a name, from the place on that SQLite points at."""
        found = [number for number, each in enumerate(self.tokens) if _same(each.name, name)]
        begin = self.from_offset()
        return [number for number in found if number >= begin] or found

    def mentioned(self) -> list[tuple[str, str]]:
        """The tables and views whose names the statement has."""
        words = {each.name.casefold() for each in self.tokens if each.name is not None}
        return [each for each in self.names.tables() if each[1].casefold() in words]

    def common_tables(self) -> list[str]:
        """The names that WITH defines."""
        return [
            each.name
            for number, each in enumerate(self.tokens)
            if each.name is not None
            and self.after(number).upper() in ("AS", "(")
            and self.before(number) in ("WITH", "RECURSIVE", ",")
        ]

    def place(self, number: int) -> int:
        """The byte at which a token begins."""
        return len(self.text[: self.tokens[number].start].encode("utf-8", "replace"))

    def replacing(self, numbers: list[int], meant: str | None) -> Found | None:
        """What was meant in the place of some tokens; None: nothing is near."""
        if not numbers:
            return None
        place = self.place(numbers[0])
        if meant is None:
            return Found(None, place=place)
        replacements = [
            Replacement(self.place(each), len(self.tokens[each].text.encode()), meant)
            for each in numbers
        ]
        return Found(Hint("did-you-mean", {"name": meant}), tuple(replacements), place)

    def naming(self, numbers: list[int], name: str | None) -> Found | None:
        """The same for a name, which is quoted if it has to be."""
        return self.replacing(
            numbers, None if name is None else named(name, self.situation.keywords)
        )


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


# --- what is near ---------------------------------------------------------------------------------


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that differs least from a name, in a quarter of its letters or so at most."""
    wanted = name.casefold()
    least = 0 if len(wanted) <= 2 else 1 if len(wanted) <= 5 else 2 if len(wanted) <= 9 else 3
    best: str | None = None
    for number, candidate in enumerate(candidates):
        if number == MOST_NAMES:
            break
        folded = candidate.casefold()
        if candidate.lower() == name.lower() or abs(len(folded) - len(wanted)) > least:
            continue
        far = _distance(wanted, folded, least)
        # Of names that are as near, the first.
        if far < least or (far == least and best is None):
            best, least = candidate, far
        if least == 0:
            break
    return best


def _distance(one: str, other: str, most: int) -> int:
    """The optimal string alignment distance, or ``most + 1`` if it is more."""
    earlier: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and its == one[i - 2]:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        earlier, last = last, row
    return min(last[-1], most + 1)


# --- kinds of errors ------------------------------------------------------------------------------

_TABLE_FOLLOWS = {"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "REFERENCES", "VIEW", "."}


def _table(look: _Look, name: str) -> Found | None:
    """A table: all its places at once, for its columns may be qualified by its name."""
    schema, dot, rest = name.partition(".")
    tables = look.names.tables()
    if dot and any(_same(each, schema) for each, _ in tables):
        name = rest
        tables = [each for each in tables if _same(each[0], schema)]
    numbers = look.called(name)
    # What stands before a dot is the table, unless the statement calls another one by that name.
    is_alias = any(look.before(number) == "AS" for number in numbers)
    places = [
        number
        for number in numbers
        if look.before(number) in _TABLE_FOLLOWS or (look.after(number) == "." and not is_alias)
    ]
    known = [each for _, each in tables] + look.common_tables()
    return look.naming(places or numbers[:1], nearest(name, known))


def _column(look: _Look, name: str) -> Found | None:
    """A column of the tables that the statement names, else of any."""
    numbers = look.called(name)
    if not numbers:
        name = name.rpartition(".")[2]
        numbers = look.called(name)
    tables = look.mentioned() or look.names.tables()[:100]
    columns = [column for table in tables for column in look.names.columns(*table)]
    near = nearest(name, columns)
    if near is None and numbers and look.before(numbers[0]) == "SELECT":
        near = nearest(name, ("DISTINCT", "CASE", "NULL", "EXISTS"))
        if near is not None and look.tokens[numbers[0]].kind == "word":
            return _word(look, numbers[0], near)
        near = None
    return look.naming(numbers[:1], near)


def _function(look: _Look, name: str) -> Found | None:
    numbers = [number for number in look.called(name) if look.after(number) == "("]
    return look.naming(numbers[:1], nearest(name, look.names.functions()))


def _ambiguous(look: _Look, name: str) -> Found | None:
    """A column of several tables: which they are."""
    name = name.rpartition(".")[2]
    having = [
        table
        for schema, table in look.mentioned()
        if any(_same(column, name) for column in look.names.columns(schema, table))
    ]
    if not having:
        return None
    keywords = look.situation.keywords
    shown = [f"{named(_alias(look, table), keywords)}.{named(name, keywords)}" for table in having]
    numbers = look.called(name)
    return Found(
        Hint("several-tables", {"names": shown}), place=look.place(numbers[0]) if numbers else -1
    )


def _alias(look: _Look, table: str) -> str:
    """The name by which a statement knows a table."""
    keywords = frozenset(look.situation.keywords)
    for number in look.called(table):
        if look.before(number) not in ("FROM", "JOIN", ",", "."):
            continue
        behind = look.tokens[number + 1 : number + 3]
        if behind and behind[0].text.upper() == "AS":
            behind = behind[1:]
        if not behind or behind[0].name is None:
            continue
        if behind[0].kind != "word" or behind[0].text.upper() not in keywords:
            return behind[0].name
    return table


_WORDS = tuple(
    re.findall(
        r"\w+",
        "SELECT FROM WHERE GROUP ORDER BY HAVING LIMIT OFFSET DISTINCT VALUES INSERT INTO UPDATE "
        "SET DELETE REPLACE CREATE TABLE INDEX VIEW TRIGGER UNIQUE PRIMARY KEY FOREIGN REFERENCES "
        "DEFAULT CHECK CONSTRAINT COLUMN ALTER RENAME ADD DROP JOIN LEFT RIGHT INNER OUTER CROSS "
        "NATURAL USING UNION INTERSECT EXCEPT BETWEEN EXISTS COLLATE CASE WHEN THEN ELSE BEGIN "
        "COMMIT ROLLBACK SAVEPOINT RELEASE VACUUM ANALYZE PRAGMA EXPLAIN ATTACH DETACH RETURNING "
        "CONFLICT WITH RECURSIVE VIRTUAL TEMPORARY PARTITION OVER WINDOW FILTER GLOB LIKE",
    )
)


def _syntax(look: _Look, name: str) -> Found | None:
    """A word of SQL: the one that SQLite stumbles over, or the one before, taken for an alias."""
    number = look.from_offset()
    if look.situation.offset < 0:
        number = next((at for at, each in enumerate(look.tokens) if each.text == name), 0)
    for each in (number, number - 1):
        if not 0 <= each < len(look.tokens):
            continue
        token = look.tokens[each]
        if token.kind != "word" or token.text.upper() in look.situation.keywords:
            continue
        if _is_known(look, token.text):
            continue
        near = _near_word(token.text)
        if near is not None:
            return _word(look, each, near)
    return None


def _near_word(text: str) -> str | None:
    upper = text.upper()
    if len(upper) < 3:
        return "BY" if upper == "YB" else None
    near = nearest(upper, _WORDS)
    # Of a short word two other letters are another word.
    if near is None or (len(upper) <= 4 and _distance(upper, near, 2) > 1):
        return None
    return near


def _word(look: _Look, number: int, word: str) -> Found | None:
    """A word of SQL in the place of a token, in lower case where that is."""
    is_lower = look.tokens[number].text.islower()
    return look.replacing([number], word.lower() if is_lower else word)


def _is_known(look: _Look, name: str) -> bool:
    return any(
        _same(table, name) or any(_same(each, name) for each in look.names.columns(schema, table))
        for schema, table in look.mentioned()
    )


_KINDS = (
    (re.compile(r"no such table: (?P<name>.+)", re.DOTALL), _table),
    (re.compile(r"no such column: (?P<name>.+)", re.DOTALL), _column),
    (re.compile(r"table .+ has no column named (?P<name>.+)", re.DOTALL), _column),
    (re.compile(r"(?:no such|unknown) function: (?P<name>\w+)(?:\(\))?"), _function),
    (re.compile(r"ambiguous column name: (?P<name>.+)", re.DOTALL), _ambiguous),
    (re.compile(r'near "(?P<name>.+)": syntax error', re.DOTALL), _syntax),
)
