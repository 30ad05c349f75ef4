"""Indexes that would help a query, as SQLite's own planner chooses them.

The planner is asked: in a scratch database in memory with the tables that the query reads, empty,
and the statistics that ANALYZE has made of them. There every column that the query reads has an
index; what the planner uses of these is extended column by column as long as the plan gets better.
The database itself is not touched.

Source: sqlite.org/cli.html#index_recommendations_sqlite_expert_, which goes about it in that way.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from time import perf_counter
from typing import Any, NamedTuple

from ..host import Engine
from .names import named
from .parameters import Values
from .plan import Step, steps

__all__ = ["Advice", "advise"]

MOST_SECONDS = 0.5
"""Seconds after which the search ends with what it has found."""
MOST_INDEXES = 3
MOST_COLUMNS = 3
MOST_TRIED = 64
"""Columns of a table that are tried; more have only the tables of machines."""

_ID = "sahpool_tried_"
_OBJECT = re.compile(r"CREATE (TABLE|VIRTUAL TABLE|UNIQUE INDEX|INDEX|VIEW) ")
_MISSING = re.compile(r"no such table: (.+)", re.DOTALL)
_NO_COLLATION = re.compile(r"no such collation sequence: (.+)", re.DOTALL)
_SORTS = {"sort", "sort-last", "group", "distinct", "distinct-values", "sorted-values"}
_SCANS = {"scan", "scan-index", "scan-covering", "automatic"}
_COSTS = {**dict.fromkeys(_SORTS | _SCANS, 2), "sort-last": 1}
_FOLDS = re.compile(r"\b(?:NOCASE|LIKE)\b", re.IGNORECASE)

Query = Callable[..., list[tuple[Any, ...]]]
"""Runs a query of the service's own in the database that the advice is about."""


class _TimeIsUpError(Exception):
    """The search has taken MOST_SECONDS."""


class Column(NamedTuple):
    """A column of an index."""

    name: str
    descends: bool = False
    folds: bool = False


class Made(NamedTuple):
    """An index as a person would make it: its table, its columns, the statement that makes it."""

    table: str
    columns: list[str]
    create: str


class Advice(NamedTuple):
    """Indexes that the planner would use.

    Attributes:
        indexes: The indexes; each is of use only beside the others.
        why: What they spare: "automatic" (making an index each time), "sort" or "scan".
    """

    indexes: list[Made]
    why: str


class Index(NamedTuple):
    """An index that is tried."""

    schema: str
    table: str
    columns: tuple[Column, ...]

    def with_column(self, column: Column) -> Index:
        """An index with one more column."""
        return self._replace(columns=(*self.columns, column))

    def terms(self, keywords: Iterable[str] | None = None) -> list[str]:
        """Its columns, as CREATE INDEX has them; ``keywords`` as of names.named()."""
        return [
            named(each.name, keywords)
            + (" COLLATE NOCASE" if each.folds else "")
            + (" DESC" if each.descends else "")
            for each in self.columns
        ]


class Score(NamedTuple):
    """How bad a plan is: the less, the better."""

    costly: int
    """How often it reads whole tables, makes indexes for itself, or sorts; by _COSTS."""
    lacking: int
    """How many terms rows are looked up by, below zero."""


