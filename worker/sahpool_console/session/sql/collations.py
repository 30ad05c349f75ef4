"""Collations of other programs: stand-ins, so that their databases can be read.

A collation is a function of the program that opens a database: Android has LOCALIZED, Anki has
unicase. Without it SQLite refuses every statement that may need it, even counting the rows of a
table with an index of that order. A stand-in sorts and compares nearly so. But an index is in the
order of the other program: looking up a row by a stand-in may miss it, and writing by one would
damage the index for that program. So each statement is looked at before it runs (EXPLAIN). One that
would look up rows runs with the tables in the place of which it finds common table expressions that
read them without those indexes; one that would write is refused, and so is a lookup that cannot be
had otherwise. Of a collation that is not known, nothing is sorted or compared at all.

Source: sqlite.org/datatype3.html#collation, sqlite.org/opcode.html,
developer.android.com/reference/android/database/sqlite/SQLiteDatabase.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from unicodedata import combining, normalize

from ..errors import ForeignIndex

__all__ = ["Collations"]

_KNOWN = re.compile(
    r"LOCALIZED\w*|PHONEBOOK\w*|UNICODE\w*|IUNICODE|UNICASE|ICU\w*|\w*NOCASE\w*|LOCALE\w*|UTF8\w*"
    r"|SYSTEM\w*|NATURAL\w*|ALPHANUM\w*",
    re.IGNORECASE,
)
"""Collations that order texts as people do: of Android, Anki, Plex, Firefox, Zotero, media players
and others."""

_MISSING = re.compile(r"no such collation sequence: (.+)", re.DOTALL)
_KEY = re.compile(r"k\(\d+,(.*)\)", re.DOTALL)  # P4 of an opcode that compares keys
_COLLATION = re.compile(r"(.+)-\d+\Z", re.DOTALL)  # P4 of one that compares two values
_OWN = frozenset({"", "B", "BINARY", "NOCASE", "RTRIM"})

#: SQLite's error for a table WITHOUT ROWID whose key needs a collation that is missing.
_NO_PLAN = "no query solution"
_OF_INDEXES = """
    SELECT DISTINCT x.coll FROM main.sqlite_schema m, pragma_index_list(m.name) i,
        pragma_index_xinfo(i.name) x WHERE m.type = 'table' AND x.coll IS NOT NULL
"""

_INDEXED = """
    SELECT DISTINCT t.name, t.wr, x.coll
        FROM pragma_table_list t, pragma_index_list(t.name, 'main') i,
            pragma_index_xinfo(i.name, 'main') x
        WHERE t.schema = 'main' AND t.type = 'table' AND x.coll IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM temp.sqlite_schema s WHERE lower(s.name) = lower(t.name))
