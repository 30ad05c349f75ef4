"""The rows of a result in another order: those that were read, and no others."""

from __future__ import annotations

import asyncio
import importlib
import json
import random
import sqlite3
from contextlib import closing
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from sahpool_console.session.sql.sorting import keys_of, ordered

from .decode import decode
from .fake_host import BytesSource, Client
from .fake_page import FakePage

TABLE = "CREATE TABLE t (i, x TEXT COLLATE NOCASE); INSERT INTO t VALUES"
ROWS = f"{TABLE} (1, 'b'), (2, 'A'), (3, 'a'), (4, NULL), (5, 'C')"


def read(client: Client, sql: str) -> tuple[str, list[tuple[Any, ...]]]:
    """State and rows of a result when it is read."""
    outcome = client.run(sql, rows=1_000)[-1]
    assert outcome["error"] is None
    return outcome["state"], decode(outcome["piece"], client.parts)


def taken(client: Client, reply: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a reply and those that follow it."""
    rows = decode(reply["piece"], client.parts)
    while reply["cursor"] is not None:
        reply = client.ask("fetch", cursor=reply["cursor"], rows=3)
        rows += decode(reply["piece"], client.parts)
    return rows


def again(client: Client, sql: str, state: str, *order: str) -> list[tuple[Any, ...]]:
    return taken(client, client.ask("sort_rows", sql=sql, state=state, order=list(order), rows=2))


def held(client: Client, sql: str, *order: str) -> list[tuple[Any, ...]]:
    """The rows of a query as the page has them, which it sends to have them sorted."""
    outcome = client.run(sql, rows=100_000)[-1]
    data = bytes(client.parts[outcome["piece"]["part"]])
    head = json.dumps([{**outcome["piece"], "start": 0, "size": len(data)}]).encode()
    source = BytesSource(head + data)
    fields = {"width": len(outcome["columns"]), "described": len(head), "order": list(order)}
    return taken(client, client.ask("sort_held", source, rows=3, **fields))


def numbers(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [row[0] for row in rows]


def test_a_query_is_run_again_in_the_order_of_its_columns_with_their_collations(
    client: Client,
) -> None:
    client.run(ROWS)
    sql = "SELECT i, x FROM t -- all of them"
    state, _ = read(client, sql)
    assert numbers(again(client, sql, state, "2", "1 desc")) == [4, 3, 2, 1, 5]
    assert numbers(again(client, sql, state, "2 desc", "1")) == [5, 1, 2, 3, 4]
    assert numbers(again(client, sql, state, "1 desc")) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "sql",
    [
        "VALUES (2, 'b'), (1, 'a');",
        "WITH r (a, b) AS (VALUES (2, 'b'), (1, 'a')) SELECT a, b FROM r",
        "SELECT 2 AS a, 'b' AS a UNION ALL SELECT 1, 'a' ORDER BY 1 DESC",
        "select 2, 'b' /* 1; */ union select 1, 'a' ; ",
        "SELECT 2, '--' UNION SELECT 1, 'x'",
    ],
)
def test_queries_of_every_form_are_wrapped(client: Client, sql: str) -> None:
    state, rows = read(client, sql)
    assert again(client, sql, state, "1") == sorted(rows)
    assert again(client, sql, state, "1 desc") == sorted(rows, reverse=True)


def test_what_was_run_is_told_and_gives_the_same_rows(client: Client) -> None:
    client.run(ROWS)
    sql = "SELECT x, x FROM t;"
    state, _ = read(client, sql)
    reply = client.ask("sort_rows", sql=sql, state=state, order=["2 desc"], rows=9)
    assert reply["sql"] == "SELECT * FROM (SELECT x, x FROM t)\nORDER BY 2 DESC"
    rows = taken(client, reply)
    assert [row[0] for row in rows] == ["C", "b", "A", "a", None]
    assert client.rows(reply["sql"]) == rows


REFUSED = {
    "INSERT INTO t VALUES (9, 'z') RETURNING i": "not-run-again",
    "WITH a AS (SELECT 8) INSERT INTO t SELECT *, 'y' FROM a RETURNING i": "not-run-again",
    "PRAGMA table_info(t)": "not-run-again",
    "EXPLAIN SELECT 1": "not-run-again",
    "SELECT i, random() FROM t": "query-varies",
    "SELECT i FROM t WHERE x <> date('now')": "query-varies",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_may_give_other_rows_is_not_run_again_but_what_was_read_is_sorted(
    client: Client, sql: str
) -> None:
    client.run(ROWS)
    state, _ = read(client, sql)
    before = client.rows("SELECT count(*) FROM t")
    state = client.run("SELECT 1")[-1]["state"] if "INSERT" not in sql else state
    error = client.fail("sort_rows", sql=sql, state=state, order=["1"], rows=9)
    assert error["code"] == REFUSED[sql]
    assert client.rows("SELECT count(*) FROM t") == before


def test_the_rows_of_a_statement_that_writes_are_sorted_without_it(client: Client) -> None:
    client.run("CREATE TABLE t (i)")
    sql = "INSERT INTO t VALUES (2), (1), (3) RETURNING i, i * 2"
    assert held(client, sql, "1 desc") == [(3, 6), (2, 4), (1, 2)]
    assert client.rows("SELECT count(*) FROM t") == [(3,)]


@pytest.mark.parametrize("change", ["INSERT INTO t VALUES (0, 'z')", "UPDATE t SET x = 'q'"])
def test_a_change_by_the_same_tab_is_noticed(client: Client, change: str) -> None:
    client.run(ROWS)
    state, _ = read(client, "SELECT i FROM t")
    client.run(change)
    error = client.fail("sort_rows", sql="SELECT i FROM t", state=state, order=["1"], rows=9)
    assert (error["type"], error["code"]) == ("RowsChanged", "data-changed")


def test_a_commit_by_another_tab_is_noticed(client: Client) -> None:
    client.run(ROWS)
    state, _ = read(client, "SELECT i FROM t")
    other = Client(client.host, client.service, "other")
    other.ask("open", database="notes.db")
    other.run("DELETE FROM t WHERE i = 1")
    error = client.fail("sort_rows", sql="SELECT i FROM t", state=state, order=["1"], rows=9)
    assert error["code"] == "data-changed"


def test_values_of_all_kinds_are_sorted_as_sqlite_does_also_without_it() -> None:
    chance = random.Random(7)
    values = [None, 0, -1, 1.5, 2**62, -(2**63), 1e300, -0.5, "a", "B", "é", "", b"", b"a", b"\xff"]
    rows = [
        (number, chance.choice(values), chance.choice(values), chance.randint(0, 2))
        for number in range(30_000)
    ]
    as_read = [
        tuple(bytearray(v.encode()) if isinstance(v, str) else v for v in row) for row in rows
    ]
    with closing(sqlite3.connect(":memory:")) as con:
        con.execute("CREATE TABLE t (n, a, b, c)")
        con.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        for order in (["2"], ["2 desc"], ["2", "3 desc"], ["4 desc", "2"], ["3 desc", "4 desc"]):
            # Equal rows stay as they came.
            terms = ", ".join([*order, "1"])
            if all("desc" in each for each in order):
                terms = ", ".join([*order, "1"])
            wanted = [n for (n, *_) in con.execute(f"SELECT * FROM t ORDER BY {terms}")]
            assert numbers(list(ordered(as_read, keys_of(order), lambda: None))) == wanted, order


@pytest.mark.parametrize("order", [None, [], ["0"], ["1 asc"], ["1", "1 desc"], ["3"], ["-1"]])
def test_an_order_that_is_none_is_refused(client: Client, order: list[str] | None) -> None:
    source = BytesSource(b"[]")
    fields = {"width": 2, "described": 2, "rows": 1}
    error = client.fail("sort_held", source, order=order, **fields)
    assert error["type"] == "ProtocolError"


def test_a_sort_that_is_cancelled_leaves_nothing_open(client: Client) -> None:
    endless = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
    state = client.run(f"{endless} LIMIT 1")[-1]["state"]
    error = client.fail("sort_rows", sql=endless, state=state, order=["1"], rows=1, seconds=1)
    assert error["type"] == "TimedOut"
    assert not client.session.holds_snapshot
    assert client.rows("SELECT 1") == [(1,)]


def test_a_press_sorts_one_way_then_the_other_then_not_and_with_shift_adds_a_column(
    page: FakePage,
) -> None:
    next_order = importlib.import_module("features.query.sorting").next_order
    order: list[tuple[int, bool]] = []
    seen = []
    for index, add in [(1, False), (1, False), (1, False), (1, False), (0, True), (0, True)]:
        order = next_order(order, index, add)
        seen.append(order)
    up, down = (1, False), (1, True)
    assert seen == [[up], [down], [], [up], [up, (0, False)], [up, (0, True)]]
    assert next_order(order, 1, True) == [down, (0, True)]
    assert next_order(order, 0, True) == [up]
    assert next_order(order, 0, False) == []
    assert next_order(order, 2, False) == [(2, False)]


def asked(
    page: FakePage, error: str | None, *, complete: bool = True, seconds: float = 0.0
) -> tuple[list[str], MagicMock]:
    """The requests that a press on a header leads to, if the first is refused, and the results."""
    module = importlib.import_module("features.query.sorting")
    result = MagicMock(order=[], rows=5, complete=complete, elapsed=seconds)
    results = MagicMock(shown=result)
    results.held = AsyncMock(return_value=MagicMock(names="[1]"))
    requests = []

    async def read(_said: str, _take: object, op: str, **_fields: object) -> bool:
        requests.append(op)
        if op == "sort_rows" and error is not None:
            kind = "Cancelled" if error == "cancelled" else "RowsChanged"
            described = {
                "type": kind,
                "message": "",
                "code": error,
                "params": {},
                "hint": "",
                "hints": [],
            }
            raise module.RequestError(described)
        return True

    console = MagicMock()
    sorting = module.Sorting(console, MagicMock(), MagicMock(read=read), results)
    module.dialogs.ask = AsyncMock(return_value=("act.sort-read", ""))
    asyncio.run(sorting.by(0, False))
    if module.dialogs.ask.called:
        requests.insert(1, "asks")
    return requests, results


def test_the_page_sends_its_rows_where_the_query_may_not_be_run_again(page: FakePage) -> None:
    assert asked(page, None)[0] == ["sort_rows"]
    for code in ("data-changed", "query-varies", "not-run-again", "sqlite"):
        assert asked(page, code)[0] == ["sort_rows", "sort_held"]
    assert asked(page, "data-changed", complete=False)[0] == ["sort_rows", "asks", "sort_held"]
    # A slow query is not run again for a few rows that the page has.
    assert asked(page, None, seconds=9)[0] == ["sort_held"]
    assert asked(page, None, seconds=9, complete=False)[0] == ["sort_rows"]
    requests, results = asked(page, "cancelled")
    assert requests == ["sort_rows"]
    results.unsort.assert_called()


@pytest.mark.parametrize(
    ("sql", "is_apart"),
    [
        ("SELECT * FROM big LIMIT 10", True),
        ("SELECT n, x FROM big WHERE n > 5 LIMIT 10 OFFSET 20", True),
        ("SELECT * FROM few", True),
        ("SELECT * FROM few JOIN big USING (n)", True),
        ("SELECT n, row_number() OVER () AS r, x FROM big", True),
        ("SELECT x, n, count(*) FROM big GROUP BY n % 7", True),
        ("SELECT DISTINCT y FROM big", True),
        ("SELECT y FROM big UNION SELECT 'KEY 1'", True),
        ("SELECT group_concat(x) FROM (SELECT x FROM big WHERE n < 50)", True),
        ("SELECT n, (SELECT x FROM big b LIMIT 1) FROM big WHERE n < 9", True),
        ("SELECT n, x FROM big WHERE x > 'key 3' ORDER BY x", False),
        ("SELECT a.n, upper(b.x) || '!' FROM big a JOIN big b ON a.n = b.n", False),
        ("SELECT n, x FROM big", False),
    ],
)
def test_the_rows_are_those_that_were_read_also_where_others_would_be_in_that_order(
    client: Client, sql: str, is_apart: bool
) -> None:
    client.run(
        "CREATE TABLE big (n INTEGER PRIMARY KEY, x TEXT, y TEXT COLLATE NOCASE);"
        "WITH c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 500)"
        " INSERT INTO big SELECT i, 'key ' || (i * 7919 % 503),"
        " CASE i % 2 WHEN 1 THEN 'key ' ELSE 'KEY ' END || (i / 4) FROM c;"
        "CREATE INDEX by_x ON big (x); CREATE INDEX by_y ON big (y DESC);"
        "CREATE VIEW few AS SELECT n, x FROM big LIMIT 20"
    )
    state, rows = read(client, sql)
    for column in range(1, len(rows[0]) + 1):
        for order in (f"{column}", f"{column} desc"):
            reply = client.ask("sort_rows", sql=sql, state=state, order=[order], rows=7)
            assert ("MATERIALIZED" in reply["sql"]) == is_apart, sql
            assert sorted(taken(client, reply)) == sorted(rows), (sql, order)
