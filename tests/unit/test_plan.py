"""Plans in words: each form of a line of EXPLAIN QUERY PLAN, and the tree that they make."""

from __future__ import annotations

import sqlite3

import pytest

from core import errors
from sahpool_console.session.sql import plan

from .fake_host import Client, hint_of

SCHEMA = """
CREATE TABLE t (a, b, c);
CREATE TABLE "my t" (x INTEGER PRIMARY KEY, y);
CREATE TABLE w (k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE u (x, y);
CREATE INDEX i ON t (a, b);
CREATE INDEX "odd (name" ON u (lower(x));
CREATE VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a;
"""

# What SQLite writes, its code, and the parameters. The versions differ: not all of these can be
# had from the one at hand.
FORMS = [
    ("SCAN t", "scan", {"table": "t"}),
    ("SCAN TABLE t", "scan", {"table": "t"}),
    ("SCAN my table USING INTEGER PRIMARY KEY", "scan", {"table": "my table"}),
    ("SCAN t (~1048576 rows)", "scan", {"table": "t"}),
    ("SCAN t USING INDEX i", "scan-index", {"table": "t", "index": "i"}),
    ("SCAN t USING COVERING INDEX my i", "scan-covering", {"table": "t", "index": "my i"}),
    ("SCAN (subquery-3)", "scan-subquery", {"number": "3"}),
    ("SCAN (join-2)", "scan-subquery", {"number": "2"}),
    ("SCAN CONSTANT ROW", "constant", {}),
    ("SCAN 3 CONSTANT ROWS", "constant", {}),
    ("SCAN 12-ROW VALUES CLAUSE", "constant", {}),
    ("SCAN f VIRTUAL TABLE INDEX 0:M1", "virtual", {"table": "f", "plan": "0:M1"}),
    ("SCAN json_each VIRTUAL TABLE INDEX 1:", "virtual", {"table": "json_each", "plan": "1:"}),
    ("SEARCH t USING INTEGER PRIMARY KEY (rowid=?)", "search-key", {"terms": "rowid = ?"}),
    ("SEARCH w USING PRIMARY KEY (k>? AND k<?)", "search-key", {"terms": "k > ? and k < ?"}),
    ("SEARCH t USING INDEX i (a=? AND b>?)", "search-index", {"terms": "a = ? and b > ?"}),
    ("SEARCH t USING INDEX i ((a,b)>(?,?))", "search-index", {"terms": "(a,b) > (?,?)"}),
    ("SEARCH t USING INDEX i (ANY(a) AND b=?)", "search-index", {"terms": "a = any and b = ?"}),
    ("SEARCH u USING INDEX odd (name (<expr>=?)", "search-index", {"index": "odd (name"}),
    ("SEARCH t USING COVERING INDEX i (a=?)", "search-covering", {"index": "i"}),
    ("SEARCH t", "search-end", {"table": "t"}),
    ("SEARCH t USING COVERING INDEX i", "search-end", {"table": "t", "index": "i"}),
    ("SEARCH u USING AUTOMATIC COVERING INDEX (y=?)", "automatic", {"terms": "y = ?"}),
    ("SEARCH u USING AUTOMATIC PARTIAL COVERING INDEX (y=?)", "automatic", {"table": "u"}),
    ("BLOOM FILTER ON u (y=?)", "bloom", {"table": "u", "terms": "y = ?"}),
    ("MULTI-INDEX OR", "or", {}),
    ("INDEX 2", "or-part", {"number": "2"}),
    ("RIGHT-JOIN u", "right-join", {"table": "u"}),
    ("USE TEMP B-TREE FOR ORDER BY", "sort", {}),
    ("USE TEMP B-TREE FOR RIGHT PART OF ORDER BY", "sort-last", {}),
    ("USE TEMP B-TREE FOR LAST TERM OF ORDER BY", "sort-last", {}),
    ("USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY", "sort-last", {}),
    ("USE TEMP B-TREE FOR GROUP BY", "group", {}),
    ("USE TEMP B-TREE FOR DISTINCT", "distinct", {}),
    ("USE TEMP B-TREE FOR count(DISTINCT)", "distinct-values", {"function": "count"}),
    ("USE TEMP B-TREE FOR group_concat(ORDER BY)", "sorted-values", {"function": "group_concat"}),
    ("COMPOUND QUERY", "compound", {}),
    ("LEFT-MOST SUBQUERY", "first", {}),
    ("UNION ALL", "union-all", {}),
    ("UNION USING TEMP B-TREE", "union", {}),
    ("INTERSECT USING TEMP B-TREE", "intersect", {}),
    ("EXCEPT USING TEMP B-TREE", "except", {}),
    ("MERGE (UNION ALL)", "merge", {"operator": "UNION ALL"}),
    ("LEFT", "left", {}),
    ("RIGHT", "right", {}),
    ("MATERIALIZE s", "materialize", {"name": "s"}),
    ("CO-ROUTINE (subquery-1)", "co-routine", {"name": "(subquery-1)"}),
    ("SETUP", "setup", {}),
    ("RECURSIVE STEP", "recursive", {}),
    ("SCALAR SUBQUERY 1", "scalar", {"number": "1"}),
    ("CORRELATED SCALAR SUBQUERY 1", "scalar-each", {"number": "1"}),
    ("LIST SUBQUERY 2", "list", {"number": "2"}),
    ("CORRELATED LIST SUBQUERY 2", "list-each", {"number": "2"}),
    ("REUSE SUBQUERY 1", "reuse", {"number": "1"}),
    ("REUSE LIST SUBQUERY 1", "reuse", {"number": "1"}),
    ("USING INDEX i FOR IN-OPERATOR", "in-index", {"index": "i"}),
    ("USING ROWID SEARCH ON TABLE my t FOR IN-OPERATOR", "in-rowid", {"table": "my t"}),
    ("SOMETHING NEW (t)", "other", {"detail": "SOMETHING NEW (t)"}),
]

