"""Functions of SQL that are written in Python: what they give, and how they are stopped."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sahpool.functions.similarity import levenshtein
from sahpool_console import sql_functions
from sahpool_console.session.host import Function
from sahpool_console.session.sql.functions import Functions

from .fake_host import Client

LONG = "replace(hex(zeroblob(50000)), '0', 'ab')"


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """What handles SIGALRM is afterwards what it was before."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


@contextmanager
def alarms() -> Iterator[None]:
    """SIGALRM every five milliseconds, as a worker has it; once there is a function."""
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def analyst(client: Client) -> Client:
    """A client whose connection has the console's functions."""
    client.host.engine.own_functions = sql_functions.FUNCTIONS
    client.host.engine.own_aggregates = sql_functions.AGGREGATES
    client.ask("open", database="other.db")
    return client


def run_cancelled(client: Client, sql: str) -> dict[str, Any]:
    """The reply to a run that is cancelled at its second tick."""
    seen = 0
    head = f'{{"id": 1000000, "op": "cancel", "target": {client.next_id()}}}'

    def tick() -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            with pytest.raises(StopIteration):  # it is answered at once
                client.service.handle(client.key, head, []).send(None)

    client.host.loop.on_tick = tick
    with alarms():
        return asyncio.run(client.send("run", sql=sql))


def test_a_python_function_becomes_one_of_sql_with_as_many_arguments_as_it_has(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_functions, "FUNCTIONS", [])

    @sql_functions.sql_function(deterministic=False)
    def twice(text: str, *, separator: str = ", ") -> str:
        return text + separator + text

    @sql_functions.sql_function(deterministic=True)
    def longest(*texts: str) -> str:
        return max(texts, key=len)

    client.host.engine.own_functions = sql_functions.FUNCTIONS
    client.ask("open", database="other.db")
    assert client.rows("SELECT twice('a'), longest('a', 'abc', 'ab')") == [("a, a", "abc")]
    assert "wrong number of arguments" in client.error("SELECT twice('a', 'b')")["message"]
    assert client.error("CREATE TABLE t (a, b AS (twice(a)))")["message"].startswith("non-det")
    assert twice("b", separator="") == "bb", "it is still the function that it was"


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("ab", "ba", 2),
        ("Straße", "Strasse", 2),
        ("a", "A", 1),
        ("😀", "😁", 1),
        ("e\u0301", "é", 2),
        ("abcdef", "xabcdef", 1),
        (None, "a", None),
        ("a", None, None),
        (None, None, None),
        (None, 1, None),
    ],
)
def test_the_distance_of_two_texts(one: Any, other: Any, distance: int | None) -> None:
    assert levenshtein(one, other) == distance
    assert levenshtein(other, one) == distance


def test_the_distance_is_what_the_definition_says() -> None:
    def defined(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        return min(
            defined(one[1:], other[1:]) + (one[0] != other[0]),
            defined(one[1:], other) + 1,
            defined(one, other[1:]) + 1,
        )

    words = ["", "a", "ab", "ba", "aba", "bab", "abba", "baab", "abcab"]
    for one in words:
        for other in words:
            assert levenshtein(one, other) == defined(one, other), (one, other)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [("1, 'a'", "an integer"), ("'a', 1.5", "a number"), ("x'00', 'a'", "a blob")],
)
def test_what_is_no_text_is_refused_in_clear_words(
    analyst: Client, arguments: str, kind: str
) -> None:
    error = analyst.error(f"SELECT levenshtein({arguments})")
    assert error["type"] == "FunctionFailed"
    assert error["message"] == (
        f"levenshtein: ValueError: it compares texts, and this is {kind}: use CAST"
    )
    assert analyst.rows("SELECT levenshtein('ab', 'b')") == [(1,)]


def test_what_a_function_raises_is_told_of_rows_that_are_read_later_too(analyst: Client) -> None:
    sql = "SELECT levenshtein('a', iif(value < 5, 'b', value)) FROM generated"
    analyst.run(
        "CREATE TABLE generated AS WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL"
        " SELECT value + 1 FROM n LIMIT 9) SELECT value FROM n"
    )
    (outcome,) = analyst.ask("run", sql=sql, rows=2)["outcomes"]
    error = analyst.fail("fetch", cursor=outcome["cursor"], rows=20)
    assert error["type"] == "FunctionFailed"


