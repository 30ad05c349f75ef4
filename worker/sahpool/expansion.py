"""How much SQLite must write out to compile what a schema defines, told from its text.

SQLite expands a view wherever it is named, and a virtual generated column wherever it is read.
Where each names the one before it twice, thirty of them are a billion copies, and where each is
made of the one before, thousands of them are as many calls inside one another: the engine compiles
for hours, or falls over its own stack and takes the worker with it, and nothing can interrupt it
(progress handlers are not called there before SQLite 3.41). So this is worked out beforehand: the
number of copies, and how deep they are nested.

Source: sqlite.org/lang_createview.html, lang_with.html, gencol.html; ``tokenize.c`` for the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["MAX_COPIES", "MAX_DEPTH", "excess"]

#: More than a schema has that was made to be used; with these SQLite is done in a moment, and far
#: from the end of its stack (400 levels did no harm in any browser that was tried, 5,000 do).
MAX_COPIES, MAX_DEPTH = 10_000, 200
_WORDS = 200  # in a definition that counts as one copy; what is longer counts as more
_EACH = 100  # copies for each definition that there is: a schema may be large

_TOKEN = re.compile(
    r"""--[^\n]*+|/\*.*?(?:\*/|\Z)"""
    r"""|'(?P<text>(?:[^']|'')*+)'|"(?P<double>(?:[^"]|"")*+)"|`(?P<back>(?:[^`]|``)*+)`"""
    r"""|\[(?P<square>[^\]]*+)\]|(?P<word>[^\W\d][\w$]*+)|(?P<sign>[(),.])""",
    re.DOTALL,
)
_MARKS = {"text": "'", "double": '"', "back": "`", "square": "]"}

#: Stands before a name that was quoted: it is no keyword, whatever it says.
_QUOTED = "\0"