# Statements whose plans together have the forms that SQLite 3.39 and 3.40 write.
STATEMENTS = """
SELECT * FROM t WHERE a = 1 AND b > 2
SELECT a, b FROM t ORDER BY a
SELECT * FROM t ORDER BY a, c
SELECT * FROM "my t" WHERE x > 1 AND x < 5
SELECT max(x) FROM "my t"
SELECT min(a) FROM t
SELECT * FROM w WHERE k = 1
SELECT * FROM w
SELECT * FROM t LEFT JOIN u ON t.c = u.y
SELECT * FROM t FULL JOIN u ON t.c = u.y
SELECT DISTINCT b FROM u JOIN t
SELECT b, count(*) FROM t GROUP BY b
SELECT count(DISTINCT b) FROM t
SELECT * FROM t UNION SELECT * FROM t
SELECT a FROM t UNION ALL SELECT y FROM u ORDER BY 1
SELECT a FROM t EXCEPT SELECT y FROM u
SELECT a FROM t INTERSECT SELECT y FROM u
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT * FROM n
SELECT (SELECT a FROM t WHERE t.a = u.x), x FROM u
SELECT (SELECT max(a) FROM t) FROM u
SELECT * FROM t WHERE a IN (SELECT x FROM u)
SELECT * FROM t WHERE c IN (SELECT x FROM "my t")
SELECT * FROM t WHERE b IN (SELECT a FROM t)
SELECT * FROM t WHERE a = 1 OR rowid = 5
SELECT * FROM (SELECT a, b FROM t LIMIT 5) s, u WHERE s.a = u.x
SELECT * FROM v WHERE n > 2
SELECT * FROM (VALUES (1), (2))
SELECT x, row_number() OVER (ORDER BY y) FROM u
SELECT * FROM u WHERE lower(x) = 'a'
SELECT * FROM json_each('[1]')
UPDATE t SET a = 1 WHERE b = 2
DELETE FROM t WHERE a = 3
INSERT INTO t SELECT * FROM t WHERE b = 1
CREATE TABLE z AS SELECT * FROM t
""".strip().splitlines()


def step(detail: str) -> plan.Step:
    (found,) = plan.steps([(2, 0, 0, detail)])
    return found


@pytest.mark.parametrize(("detail", "code", "params"), FORMS)
def test_each_line_has_its_code_and_a_sentence(
    detail: str, code: str, params: dict[str, str]
) -> None:
    found = step(detail)
    assert found.code == code
    assert params.items() <= found.params.items()
    fields = {"code": code, "params": found.params, "left": found.is_left, "detail": detail}
    said = errors.step_of(fields)
    assert said == detail if code == "other" else said != detail
    assert all(value in said for value in params.values() if code != "search-end")


def test_each_code_stands_for_a_line() -> None:
    assert {code for _, code, _ in FORMS} | {"left-join"} == set(plan.CODES)


