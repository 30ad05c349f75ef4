"""What is told of an open transaction: since when, and how many rows it has changed."""

from __future__ import annotations

import pytest

from .fake_host import Client


def changed(client: Client, sql: str) -> int | None:
    """Run SQL, and return how many rows the open transaction has changed; None: none is open."""
    transaction = client.ask("run", sql=sql)["transaction"]
    if transaction is None:
        return None
    assert transaction["seconds"] >= 0
    return int(transaction["changes"])


def test_an_open_transaction_is_told_with_the_rows_it_has_changed(client: Client) -> None:
    assert changed(client, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)") is None
    assert changed(client, "BEGIN") == 0
    assert changed(client, "INSERT INTO t VALUES (3); UPDATE t SET x = x + 1; SELECT * FROM t") == 4
    assert client.ask("schema")["transaction"]["changes"] == 4
    assert changed(client, "DELETE FROM t WHERE x = 2") == 5
    assert changed(client, "INSERT INTO nothing VALUES (1)") == 5
    assert changed(client, "COMMIT") is None
    assert changed(client, "BEGIN") == 0
    assert changed(client, "ROLLBACK") is None


def test_the_transaction_is_as_old_as_its_first_statement(client: Client) -> None:
    client.ask("run", sql="BEGIN")
    first = client.ask("run", sql="SELECT 1")["transaction"]["seconds"]
    assert client.ask("run", sql="SELECT 1")["transaction"]["seconds"] > first > 0


NAMES = [
    ("a", "A"),
    ('"a b"', "[a b]"),
    ("`x``y`", '"x`y"'),
    ("'it''s'", '"it\'s"'),
    ("/* before */ s -- behind\n", "s /* behind */ ;"),
    ("savepoint", '"savepoint"'),
    ("Ünder", "Ünder"),
]


@pytest.mark.parametrize(("name", "again"), NAMES)
def test_what_a_savepoint_undoes_does_not_count(client: Client, name: str, again: str) -> None:
    client.ask("run", sql="CREATE TABLE t (x)")
    assert changed(client, f"SAVEPOINT {name}") == 0
    assert changed(client, "INSERT INTO t VALUES (1), (2)") == 2
    assert changed(client, "SAVEPOINT inner_one; DELETE FROM t") == 4
    assert changed(client, "ROLLBACK TRANSACTION TO SAVEPOINT inner_one") == 2
    assert changed(client, "DELETE FROM t; ROLLBACK TO inner_one; DELETE FROM t") == 4
    assert changed(client, "RELEASE SAVEPOINT inner_one") == 4
    assert changed(client, f"ROLLBACK TO {again}") == 0
    assert changed(client, "INSERT INTO t VALUES (7)") == 1
    assert changed(client, f"RELEASE {again}") is None
    assert client.ask("run", sql="SELECT count(*) FROM t")["outcomes"][0]["error"] is None


def test_of_savepoints_of_one_name_the_last_is_meant(client: Client) -> None:
    client.ask("run", sql="CREATE TABLE t (x)")
    assert changed(client, "BEGIN; INSERT INTO t VALUES (1); SAVEPOINT s") == 1
    assert changed(client, "INSERT INTO t VALUES (2); SAVEPOINT s; INSERT INTO t VALUES (3)") == 3
    assert changed(client, "ROLLBACK TO s") == 2
    assert changed(client, "RELEASE s; ROLLBACK TO s") == 1
