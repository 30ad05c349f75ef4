"""What a reply says of the schema: whether it may be another one than the page knows."""

from __future__ import annotations

import sqlite3

import pytest

from .fake_host import BytesSource, Client


def test_the_schema_is_said_to_change_when_it_does(client: Client) -> None:
    def changed(sql: str) -> bool:
        return bool(client.ask("run", sql=sql)["schema_changed"])

    assert changed("CREATE TABLE t (a)")
    assert not changed("INSERT INTO t VALUES (1)")
    assert not changed("SELECT * FROM t")
    assert changed("BEGIN; CREATE TABLE u (a)")
    assert changed("ROLLBACK")
    assert changed("CREATE TEMP TABLE v (a)")
    assert changed("ATTACH ':memory:' AS x")
    assert changed("DETACH x")
    assert changed("ALTER TABLE t RENAME TO w")
    assert changed("/* not the first word */ CREATE TABLE x (a UNIQUE)")
    assert not changed("WITH n AS (SELECT 1) INSERT INTO x SELECT * FROM n")
    assert changed("BEGIN; CREATE TABLE y (a)")
    assert changed("INSERT OR ROLLBACK INTO x VALUES (1)"), "it took the table with it"
    assert changed("BEGIN; CREATE TABLE y (a)")
    assert changed("ROLLBACK; CREATE TABLE z (a)"), "of as many changes as before"
    client.ask("import_file", BytesSource(b"a,b\n1,2\n"), name="data.csv")
    assert changed("SELECT * FROM data")


def test_the_schema_is_said_to_change_when_reading_on_undoes_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outcome,) = client.ask("run", sql="BEGIN; CREATE TABLE t (a)")["outcomes"][:1]
    sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    (outcome,) = client.ask("run", sql=sql, rows=5)["outcomes"]
    connection = client.session.open_connection

    def failing(*_: object) -> object:
        connection.con.execute("ROLLBACK")  # as SQLite does when the storage fails
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("sahpool_console.session.operations.run.next_piece", failing)
        client.fail("fetch", cursor=outcome["cursor"], rows=5)
    assert client.ask("run", sql="SELECT 1")["schema_changed"]
    assert not client.ask("run", sql="SELECT 1")["schema_changed"]