def test_a_left_join_keeps_its_rows_whatever_the_line_is() -> None:
    for detail in ("SCAN u", "SEARCH u USING AUTOMATIC COVERING INDEX (y=?)"):
        without, with_it = step(detail), step(f"{detail} LEFT-JOIN")
        assert (without.code, without.params) == (with_it.code, with_it.params)
        assert (without.is_left, with_it.is_left) == (False, True)


def test_no_line_of_this_sqlite_is_without_words() -> None:
    con = sqlite3.connect(":memory:")
    con.executescript(SCHEMA)
    codes = set()
    for sql in STATEMENTS:
        for each in plan.steps(con.execute(f"EXPLAIN QUERY PLAN {sql}")):
            assert each.code != "other", each.detail
            codes.add(each.code)
    assert len(codes) > 30
    con.close()


def test_each_step_stands_behind_the_one_that_it_is_part_of() -> None:
    rows = [
        (9, 4, 0, "SCAN b"),
        (1, 0, 0, "COMPOUND QUERY"),
        (4, 1, 0, "UNION ALL"),
        (2, 1, 0, "LEFT-MOST SUBQUERY"),
        (3, 2, 0, "SCAN a"),
        (7, 6, 0, "SCAN of no parent"),
    ]
    found = [(each.depth, each.detail) for each in plan.steps(rows)]
    assert found == [
        (0, "COMPOUND QUERY"),
        (1, "UNION ALL"),
        (2, "SCAN b"),
        (1, "LEFT-MOST SUBQUERY"),
        (2, "SCAN a"),
        (0, "SCAN of no parent"),
    ]


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("SELECT 1", "SELECT 1"),
        ("EXPLAIN SELECT 1", "SELECT 1"),
        ("explain query plan\nselect 1", "select 1"),
        ("EXPLAIN QUERY PLAN PRAGMA user_version = 3", None),
        ("PRAGMA user_version = 3", None),
        ("ATTACH 'x' AS y", None),
        ("COMMIT", None),
        ("SELECTED", None),
        ("", None),
    ],
)
def test_only_what_does_nothing_when_it_is_prepared_has_a_plan(sql: str, meant: str | None) -> None:
    assert plan.target(sql) == meant


def test_the_plan_of_a_statement_is_had_without_running_it(client: Client) -> None:
    client.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    reply = client.ask("plan", sql="-- these\nDELETE FROM t WHERE a = 1;")
    assert [(each["code"], each["params"]) for each in reply["steps"]] == [("scan", {"table": "t"})]
    assert reply["sql"] == "DELETE FROM t WHERE a = 1;"
    assert (reply["database"], reply["advice"]) == ("notes.db", None)
    assert client.rows("SELECT a FROM t") == [(1,)]


def test_parameters_of_either_kind_do_not_keep_a_plan_back(client: Client) -> None:
    client.run("CREATE TABLE t (a, b)")
    for sql in ("a = ? AND b = ?", "a = :a AND b = @b", "a = ?1 AND b = ?1", "a = $x"):
        assert client.ask("plan", sql=f"SELECT * FROM t WHERE {sql}")["steps"]


def test_a_plan_is_not_changed_by_asking_for_it(client: Client) -> None:
    for sql in ("PRAGMA foreign_keys = ON", "EXPLAIN QUERY PLAN PRAGMA foreign_keys = ON"):
        assert client.fail("plan", sql=sql)["code"] == "no-plan"
    assert client.rows("PRAGMA foreign_keys") == [(0,)]


def test_it_is_said_that_one_statement_is_meant(client: Client) -> None:
    error = client.fail("plan", sql="SELECT 1; SELECT 2")
    assert error["code"] == "plan-of-one"
    assert hint_of(error).startswith("Put the cursor")
    assert client.fail("plan", sql="-- nothing")["code"] == "plan-of-one"


def test_a_mistake_in_the_statement_is_told_as_sqlite_has_it(client: Client) -> None:
    assert client.fail("plan", sql="SELECT b FROM nowhere")["message"].endswith("nowhere")


def test_what_another_connection_has_done_to_the_schema_is_in_the_plan(client: Client) -> None:
    client.run("CREATE TABLE t (a, b)")
    sql = "SELECT * FROM t WHERE a = 1"
    assert client.ask("plan", sql=sql)["steps"][0]["code"] == "scan"
    other = sqlite3.connect(client.host.storage.folder / "notes.db")
    other.execute("CREATE INDEX i ON t (a)")
    other.close()
    assert client.ask("plan", sql=sql)["steps"][0]["code"] == "search-index"
