"""Long scripts: the text is sent once, and outcomes without rows come as one."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from .fake_host import Client, FakeHost, FakeStorage


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    # Replies end by the number of statements only, whatever else this machine does.
    monkeypatch.setattr("sahpool_console.session.operations.run.RUN_SECONDS", 600)
    client = Client(FakeHost(FakeStorage(tmp_path)))
    client.ask("open", database="notes.db")
    return client


def numbers(client: Client, outcome: dict[str, Any]) -> list[tuple[float, ...]]:
    """Start, end, line, seconds and changes of each of many statements."""
    return list(struct.iter_unpack("<5d", client.parts[outcome["part"]]))


def whole(client: Client, sql: str, number: int = 1) -> tuple[list[dict[str, Any]], int]:
    """All outcomes of a script that is sent once, and the number of requests."""
    outcomes: list[dict[str, Any]] = []
    text, requests = sql, 0
    start: int | None = 0
    while start is not None:
        reply = client.ask("run", sql=text, script=number, start=start, merge=True)
        requests += 1
        for outcome in reply["outcomes"]:
            if outcome["kind"] == "many":
                outcome["each"] = numbers(client, outcome)
            outcomes.append(outcome)
        text, start = "", reply["next"]
    return outcomes, requests


def test_the_text_of_a_script_is_sent_once(client: Client) -> None:
    sql = "CREATE TABLE t (a);\n" + "INSERT INTO t VALUES (1);\n" * 3 + "SELECT count(*) FROM t"
    first = client.ask("run", sql="SELECT 1; " + sql, script=4, rows=1)
    while first["next"] is not None:
        first = client.ask("run", sql="", script=4, start=first["next"])
    assert client.rows("SELECT count(*) FROM t") == [(3,)]


def test_a_script_that_the_session_does_not_keep_is_refused(client: Client) -> None:
    error = client.fail("run", sql="", script=9)
    assert error["type"] == "ProtocolError"
    client.ask("run", sql="SELECT 1", script=9)
    # It has run to its end, so nothing is kept.
    assert client.fail("run", sql="", script=9)["type"] == "ProtocolError"


def test_another_tab_does_not_have_the_script(client: Client) -> None:
    client.ask("run", sql="SELECT 1; SELECT 2; SELECT 3", script=5, rows=1)
    other = Client(client.host, client.service, "other")
    other.ask("open", database="notes.db")
    assert other.fail("run", sql="", script=5)["type"] == "ProtocolError"


def test_outcomes_without_rows_come_as_one_with_the_figures_of_each(client: Client) -> None:
    sql = "CREATE TABLE t (a);\n" + "INSERT INTO t VALUES (1), (2);\n" * 30 + "SELECT 7;\nBEGIN"
    outcomes, _ = whole(client, sql)
    assert [outcome["kind"] for outcome in outcomes] == ["many", "rows", "done"]
    many = outcomes[0]
    assert many["count"] == 31
    assert many["changes"] == 60
    assert many["elapsed"] == pytest.approx(sum(each[3] for each in many["each"]))
    texts = [sql[int(start) : int(end)] for start, end, *_ in many["each"]]
    assert texts == ["CREATE TABLE t (a);"] + ["INSERT INTO t VALUES (1), (2);"] * 30
    assert [each[2] for each in many["each"]] == list(range(1, 32))
    assert [each[4] for each in many["each"]] == [-1] + [2] * 30
    assert outcomes[1]["line"] == 32


def test_few_outcomes_come_one_by_one(client: Client) -> None:
    outcomes, _ = whole(client, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    assert [outcome["kind"] for outcome in outcomes] == ["done", "done"]


def test_an_error_ends_a_script_and_has_its_place_in_the_whole_text(client: Client) -> None:
    many = "INSERT INTO t VALUES ('é');\n" * 3000
    sql = f"CREATE TABLE t (a); BEGIN;\n{many}SELECT nothing;"
    outcomes, requests = whole(client, sql)
    assert requests < 10
    assert outcomes[-1]["error"]["message"] == 'near "nothing": syntax error'
    assert sql.encode()[outcomes[-1]["start"] :] == b"SELECT nothing;"
    assert outcomes[-1]["line"] == 3002


def test_a_hundred_thousand_statements_take_few_replies_and_linear_time(client: Client) -> None:
    sql = "CREATE TABLE t (a);\nBEGIN;\n" + "INSERT INTO t VALUES (1);\n" * 100_000 + "COMMIT;"
    outcomes, requests = whole(client, sql)
    assert sum(outcome.get("count", 1) for outcome in outcomes) == 100_003
    assert client.rows("SELECT count(*) FROM t") == [(100_000,)]
    assert len(outcomes) < 4 * requests