def advise(query: Query, engine: Engine, sql: str, parameters: Values) -> Advice | None:
    """The indexes that would help a query that only reads; None: none would.

    Args:
        query: Runs a query in the database.
        engine: Has the functions that every connection has.
        sql: The query.
        parameters: Stand-ins for its parameters.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)) as con:
        scratch = _Scratch(con, query, engine, sql, parameters)
        try:
            scratch.build()
            before = scratch.plan()
            indexes = _best(scratch, _score(before))
            after = scratch.plan_with(indexes)
        except (sqlite3.Error, _TimeIsUpError):
            # Something of the schema may not be there: a module, a collation of another program.
            return None
    if not indexes:
        return None
    taken, keywords = _names(query), engine.keywords()
    made = [_made(each, taken, keywords) for each in indexes]
    return Advice(made, _why(before, after))


def _best(scratch: _Scratch, base: Score) -> list[Index]:
    """The indexes with which the plan is best; none if it is not better than without."""
    columns = scratch.columns
    singles = [
        Index(*table, (Column(name, folds=folds),))
        for table in columns
        for name in columns[table]
        for folds in ((False, True) if scratch.folds else (False,))
    ]
    indexes = _needed(scratch, scratch.used(singles))[:MOST_INDEXES]
    for number in range(len(indexes)):
        indexes = _extended(scratch, indexes, number)
    indexes = _needed(scratch, indexes)
    # An index that only looks up by one more term, or spares whole rows, may not be worth it.
    return indexes if _score(scratch.plan_with(indexes)).costly < base.costly else []


def _needed(scratch: _Scratch, indexes: list[Index]) -> list[Index]:
    """Those of the indexes without which the plan would be worse."""
    score = _score(scratch.plan_with(indexes))
    for index in list(indexes):
        others = [each for each in indexes if each is not index]
        if _score(scratch.plan_with(others)) <= score:
            indexes = others
    return indexes


def _extended(scratch: _Scratch, indexes: list[Index], number: int) -> list[Index]:
    """The indexes, to one of which as many columns were added as make the plan better."""
    score = _score(scratch.plan_with(indexes))
    while len(indexes[number].columns) < MOST_COLUMNS:
        index = indexes[number]
        names = {each.name for each in index.columns}
        longer = [
            [*indexes[:number], index.with_column(Column(name, descends)), *indexes[number + 1 :]]
            for name in scratch.columns[index.schema, index.table]
            if name not in names
            for descends in ((False, True) if score.costly else (False,))
        ]
        scored = [(_score(scratch.plan_with(each)), each) for each in longer]
        lowest = min(scored, key=lambda each: each[0], default=None)
        if lowest is None or lowest[0] >= score:
            break
        score, indexes = lowest
    return indexes


def _score(plan: list[Step]) -> Score:
    made = {each.params["name"] for each in plan if each.code in ("materialize", "co-routine")}
    costly = sum(_COSTS.get(each.code, 0) for each in plan if each.params.get("table") not in made)
    # What is looked up in an index of the statement's own is no gain.
    return Score(costly, -sum(each.terms for each in plan if each.code != "automatic"))


def _why(before: list[Step], after: list[Step]) -> str:
    def count(plan: list[Step], codes: set[str]) -> int:
        return sum(each.code in codes for each in plan)

    if count(after, {"automatic"}) < count(before, {"automatic"}):
        return "automatic"
    return "sort" if count(after, _SORTS) < count(before, _SORTS) else "scan"


def _names(query: Query) -> set[str]:
    names: set[str] = set()
    for (schema,) in query("SELECT name FROM pragma_database_list"):
        rows = query(f"SELECT name FROM {named(schema)}.sqlite_schema")
        names |= {name.lower() for (name,) in rows}
    return names


def _made(index: Index, taken: set[str], keywords: Iterable[str]) -> Made:
    """An index under a name that is not taken, which then is."""
    stem = "_".join([index.table, *(each.name for each in index.columns)])[:60]
    name, number = stem, 1
    while name.lower() in taken or name.lower().startswith("sqlite_"):
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    terms = index.terms(keywords)
    shown = named(name, keywords)
    where = shown if index.schema == "main" else f"{named(index.schema, keywords)}.{shown}"
    create = f"CREATE INDEX {where} ON {named(index.table, keywords)} ({', '.join(terms)})"
    return Made(index.table, terms, create)


def _nothing(*_arguments: object) -> None:
    return None


def _alike(_one: str, _other: str) -> int:
    return 0


def _noting(read: list[tuple[str, str, str]]) -> Callable[..., int]:
    """An authorizer that allows everything, and notes which columns are read."""

    def note(
        action: int, table: str | None, column: str | None, schema: str | None, _by: str | None
    ) -> int:
        if action == sqlite3.SQLITE_READ and table and column and schema:
            read.append((schema, table, column))
        return sqlite3.SQLITE_OK

    return note


class _Scratch:
    """The scratch database.

    Attributes:
        columns: (schema, table) → the columns that the query reads of it and that may be in an
            index.
        folds: Whether the query may compare texts without regard to case.
    """

    def __init__(
        self, con: sqlite3.Connection, query: Query, engine: Engine, sql: str, parameters: Values
    ) -> None:
        self.columns: dict[tuple[str, str], list[str]] = {}
        self.folds = _FOLDS.search(sql) is not None
        self._con = con
        self._query = query
        self._engine = engine
        self._sql = sql
        self._parameters = parameters
        self._end = perf_counter() + MOST_SECONDS
        self._made: dict[Index, str] = {}
        self._count = 0
        self._foreign: set[str] = set()

    def build(self) -> None:
        """Makes the tables and views that the query reads; raises sqlite3.Error if one cannot."""
        for function in self._engine.functions():
            self._con.create_function(function.name, function.arguments, _nothing)
        for aggregate in self._engine.aggregates():
            # Not one of its own methods is called: nothing runs here.
            made: Any = aggregate.make
            self._con.create_window_function(aggregate.name, aggregate.arguments, made)
        schemas = [name for (name,) in self._query("SELECT name FROM pragma_database_list")]
        schemas = list(dict.fromkeys(["temp", *schemas]))
        for schema in schemas:
            if schema not in ("main", "temp"):
                self._con.execute(f"ATTACH ':memory:' AS {named(schema)}")
        for schema, table, column in self._read(schemas):
            self._note_column(schema, table, column)
        for schema in schemas:
            self._copy_statistics(schema)

    def _read(self, schemas: list[str]) -> list[tuple[str, str, str]]:
        """The columns that the query reads, (schema, table, column), once what it needs is made."""
        missing = ""
        while True:
            read: list[tuple[str, str, str]] = []
            self._con.set_authorizer(_noting(read))
            try:
                self.plan()
                return read
            except sqlite3.OperationalError as error:
                found = _MISSING.fullmatch(str(error))
                if found is None or found[1] == missing:
                    raise
                missing = found[1]
            finally:
                self._con.set_authorizer(None)
            for schema in schemas:
                self._copy(schema, missing.removeprefix(f"{schema}."))
            self._engine.add_table_functions(self._con, missing.rpartition(".")[2])

    def _copy(self, schema: str, name: str) -> None:
        """Makes a table or view of that name, with the indexes that it has."""
        rows = self._query(
            f"SELECT sql FROM {named(schema)}.sqlite_schema"
            " WHERE tbl_name = ? COLLATE NOCASE AND type <> 'trigger' AND sql IS NOT NULL"
            " ORDER BY type <> 'table'",
            (name,),
        )
        for (sql,) in rows:
            found = _OBJECT.match(sql)
            if found is None:
                continue
            put = f"CREATE {found[1]} {named(schema)}.{sql[found.end() :]}"
            self._execute(put)

    def _execute(self, sql: str, parameters: Values = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement, for which collations of other programs have stand-ins."""
        while True:
            try:
                return self._con.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                found = _NO_COLLATION.fullmatch(str(error))
                if found is None or found[1] in self._foreign:
                    raise
                self._foreign.add(found[1])
                self._con.create_collation(found[1], _alike)

    def _copy_statistics(self, schema: str) -> None:
        try:
            rows = self._query(f"SELECT tbl, idx, stat FROM {named(schema)}.sqlite_stat1")
        except sqlite3.Error:
            return  # nothing was analysed
        self._con.execute(f"ANALYZE {named(schema)}")
        put = f"INSERT INTO {named(schema)}.sqlite_stat1 VALUES (?, ?, ?)"
        self._con.executemany(put, rows)
        self._con.execute(f"ANALYZE {named(schema)}.sqlite_schema")

    def _note_column(self, schema: str, table: str, column: str) -> None:
        found = self._con.execute(
            "SELECT c.name, c.pk = 1 AND upper(c.type) = 'INTEGER' AND t.wr = 0 AND NOT EXISTS"
            " (SELECT 1 FROM pragma_table_xinfo(t.name, t.schema) o WHERE o.pk > 1)"
            " FROM pragma_table_list(?) t, pragma_table_xinfo(t.name, t.schema) c"
            " WHERE t.schema = ? AND t.type = 'table' AND c.name = ? COLLATE NOCASE",
            (table, schema, column),
        ).fetchone()
        if found is None or found[1]:
            return  # a view, a virtual table, the rowid under a name of its own
        columns = self.columns.setdefault((schema, table), [])
        if found[0] not in columns and len(columns) < MOST_TRIED:
            columns.append(found[0])

    def plan(self) -> list[Step]:
        """The plan of the query with the indexes that there are.

        Raises:
            _TimeIsUpError: The time of the search is up.
        """
        if perf_counter() > self._end:
            raise _TimeIsUpError
        return list(steps(self._execute("EXPLAIN QUERY PLAN " + self._sql, self._parameters)))

    def plan_with(self, indexes: list[Index]) -> list[Step]:
        """The plan with these indexes and no others that are tried."""
        self._keep(indexes)
        return self.plan()

    def used(self, indexes: list[Index]) -> list[Index]:
        """Those of the indexes that the planner uses when it has the choice."""
        used = {each.params.get("index") for each in self.plan_with(indexes)}
        return [each for each in indexes if self._made.get(each) in used]

    def _keep(self, indexes: list[Index]) -> None:
        wanted = set(indexes)
        for index in [each for each in self._made if each not in wanted]:
            self._con.execute(f"DROP INDEX {named(index.schema)}.{self._made.pop(index)}")
        for index in indexes:
            if index in self._made:
                continue
            self._count += 1
            name = f"{_ID}{self._count}"
            terms = ", ".join(index.terms())
            where = f"{named(index.schema)}.{name}"
            with suppress(sqlite3.OperationalError):  # a generated column that is not deterministic
                self._con.execute(f"CREATE INDEX {where} ON {named(index.table)} ({terms})")
                if self._is_foreign(name):
                    self._con.execute(f"DROP INDEX {where}")
                else:
                    self._made[index] = name

    def _is_foreign(self, index: str) -> bool:
        """Whether an index is in the order of a collation of another program (``collations``)."""
        found = self._con.execute("SELECT coll FROM pragma_index_xinfo(?)", (index,))
        return any(collation in self._foreign for (collation,) in found)
