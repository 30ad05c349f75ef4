"""Query plans: what each line of EXPLAIN QUERY PLAN says, as a code; the page has the words.

SQLite writes a line as text, which it does not promise to keep. A line of a form that is not known
here has the code ``other``, and is shown as it is.

Source: sqlite.org/eqp.html; the calls of ExplainQueryPlan and sqlite3WhereExplainOneScan in
SQLite's select.c, expr.c, where.c and wherecode.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["CODES", "Step", "steps", "target"]

# A name may be any text: it ends where the rest of the line fits.
_TABLE = r"(?:TABLE )?(?P<table>.+?)"
_INDEX = r"(?P<index>.+?)"
_TERMS = r" \((?P<terms>.+)\)"
_END = r"(?P<left> LEFT-JOIN)?(?: \(~\d+ rows?\))?"
_AUTOMATIC = r"AUTOMATIC (?:PARTIAL )?(?:COVERING )?INDEX"
_COUNT = r"(?:RIGHT PART|LAST TERM|LAST \d+ TERMS)"

_FORMS: tuple[tuple[str, str], ...] = (
    (r"SCAN (?:\d+ )?CONSTANT ROWS?|SCAN \d+-ROW VALUES CLAUSE", "constant"),
    (rf"(?:SCAN|SEARCH) {_TABLE} VIRTUAL TABLE INDEX (?P<plan>-?\d+:.*?){_END}", "virtual"),
    (rf"SCAN {_TABLE} USING COVERING INDEX {_INDEX}{_END}", "scan-covering"),
    (rf"SCAN {_TABLE} USING INDEX {_INDEX}{_END}", "scan-index"),
    (rf"SCAN \((?:subquery|join)-(?P<number>\d+)\){_END}", "scan-subquery"),
    (rf"SCAN {_TABLE}(?: USING (?:INTEGER )?PRIMARY KEY)?{_END}", "scan"),
    (rf"SEARCH {_TABLE} USING {_AUTOMATIC}{_TERMS}{_END}", "automatic"),
    (rf"SEARCH {_TABLE} USING (?:INTEGER )?PRIMARY KEY{_TERMS}{_END}", "search-key"),
    (rf"SEARCH {_TABLE} USING COVERING INDEX (?P<index>.+){_TERMS}{_END}", "search-covering"),
    (rf"SEARCH {_TABLE} USING INDEX (?P<index>.+){_TERMS}{_END}", "search-index"),
    (rf"SEARCH {_TABLE} USING (?:COVERING )?INDEX {_INDEX}{_END}", "search-end"),
    (rf"SEARCH {_TABLE}(?: USING (?:INTEGER )?PRIMARY KEY)?{_END}", "search-end"),
    (r"MULTI-INDEX OR", "or"),
    (r"INDEX (?P<number>\d+)", "or-part"),
    (rf"BLOOM FILTER ON {_TABLE}{_TERMS}", "bloom"),
    (rf"RIGHT-JOIN {_TABLE}", "right-join"),
    (r"USE TEMP B-TREE FOR (?P<function>.+)\(DISTINCT\)", "distinct-values"),
    (r"USE TEMP B-TREE FOR (?P<function>.+)\(ORDER BY\)", "sorted-values"),
    (r"USE TEMP B-TREE FOR ORDER BY", "sort"),
    (rf"USE TEMP B-TREE FOR {_COUNT} OF ORDER BY", "sort-last"),
    (r"USE TEMP B-TREE FOR GROUP BY", "group"),
    (r"USE TEMP B-TREE FOR DISTINCT", "distinct"),
    (r"COMPOUND QUERY", "compound"),
    (r"LEFT-MOST SUBQUERY", "first"),
    (r"UNION ALL", "union-all"),
    (r"UNION USING TEMP B-TREE", "union"),
    (r"INTERSECT USING TEMP B-TREE", "intersect"),
    (r"EXCEPT USING TEMP B-TREE", "except"),
    (r"MERGE \((?P<operator>[A-Z ]+)\)", "merge"),
    (r"LEFT", "left"),
    (r"RIGHT", "right"),
    (r"MATERIALIZE (?P<name>.+)", "materialize"),
    (r"CO-ROUTINE (?P<name>.+)", "co-routine"),
    (r"SETUP", "setup"),
    (r"RECURSIVE STEP", "recursive"),
    (r"CORRELATED SCALAR SUBQUERY (?P<number>\d+)", "scalar-each"),
    (r"SCALAR SUBQUERY (?P<number>\d+)", "scalar"),
    (r"CORRELATED LIST SUBQUERY (?P<number>\d+)", "list-each"),
    (r"LIST SUBQUERY (?P<number>\d+)", "list"),
    (r"REUSE (?:LIST )?SUBQUERY (?P<number>\d+)", "reuse"),
    (r"USING INDEX (?P<index>.+) FOR IN-OPERATOR", "in-index"),
    (r"USING ROWID SEARCH ON TABLE (?P<table>.+) FOR IN-OPERATOR", "in-rowid"),
)
_COMPILED = tuple((re.compile(form, re.DOTALL), code) for form, code in _FORMS)

CODES = sorted({code for _, code in _FORMS} | {"other", "left-join"})
"""Every code of a step, and ``left-join``, which stands behind the words of one."""

_SKIPPED = re.compile(r"ANY\((.+?)\)")
_COMPARED = re.compile(r"(=|[<>]=?)(?=\?|\(\?)")

_EXPLAIN = re.compile(r"EXPLAIN\b(?:\s*QUERY\s+PLAN\b)?\s*", re.IGNORECASE)
_WITH_PLAN = re.compile(
    r"(?:SELECT|VALUES|WITH|INSERT|REPLACE|UPDATE|DELETE|CREATE)\b", re.IGNORECASE
)


class Step(NamedTuple):
    """One line of a plan.

    Attributes:
        depth: How deep it is in the tree, from 0.
        code: What it says, one of CODES.
        params: What its words name.
        is_left: Whether rows without a match are kept (LEFT JOIN).
        detail: The line as SQLite has it.
    """

    depth: int
    code: str
    params: dict[str, str]
    is_left: bool
    detail: str

    @property
    def terms(self) -> int:
        """By how many terms rows are looked up."""
        return self.params["terms"].count("?") if "terms" in self.params else 0


def steps(rows: Iterable[tuple[Any, ...]]) -> Iterator[Step]:
    """The steps of a plan: the rows of EXPLAIN QUERY PLAN, each behind the one that it is part of.

    Of the rows SQLite promises only the numbers of their parents.
    """
    listed = list(rows)
    numbers = {number for number, *_ in listed}
    below: dict[int, list[tuple[int, str]]] = {}
    for number, parent, _, detail in listed:
        below.setdefault(parent if parent in numbers else 0, []).append((number, detail))
    pending = [(0, *each) for each in reversed(below.get(0, []))]
    while pending:
        depth, number, detail = pending.pop()
        yield _step(depth, detail)
        pending += [(depth + 1, *each) for each in reversed(below.get(number, []))]


def _step(depth: int, detail: str) -> Step:
    fitting = ((form.fullmatch(detail), code) for form, code in _COMPILED)
    found, code = next((each for each in fitting if each[0] is not None), (None, "other"))
    if found is None:
        return Step(depth, code, {"detail": detail}, is_left=False, detail=detail)
    params = {name: text for name, text in found.groupdict().items() if text is not None}
    is_left = params.pop("left", None) is not None
    if "terms" in params:
        params["terms"] = _spaced(params["terms"])
    return Step(depth, code, params, is_left, detail)


def _spaced(terms: str) -> str:
    """Terms as a person writes them: ``a = ? and b > ?`` for ``a=? AND b>?``."""
    spaced = _COMPARED.sub(r" \1 ", _SKIPPED.sub(r"\1 = any", terms))
    return spaced.replace(" AND ", " and ")


def target(sql: str) -> str | None:
    """The statement whose plan is meant, without EXPLAIN; None if it has no plan.

    SQLite acts on some statements, PRAGMAs above all, while it prepares them, behind EXPLAIN too
    (sqlite.org/pragma.html).
    """
    bare = _EXPLAIN.sub("", sql, count=1) if _EXPLAIN.match(sql) else sql
    return bare if _WITH_PLAN.match(bare) else None
