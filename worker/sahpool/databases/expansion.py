"""Estimates from a schema's text how much SQLite must do to read the schema and compile it.

SQLite expands a view wherever it is named, and a virtual generated column wherever it is read.
If each names the previous one twice, thirty of them are a billion copies; if each is made of the
previous one, thousands of them are as many nested calls. SQLite then compiles for hours, or
overflows its stack and crashes the worker, and nothing can interrupt it (SQLite before 3.41 calls
no progress handlers there). So this module computes beforehand the number of copies, how deep they
are nested, and the time of comparisons (comparing.py). The length of a statement does not count:
SQLite's time is proportional to it.

Source: sqlite.org/lang_createview.html, lang_with.html, gencol.html; ``tokenize.c`` for the words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from . import comparing

__all__ = ["MAX_COPIES", "MAX_DEPTH", "excess"]

#: More than a schema has that was made for use. At these limits SQLite finishes in a moment, far
#: from the end of its stack (400 levels did no harm in any browser that was tried, 5,000 do).
MAX_COPIES, MAX_DEPTH = 10_000, 200
_WORDS = 200  # words of a definition that counts as one copy; a longer one counts as more
_EACH = 100  # copies that are allowed for each definition, as a schema may be large

#: Nanoseconds of one copy, about: MAX_COPIES take a second.
_COPY = 100_000

#: Nanoseconds to compare a name with one column of a table that a SELECT reads, for each token, of
#: which about half are names (lookupName in resolve.c compares with all columns of all tables: 3e9
#: comparisons took 1.8 s).
_LOOK = 0.3

#: How often quick_check compiles a generated column.
_CHECKS = 4

#: A pair of parentheses around numbers only, or a list of such pairs, is one token, because lists
#: of values are long.
_TOKEN = re.compile(
    r"""--[^\n]*+|/\*.*?(?:\*/|\Z)"""
    r"""|'(?:[^']|'')*+(?:'|\Z)|"(?:[^"]|"")*+(?:"|\Z)|`(?:[^`]|``)*+(?:`|\Z)"""
    r"""|\[[^\]]*+(?:\]|\Z)|[^\W\d][\w$]*+|\([\d\s.,]*+\)(?:\s*+,\s*+\([\d\s.,]*+\))*+|[(),.]""",
    re.DOTALL,
)
_MARKS = {"'": "'", '"': '"', "`": "`", "[": "]"}