"""

_VIEWS = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'view'"
_VIEW = re.compile(
    r"CREATE\s+VIEW\s+((?:\w+|\"[^\"]+\"|`[^`]+`|\[[^]]+])(?:\s*\([^()]*\))?)\s+AS\b",
    re.IGNORECASE,
)

#: What a statement begins with that may have common table expressions.
_BEGINS = re.compile(
    r"(?P<with>WITH(?:\s+RECURSIVE)?)\b|(?:SELECT|VALUES|INSERT|REPLACE|UPDATE|DELETE)\b",
    re.IGNORECASE,
)
#: The table that an UPDATE changes, which no expression hides.
_UPDATED = re.compile(
    r"UPDATE\s+(?:OR\s+\w+\s+)?(?:\w+\s*\.\s*)?(?:\w+|\"[^\"]+\"|`[^`]+`|\[[^]]+])"
    r"(?:\s+AS\s+\w+)?(?=\s+SET\b)",
    re.IGNORECASE,
)
_ROWID = re.compile(r"\b(?:rowid|oid|_rowid_)\b", re.IGNORECASE)
_COUNT = re.compile(r"\bcount\s*\(\s*\*\s*\)", re.IGNORECASE)
_ALL_COLUMNS = re.compile(r"\*|\bNATURAL\b", re.IGNORECASE)

_LOOKS_UP = re.compile(
    r"Seek(?!End|Rowid|Scan|Hit)\w*|Found|NotFound|NoConflict|Idx(?:GE|GT|LE|LT)"
)
#: P5 of a comparison in which NULLs are alike, as between neighbours for DISTINCT.
_IS = 0x80
_OPENS = frozenset({"OpenRead", "ReopenIdx", "OpenWrite"})
_CHECKS = re.compile(
    r"VACUUM|REINDEX|ANALYZE|PRAGMA\s+(?:\w+\s*\.\s*)?(?:quick|integrity)_check", re.IGNORECASE
)

_Step = tuple[Any, ...]


@lru_cache(maxsize=1 << 16)  # a sort compares each text many times, and cannot be stopped meanwhile
def _key(text: str) -> tuple[str, str]:
    """What a text is compared by: first without accents and case."""
    plain = "".join(each for each in normalize("NFKD", text) if not combining(each))
    return plain.casefold(), text.casefold()


def _compare(one: str, other: str) -> int:
    first, second = _key(one), _key(other)
    return (first > second) - (first < second)


class Collations:
    """The stand-ins of one connection."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self._con = con
        self._names: set[str] = set()

    def add(self, error: sqlite3.Error, sql: str) -> bool:
        """Registers a stand-in for the collation that a statement lacked; returns whether it did.

        A statement that checks or rewrites indexes gets none.
        """
        if _CHECKS.match(sql):
            return False
        found = _MISSING.match(str(error))
        names = [found[1]] if found else []
        if str(error) == _NO_PLAN:
            names = [str(_text(name)) for (name,) in self._con.execute(_OF_INDEXES)]
        new = [name for name in names if name.upper() not in self._names | _OWN]
        for name in new:
            self._con.create_collation(name, _compare)
            self._names.add(name.upper())
        if new and str(error) == _NO_PLAN:
            self._reload_schema()
        return bool(new)

    def _reload_schema(self) -> None:
        """Has SQLite read the schema again: it has noted there that it cannot use the key."""
        ((tolerant,),) = self._con.execute("PRAGMA writable_schema").fetchall()
        self._con.execute("PRAGMA writable_schema=RESET")
        if tolerant:  # a newer SQLite's schema (sahpool.sqlite.newer)
            self._con.execute("PRAGMA writable_schema=ON")

    def safe(self, sql: str) -> str:
        """A statement that does the same without the order of another program's index.

        It is the statement itself where that needs no such index.

        Raises:
            ForeignIndex: It would write to such an index, or look up rows in one and cannot be run
                otherwise.
            sqlite3.OperationalError: It needs a collation that is not known.
        """
        if not self._names:
            return sql
        try:
            self._check(sql)
        except ForeignIndex:
            for other in self._without_indexes(sql):
                with suppress(sqlite3.Error, ForeignIndex):
                    self._check_program(self._explained(other))
                    return other
            raise
        return sql

    def _check(self, sql: str) -> None:
        if _CHECKS.match(sql):
            raise _missing(min(self._names))
        try:
            program = self._explained(sql)
        except sqlite3.Error as error:
            if _MISSING.match(str(error)):
                raise
            return  # the statement itself meets the same error, and is one that cannot be explained
        self._check_program(program)

    def _explained(self, sql: str) -> list[_Step]:
        return [tuple(map(_text, step)) for step in self._con.execute("EXPLAIN " + sql)]

    def _without_indexes(self, sql: str) -> Iterator[str]:
        """The statement with expressions that hide the tables with such indexes."""
        begin = _BEGINS.match(sql)
        if begin is None:
            return
        text = sql.lower()
        views = [] if begin["with"] else self._views(text)
        text = " ".join([text, *views]).lower()
        tables = [row for row in self._tables_with_indexes() if row[0].lower() in text]
        if not tables:
            return
        for rowid in ("", "rowid, ") if _ROWID.search(sql) else ("",):
            # An added column would be one more in SELECT * and NATURAL JOIN.
            if rowid and _ALL_COLUMNS.search(_COUNT.sub("", sql)):
                continue
            hidden = ", ".join([*(_hiding(*row, rowid) for row in tables), *views])
            if begin["with"]:
                yield f"{begin['with']} {hidden},{sql[begin.end() :]}"
            else:
                yield f"WITH {hidden} {_UPDATED.sub(_not_indexed, sql, count=1)}"

    def _tables_with_indexes(self) -> list[tuple[str, bool]]:
        """The names of tables with such an index, each with whether it is WITHOUT ROWID.

        A temporary table or view of the same name is what the statement means.
        """
        found: dict[str, bool] = {}
        for name, without_rowid, collation in self._con.execute(_INDEXED):
            if str(_text(collation)).upper() not in _OWN:
                found[str(_text(name))] = bool(without_rowid)
        return list(found.items())

    def _views(self, text: str) -> list[str]:
        """Common table expressions for the views that a text may name, and for the views of those.

        What a view reads cannot be a temporary table, so there are none if there is one of those.
        """
        found: dict[str, str] = {}
        if self._con.execute("SELECT 1 FROM temp.sqlite_schema LIMIT 1").fetchall():
            return []
        left = [tuple(map(str, map(_text, row))) for row in self._con.execute(_VIEWS)]
        while new := [row for row in left if row[0].lower() in text]:
            left = [row for row in left if row not in new]
            for name, sql in new:
                view = _VIEW.match(sql)
                if view is not None:
                    # A comment may stand at its end.
                    found[name] = f"{view[1]} AS ({sql[view.end() :]}\n)"
                    text += sql.lower()
        return list(found.values())

    def _check_program(self, program: Sequence[_Step]) -> None:
        indexes: dict[int, list[str]] = {}  # cursor → the collations of its columns
        sorts = compares = ""
        for _, opcode, cursor, _, _, told, flags, *_ in program:
            columns = _columns(told)
            foreign = next((each for each in columns if each.upper() not in _OWN), "")
            if opcode in _OPENS:
                if foreign and opcode == "OpenWrite":
                    raise ForeignIndex.written(foreign)
                indexes[cursor] = columns if foreign else []
            elif foreign and not _KNOWN.fullmatch(foreign):
                raise _missing(foreign)
            elif foreign and (opcode == "Compare" or (opcode in ("Eq", "Ne") and flags & _IS)):
                compares = foreign
            elif foreign and opcode == "SorterOpen":
                sorts = foreign
            elif _LOOKS_UP.fullmatch(opcode):
                self._check_lookup(indexes.get(cursor, []), told)
        if compares and not sorts and any(indexes.values()):
            # Rows come in the order of the index, in which those alike need not be neighbours.
            raise ForeignIndex.looked_up(compares)

    def _check_lookup(self, columns: list[str], told: object) -> None:
        """``told`` is how many columns of the key are looked up; 0: the whole key."""
        count = int(told) if isinstance(told, (int, str)) and str(told).isdigit() else 0
        for name in columns[: count or None]:
            if name.upper() not in _OWN:
                raise ForeignIndex.looked_up(name)


def _not_indexed(updated: re.Match[str]) -> str:
    return f"{updated[0]} NOT INDEXED"


def _hiding(table: str, without_rowid: bool, rowid: str) -> str:
    """A common table expression by a table's name that reads it without its indexes."""
    name = '"' + table.replace('"', '""') + '"'
    if without_rowid:
        # Its rows are in the index of its key: they are copied, and then looked up in the copy.
        return f"{name} AS MATERIALIZED (SELECT * FROM main.{name})"
    return f"{name} AS (SELECT {rowid}* FROM main.{name} NOT INDEXED)"


def _columns(told: object) -> list[str]:
    """The collations that P4 of an opcode names; a key has one for each column."""
    if not isinstance(told, str):
        return []
    key = _KEY.fullmatch(told)
    if key is not None:
        return [each.removeprefix("-") for each in key[1].split(",")]
    single = _COLLATION.fullmatch(told)
    return [single[1]] if single else []


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytearray) else value


def _missing(name: str) -> sqlite3.OperationalError:
    return sqlite3.OperationalError(f"no such collation sequence: {name}")