def test_an_error_that_has_nothing_to_do_with_it_stays_what_it_is(analyst: Client) -> None:
    assert analyst.error("SELECT levenshtein(1, 'a')")["type"] == "FunctionFailed"
    assert analyst.error("SELECT nothing_of_this_name")["type"] == "OperationalError"
    assert analyst.error("SELECT abs(-9223372036854775807 - 1)")["type"] == "OperationalError"


def test_the_editor_is_told_of_them_among_sqlite_s_own(analyst: Client) -> None:
    words = analyst.ask("words")["functions"]
    assert {"abs", "levenshtein"} <= set(words)
    assert words == sorted(words)


def test_an_index_may_use_a_function_that_is_deterministic(analyst: Client) -> None:
    analyst.run("CREATE TABLE t (a); CREATE INDEX i ON t (levenshtein(a, 'x'))")
    analyst.run("INSERT INTO t VALUES ('xy'), (NULL)")
    assert analyst.rows("SELECT a FROM t WHERE levenshtein(a, 'x') = 1") == [("xy",)]
    assert analyst.error("INSERT INTO t VALUES (1)")["type"] == "FunctionFailed"


def test_a_function_that_loops_is_stopped_by_a_cancel(analyst: Client) -> None:
    reply = run_cancelled(analyst, f"SELECT levenshtein({LONG}, {LONG} || 'c')")
    (outcome,) = reply["outcomes"]
    assert outcome["error"]["type"] == "Cancelled"
    assert not reply["in_transaction"]
    assert analyst.rows("SELECT levenshtein('ab', 'b')") == [(1,)]


def test_a_transaction_goes_on_after_a_function_in_it_was_stopped(analyst: Client) -> None:
    analyst.run("CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")
    reply = run_cancelled(analyst, f"INSERT INTO t SELECT levenshtein({LONG}, {LONG} || 'c')")
    assert reply["outcomes"][0]["error"]["type"] == "Cancelled"
    assert reply["in_transaction"]
    analyst.run("COMMIT")
    assert analyst.rows("SELECT a FROM t") == [(1,)]


def test_an_aggregate_in_python_is_one_of_sql_and_a_window_function(analyst: Client) -> None:
    analyst.run("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (4), (NULL)")
    assert analyst.rows("SELECT median(a), string_agg(a, '-') FROM t") == [(2.0, "1-2-4")]
    window = "SELECT percentile(a, 50) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t"
    assert analyst.rows(window) == [(None,), (1.0,), (1.5,), (3.0,)]
    assert analyst.rows("SELECT median(a) FROM t GROUP BY a > 1") == [(None,), (1.0,), (3.0,)]


def test_what_an_aggregate_raises_is_told(analyst: Client) -> None:
    error = analyst.error("SELECT percentile(1, 101)")
    assert error["type"] == "FunctionFailed"
    assert "not between 0.0 and 100.0" in error["message"]
    assert analyst.rows("SELECT percentile(1, 100)") == [(1.0,)]


def test_a_table_function_is_registered_when_a_statement_asks_for_it(client: Client) -> None:
    def add(con: sqlite3.Connection) -> None:
        con.execute("CREATE TEMP VIEW series AS SELECT 7 AS value")

    client.host.engine.own_tables["series"] = add
    client.run("CREATE VIEW v AS SELECT value FROM series")
    assert client.rows("SELECT value FROM series") == [(7,)]
    assert client.error("SELECT * FROM missing")["message"] == "no such table: missing"


def test_nothing_is_stopped_or_suspended_between_two_calls() -> None:
    con = sqlite3.connect(":memory:")
    ticks: list[int] = []
    functions = Functions(con, lambda: ticks.append(1))
    functions.register(Function("once", 0, lambda: 1, deterministic=False))
    functions.register(Function("twice", 0, lambda: 2, deterministic=False))
    with alarms():
        assert con.execute("SELECT once() + twice()").fetchone() == (3,)
        signal.raise_signal(signal.SIGALRM)
    assert ticks == []
    con.close()


def test_while_a_function_is_suspended_no_other_code_is() -> None:
    con = sqlite3.connect(":memory:")
    depths: list[int] = []

    def tick() -> None:
        depths.append(len(depths))
        signal.raise_signal(signal.SIGALRM)  # meanwhile, in Python of somebody else's

    functions = Functions(con, tick)

    def loop() -> int:
        signal.raise_signal(signal.SIGALRM)
        signal.raise_signal(signal.SIGALRM)
        return 5

    functions.register(Function("loop", 0, loop, deterministic=False))
    assert con.execute("SELECT loop()").fetchone() == (5,)
    assert depths == [0, 1]
    con.close()