#: Keywords that end a list of tables.
_NO_TABLES = frozenset(
    {"SELECT", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT"}
    | {"INTERSECT", "VALUES", "ON", "USING"}
)
_COMPOUND = frozenset({"UNION", "EXCEPT", "INTERSECT"})

#: Tokens that structure the groups of a view, and tokens that a table may follow.
_STRUCTURE = frozenset({"(", ")", "WITH", "FROM", "JOIN"}) | _NO_TABLES
_BEFORE_TABLE = frozenset({"FROM", "JOIN", ",", "(", ".", "IN"})

#: A table without this word has no generated columns.
_MAY_GENERATE = re.compile(r"\bas\b", re.IGNORECASE)


def _tokens(sql: str) -> Iterator[str]:
    """The names, keywords and relevant signs of a text, in upper case as SQLite compares them."""
    for found in _TOKEN.finditer(sql.upper()):
        token = found[0]
        if token[0] not in "-/":
            yield token


def _name(token: str) -> str:
    """A name without its quotes."""
    mark = _MARKS.get(token[0])
    return token if mark is None else token[1:].removesuffix(mark).replace(mark * 2, mark)


class _Group:
    """The text between two parentheses, or a whole statement.

    Attributes:
        above: The enclosing group.
        begins: Number of tokens before the group.
        tables: Name → body, of the common table expressions that are defined in the group.
        body: The definition that the group is part of: the statement, or a common table expression.
        lists_tables: Whether the current token is in a list of tables.
        defines: Whether a WITH clause has begun and its SELECT has not.
        since: Number of the token at which the current SELECT began.
        reads: Names in the place of tables in that SELECT.

    Attributes of a body:
        named: Names in the place of tables, each with its group.
        selects: For each SELECT its number of tokens, and the names in the place of its tables.
        words: Number of names, keywords and signs; each further eight letters of one count as well.
        has_star: Whether it may have more columns than words.
    """

    __slots__ = (
        *("above", "begins", "body", "defines", "has_star", "lists_tables", "named", "reads"),
        *("selects", "since", "tables", "words"),
    )

    def __init__(
        self, above: _Group | None, begins: int, body: _Group | None, lists: bool, since: int
    ) -> None:
        self.above = above
        self.begins = begins
        self.tables: dict[str, _Group] = {}
        self.body: _Group = body or self
        self.lists_tables = lists
        self.defines = False
        self.since = since
        self.reads: list[str] = []
        self.named: list[tuple[str, _Group]] = []
        self.selects: list[tuple[int, list[str]]] = []
        self.words = 0
        self.has_star = False

    def end_select(self, now: int) -> None:
        if self.reads:
            self.body.selects.append((now - self.since, self.reads))
            self.reads = []
        self.since = now


def _read(sql: str) -> _Group:
    """The groups of a view's text, as the group of the whole statement."""
    group = whole = _Group(None, 0, None, False, 0)
    whole.has_star = "*" in sql
    #: The tokens before the current one; a group that has ended is reduced to its last parenthesis.
    tokens: list[str] = []
    before, now = "", 0
    for token in _tokens(sql):
        now += 1
        group.body.words += 1 + (len(token) >> 3)
        if token in _STRUCTURE:
            if token == "(":
                head = _defined(tokens[-6:]) if group.defines else None
                lists = group.lists_tables and before != "IN"
                body = group.body if head is None else None
                inner = _Group(group, len(tokens), body, lists, now)
                inner.has_star = whole.has_star
                if head is not None:
                    group.tables[head] = inner
                group = inner
            elif token == ")":
                if group.above is not None:
                    group.end_select(now)
                    del tokens[group.begins :]
                    group = group.above
            elif token == "WITH":
                group.defines = True
            elif token in _NO_TABLES:
                group.lists_tables = False
                if token in ("SELECT", "VALUES"):
                    group.defines = False
                elif token in _COMPOUND:
                    group.end_select(now)
            else:
                group.lists_tables = True
        elif before in _BEFORE_TABLE and (before == "IN" or group.lists_tables):
            name = _name(token)
            group.body.named.append((name, group))
            group.reads.append(name)
        tokens.append(token)
        before = token
    while group.above is not None:  # a parenthesis that is never closed
        group.end_select(now)
        group = group.above
    group.end_select(now)
    return whole


def _defined(last: list[str]) -> str | None:
    """The name in ``name [(columns)] AS [[NOT] MATERIALIZED]`` before a body; None without one."""
    words = list(last)
    for optional in ("MATERIALIZED", "NOT"):
        if words[-1:] == [optional]:
            words.pop()
    if not words or words.pop() != "AS":
        return None
    if words[-1:] == [")"]:
        words.pop()
    return _name(words[-1]) if words else None


def _generated(sql: str) -> dict[str, list[str]]:
    """Column → words and signs of its expression, for the generated columns of a table."""
    columns: dict[str, list[str]] = {}
    depth, name, begins, previous = 0, "", False, ""
    words: list[str] | None = None
    for token in _tokens(sql):
        depth -= token == ")"
        if depth == 1 and token == ")":
            words = None
        elif words is not None:
            words.append(_name(token))
        elif depth == 1 and token == "(" and previous == "AS":
            words = columns.setdefault(name, [])
        elif (depth == 0 and token == "(") or (depth == 1 and token == ","):
            begins = True
        elif begins:
            name, begins = _name(token), False
        depth += token == "("
        previous = token
    return columns


class _Sizes:
    """Size and depth of nodes that name one another; each also has a size of its own."""

    def __init__(self, named: Mapping[object, list[object]], own: Mapping[object, float]) -> None:
        self._named = named
        self._own = own
        self._known: dict[object, tuple[float, int]] = {}

    def of(self, root: object) -> tuple[float, int]:
        """The size in copies of a node with all its parts, and the depth of their nesting.

        A node that names itself, directly or through others, does not count as a part: SQLite
        refuses it or runs it as a loop. This method does not recurse, because the nodes may be
        nested deeper than Python's stack.
        """
        known, named, entered = self._known, self._named, {root}
        if root in known:
            return known[root]
        todo = [(root, iter(named.get(root, ())))]
        sizes = [self._alone(root)]
        while todo:
            node, rest = todo[-1]
            for each in rest:
                if each in known:
                    sizes[-1] = _added(sizes[-1], known[each])
                elif each not in entered:
                    entered.add(each)
                    todo.append((each, iter(named.get(each, ()))))
                    sizes.append(self._alone(each))
                    break
            else:
                todo.pop()
                entered.discard(node)
                known[node] = sizes.pop()
                if todo:
                    sizes[-1] = _added(sizes[-1], known[node])
        return known[root]

    def _alone(self, node: object) -> tuple[float, int]:
        return 1 + self._own[node], 1


def _added(size: tuple[float, int], part: tuple[float, int]) -> tuple[float, int]:
    return size[0] + part[0], max(size[1], 1 + part[1])


class _Budget:
    """The allowed and the estimated number of copies of a schema.

    Attributes:
        told: Why the schema is refused; empty while it is not.
    """

    def __init__(self) -> None:
        self.told = ""
        self._allowed = float(MAX_COPIES)
        self._found: Counter[str] = Counter()

    def allow(self, words: int, definitions: int = 1) -> None:
        """Allows copies for existing definitions, so that time proportional to them is accepted."""
        self._allowed += _EACH * definitions + words / _WORDS

    def add(self, what: str, copies: float, depth: int = 1) -> None:
        self._found[what] += round(copies)
        if depth > MAX_DEPTH:
            self.told = (
                f"{what} are nested {depth} deep, and SQLite may fail over more than {MAX_DEPTH}"
            )

    def spend(self) -> str:
        """Why the schema is refused; empty when it is not."""
        copies = self._found.total()
        if not self.told and copies > self._allowed:
            what = self._found.most_common(1)[0][0]
            self.told = (
                f"{what} have so much to be compared with one another, or named so "
                f"often, that SQLite would take the time of {copies} copies of them"
            )
        return self.told


def excess(definitions: Iterable[tuple[str, str, str, str]]) -> str:
    """Looks for definitions that SQLite would expand or compare too often, or nest too deep.

    Args:
        definitions: Type, name, name of the table and text of each entry of ``sqlite_schema``.

    Returns:
        Why SQLite would take too long or fail; empty when it would do neither.
    """
    budget = _Budget()
    views: dict[str, _Group] = {}
    own: dict[int, float] = {}
    tables: dict[str, str] = {}
    names: dict[str, str] = {}
    indexes: Counter[str] = Counter()
    for kind, name, table, sql in definitions:
        text = sql.upper()
        if kind == "view":
            view = views[name.upper()] = _read(sql)
            own[id(view)] = comparing.compiling(text) / _COPY
            budget.allow(view.words)
        elif kind == "table":
            tables[name.upper()], names[name.upper()] = text, name
            _generate(budget, name, sql, text)
        elif kind == "index":
            indexes[table.upper()] += 1
        if kind in ("view", "trigger"):
            taken = comparing.parsing(text)
            budget.add(f"the WITH and WINDOW clauses of {name}", taken / _COPY)
        if budget.told:
            return budget.told
    for name, text in tables.items():
        taken = comparing.indexing(text, indexes[name])
        budget.add(f"the indexes of {names[name]}", taken / _COPY)
    _expand(budget, views, tables, own)
    return budget.spend()


def _generate(budget: _Budget, name: str, sql: str, text: str) -> None:
    """Adds the copies for the columns of a table to the budget."""
    compiled = comparing.compiling(text) / _COPY
    budget.allow(len(text) >> 3)
    what = f"the columns of {name}"
    if not _MAY_GENERATE.search(sql):
        budget.add(what, compiled)
        return
    columns = _generated(sql)
    budget.allow(0, len(columns))
    named: dict[object, list[object]] = {
        column: [word for word in words if word in columns] for column, words in columns.items()
    }
    own: dict[object, float] = {column: len(words) // _WORDS for column, words in columns.items()}
    what = f"the generated columns of {name}"
    budget.add(what, _CHECKS * compiled)
    _add(budget, what, named, named, own)


def _expand(
    budget: _Budget, views: dict[str, _Group], tables: dict[str, str], compiled: dict[int, float]
) -> None:
    """Adds the copies for the views to the budget."""
    scopes = _Scopes(views, tables)
    named: dict[object, list[object]] = {}
    own: dict[object, float] = {}
    for view in views.values():
        bodies = _resolve(view, views, named)
        share = compiled[id(view)] / max(1, sum(body.words for body in bodies))
        for body in bodies:
            looked = scopes.looked(body) * _LOOK / _COPY
            own[id(body)] = body.words // _WORDS + share * body.words + looked
    _add(budget, "its views", [id(view) for view in views.values()], named, own)


class _Scopes:
    """Counts the columns that SQLite compares with the names of a view."""

    def __init__(self, views: Mapping[str, _Group], tables: Mapping[str, str]) -> None:
        self._views = views
        self._tables = tables

    def looked(self, body: _Group) -> int:
        return sum(words * self._columns(names) for words, names in body.selects)

    def _columns(self, names: list[str]) -> int:
        return sum(self._of(name) * times for name, times in Counter(names).items())

    def _of(self, name: str) -> int:
        text = self._tables.get(name)
        if text is not None:
            return comparing.columns_at_most(text)
        view = self._views.get(name)
        if view is None:  # a table of a WITH clause, or none
            return 1
        return comparing.MOST_COLUMNS if view.has_star else min(view.words, comparing.MOST_COLUMNS)


def _resolve(
    whole: _Group, views: Mapping[str, _Group], named: dict[object, list[object]]
) -> list[_Group]:
    """Resolves the names of a view to the nearest enclosing definition, or to a view.

    Args:
        whole: The view.
        views: All views by name.
        named: Gets the nodes that each body names, by the ids of the bodies.

    Returns:
        The view's own body, and the bodies of its WITH clauses that are named.
    """
    todo, bodies = [whole], []
    while todo:
        body = todo.pop()
        if id(body) in named:
            continue
        found = named[id(body)] = []
        bodies.append(body)
        for name, group in body.named:
            scope: _Group | None = group
            while scope is not None and name not in scope.tables:
                scope = scope.above
            if scope is not None:
                found.append(id(scope.tables[name]))
                todo.append(scope.tables[name])
            elif name in views:
                found.append(id(views[name]))
    return bodies


def _add(
    budget: _Budget,
    what: str,
    nodes: Iterable[object],
    named: Mapping[object, list[object]],
    own: Mapping[object, float],
) -> None:
    sizes = _Sizes(named, own)
    found = [sizes.of(node) for node in nodes]
    copies = sum(copies for copies, _ in found)
    budget.add(what, copies, max((depth for _, depth in found), default=0))