#: Before these a list of tables has ended.
_NO_TABLES = frozenset(
    {"SELECT", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT"}
    | {"INTERSECT", "VALUES", "ON", "USING"}
)

#: Only a table with such a word may have generated columns.
_MAY_GENERATE = re.compile(r"\bas\b", re.IGNORECASE)


def _tokens(sql: str) -> Iterator[str]:
    """Names, keywords and the signs that matter, in upper case as SQLite compares them."""
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup
        if kind in ("word", "sign"):
            yield found[0].upper()
        elif kind is not None:
            mark = _MARKS[kind]
            yield _QUOTED + found[kind].replace(mark * 2, mark).upper()


class _Group:
    """What lies between two parentheses, or a statement as a whole.

    Attributes:
        above: The group that it lies in.
        before: The tokens that stood before it.
        tables: Name → body, of the common table expressions that are defined here.
        body: The definition that it is part of: the statement, or a common table expression.
        named: Of a body, names where tables stand, each with the group that it stands in.
        words: Of a body, how many names, keywords and signs it has.
        lists_tables: Whether tables are being listed.
        defines: Whether a WITH clause has begun and its SELECT has not.
    """

    def __init__(self, above: _Group | None, before: list[str], body: _Group | None) -> None:
        self.above = above
        self.before = before
        self.tables: dict[str, _Group] = {}
        self.body: _Group = body or self
        self.named: list[tuple[str, _Group]] = []
        self.words = 0
        self.lists_tables: bool = above is not None and above.lists_tables and before[-1:] != ["IN"]
        self.defines = False


def _read(sql: str) -> _Group:
    """The groups of a view's text."""
    group = whole = _Group(None, [], None)
    last: list[str] = []  # as many tokens as the head of a definition may have
    for token in _tokens(sql):
        before = last[-1] if last else ""
        if token == "(":
            head = _defined(last) if group.defines else None
            inner = _Group(group, last, group.body if head is None else None)
            if head is not None:
                group.tables[head] = inner
            group = inner
        elif token == ")":
            if group.above is not None:
                # As one token: what stood before the group stands before what follows it.
                last, group = group.before, group.above
        elif token == "WITH":
            group.defines = True
        elif token in _NO_TABLES:
            group.lists_tables = False
            if token in ("SELECT", "VALUES"):
                group.defines = False
        elif token in ("FROM", "JOIN"):
            group.lists_tables = True
        elif before == "IN" or (group.lists_tables and before in ("FROM", "JOIN", ",", "(", ".")):
            group.body.named.append((token.lstrip(_QUOTED), group))
        group.body.words += 1
        last = [*last[-5:], token]
    return whole


def _defined(last: list[str]) -> str | None:
    """The name in ``name [(columns)] AS [[NOT] MATERIALIZED]``, which comes before a body."""
    words = list(last)
    for optional in ("MATERIALIZED", "NOT"):
        if words[-1:] == [optional]:
            words.pop()
    if not words or words.pop() != "AS":
        return None
    if words[-1:] == [")"]:
        words.pop()
    return words[-1].lstrip(_QUOTED) if words else None


def _generated(sql: str) -> dict[str, list[str]]:
    """Column → the words and signs of the expression that it is generated from, of a table."""
    columns: dict[str, list[str]] = {}
    depth, name, begins, previous = 0, "", False, ""
    words: list[str] | None = None
    for token in _tokens(sql):
        depth -= token == ")"
        if depth == 1 and token == ")":
            words = None
        elif words is not None:
            words.append(token.lstrip(_QUOTED))
        elif depth == 1 and token == "(" and previous == "AS":
            words = columns.setdefault(name, [])
        elif (depth == 0 and token == "(") or (depth == 1 and token == ","):
            begins = True
        elif begins:
            name, begins = token.lstrip(_QUOTED), False
        depth += token == "("
        previous = token
    return columns


class _Sizes:
    """Size and depth of nodes that name one another, of which each has a size of its own."""

    def __init__(self, named: Mapping[object, list[object]], words: Mapping[object, int]) -> None:
        self._named = named
        self._words = words
        self._known: dict[object, tuple[int, int]] = {}

    def of(self, root: object) -> tuple[int, int]:
        """The size of a node with all that it is made of, in copies, and how deep that is nested.

        What names itself, at once or by way of others, SQLite refuses or runs as a loop: it is no
        copy. Without recursion, as the nodes may be nested deeper than Python's stack.
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

    def _alone(self, node: object) -> tuple[int, int]:
        return 1 + self._words[node] // _WORDS, 1


def _added(size: tuple[int, int], part: tuple[int, int]) -> tuple[int, int]:
    return size[0] + part[0], max(size[1], 1 + part[1])


def excess(definitions: Iterable[tuple[str, str, str]]) -> str:
    """What in a schema would be written out too often or nested too deep; empty when nothing is.

    Args:
        definitions: Type, name and text of each entry of ``sqlite_schema``.
    """
    views: dict[str, _Group] = {}
    for kind, name, sql in definitions:
        if kind == "view":
            views[name.upper()] = _read(sql)
        elif kind == "table" and _MAY_GENERATE.search(sql):
            columns = _generated(sql)
            named: dict[object, list[object]] = {
                column: [word for word in words if word in columns]
                for column, words in columns.items()
            }
            lengths: dict[object, int] = {column: len(words) for column, words in columns.items()}
            told = _told(f"the generated columns of {name}", named, named, lengths)
            if told:
                return told
    named, lengths = {}, {}
    for view in views.values():
        _resolve(view, views, named, lengths)
    return _told("its views", [id(view) for view in views.values()], named, lengths)


def _resolve(
    whole: _Group,
    views: Mapping[str, _Group],
    named: dict[object, list[object]],
    lengths: dict[object, int],
) -> None:
    """Which group each name of a view means: the nearest definition around it, or a view."""
    todo = [whole]
    while todo:
        body = todo.pop()
        if id(body) in named:
            continue
        found = named[id(body)] = []
        lengths[id(body)] = body.words
        for name, group in body.named:
            scope: _Group | None = group
            while scope is not None and name not in scope.tables:
                scope = scope.above
            meant = views.get(name) if scope is None else scope.tables[name]
            if meant is not None:
                found.append(id(meant))
                todo.append(meant)


def _told(
    what: str,
    nodes: Iterable[object],
    named: Mapping[object, list[object]],
    lengths: Mapping[object, int],
) -> str:
    sizes = _Sizes(named, lengths)
    found = [sizes.of(node) for node in nodes]
    copies = sum(copies for copies, _ in found)
    depth = max((depth for _, depth in found), default=0)
    if depth > MAX_DEPTH:
        return f"{what} are nested {depth} deep, and SQLite may fail over more than {MAX_DEPTH}"
    if copies > MAX_COPIES + _EACH * len(found):
        return f"{what} name one another so often that SQLite would make {copies} copies of them"
    return ""
