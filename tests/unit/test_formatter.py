"""Formatting changes blanks and line ends only (app/parts/formatter.mjs)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .node import ask

SCRIPT = Path(__file__).with_name("formatter.mjs")

SCHEMA = """
CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, "c d" REAL);
INSERT INTO t VALUES (1, 'x  y', 1.5), (2, 'it''s', -2), (3, NULL, 3e2);
"""

RUN_ALIKE = [
    "select a,b from t where a>=1 and b<>'z' order by a desc limit 5;",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r WHERE x<5) SELECT sum(x) FROM r",
    "SELECT 'two  blanks', 'a--b', '/*c*/', \"c d\", [c d], `c d`, x'00ff', -1.5e-3 FROM t",
    "SELECT - -1, 1- -1, 1-(-1)",
    "SELECT a||b, a<<2, a->>'$', a==1, a!=2, ~a, a%2, not a FROM t -- the end",
    "SELECT /* a\n  comment */ count(*) FILTER (WHERE a>1) OVER"
    " (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
    "SELECT CASE WHEN b IS NULL THEN 'none' ELSE b END, 1 IS NOT DISTINCT FROM 1 FROM t",
    "VALUES(1,'a'),(2,'b')",
    "SELECT 1 -- first\n, 2 -- second\n",
    "INSERT INTO t(b) SELECT b FROM t WHERE a=1 ON CONFLICT DO NOTHING RETURNING *",
    'UPDATE t SET b=upper(b),"c d"=0 WHERE a IN(1,2) RETURNING a,b',
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET b=1; SELECT 2; END;",
    "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a=1",
]


def rows(sql: str) -> list[object]:
    """What a statement gives, and what it leaves."""
    con = sqlite3.connect(":memory:")
    con.executescript(SCHEMA)
    found: list[object] = con.execute(sql).fetchall()
    found += con.execute("SELECT * FROM t").fetchall()
    con.close()
    return found


def test_a_formatted_statement_does_what_it_did_and_stays_as_it_is() -> None:
    once = ask(SCRIPT, RUN_ALIKE)
    for before, after in zip(RUN_ALIKE, once, strict=True):
        assert after is not None, before
        assert rows(after) == rows(before)
    assert ask(SCRIPT, once) == once
    lines = ["select", "  a,", "  b", "from", "  t", "where", "  a >= 1", "  and b <> 'z'"]
    assert once[0] == "\n".join([*lines, "order by", "  a desc", "limit", "  5;"])


@pytest.mark.parametrize(
    "sql",
    ["SELECT 'unfinished", "SELECT 1_000", "SELECT ((1)", f"SELECT '{'x' * 50_000}'", "SELECT \\"],
    ids=["text", "digits", "bracket", "long", "character"],
)
def test_what_cannot_be_formatted_is_left_alone(sql: str) -> None:
    assert ask(SCRIPT, [sql]) == [None]


def test_parameters_keep_their_names() -> None:
    (found,) = ask(SCRIPT, ["SELECT ?,?1,:name,@name,$name,$name::x"])
    assert found == "SELECT\n  ?,\n  ?1,\n  :name,\n  @name,\n  $name,\n  $name::x" or found is None
