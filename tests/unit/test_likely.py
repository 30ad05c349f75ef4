"""What a misspelt name was meant to be: said, at its place, and replaced."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .fake_host import Client

#: As sqlite3_keyword_name() gives them (abi.keywords), those that matter here.
KEYWORDS = re.findall(
    r"\w+",
    "AS BY CREATE DEFAULT DELETE DISTINCT FROM GROUP INSERT INTO JOIN LIMIT ON ORDER SELECT SET "
    "TABLE UPDATE VALUES WHERE",
)


SCHEMA = """
CREATE TABLE artist (id INTEGER PRIMARY KEY, name TEXT, "birth day" TEXT, "order" INT);
CREATE TABLE album (id INTEGER PRIMARY KEY, artist_id INT, title TEXT);
CREATE VIEW long_albums AS SELECT * FROM album;
CREATE TABLE "Straße" (größe);
ATTACH ':memory:' AS other;
CREATE TABLE other.customers (email);
"""


@pytest.fixture
def music(client: Client) -> Client:
    client.host.engine.own_keywords = KEYWORDS
    client.run(SCHEMA)
    return client


def failed(client: Client, sql: str) -> dict[str, Any]:
    """The error of the last statement."""
    error = client.ask("run", sql=sql)["outcomes"][-1]["error"]
    assert error is not None, sql
    return dict(error)


def mended(sql: str, error: dict[str, Any]) -> str | None:
    """The SQL with what the error offers; None: it offers nothing."""
    if "replacements" not in error:
        return None
    text = sql.encode()
    for start, length, instead in reversed(error["replacements"]):
        text = text[:start] + instead.encode() + text[start + length :]
    return text.decode()


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        # Tables, with every place of their names.
        ("SELECT * FROM artists", "SELECT * FROM artist"),
        ("SELECT artsit.name FROM artsit", "SELECT artist.name FROM artist"),
        ("SELECT 1; SELECT 'é🙂', * FROM main.albun", "SELECT 1; SELECT 'é🙂', * FROM main.album"),
        ('SELECT * FROM "albums" -- albums', "SELECT * FROM album -- albums"),
        ("INSERT INTO albm (title) VALUES (1)", "INSERT INTO album (title) VALUES (1)"),
        ("UPDATE albm SET title = 1", "UPDATE album SET title = 1"),
        ("SELECT * FROM long_album", "SELECT * FROM long_albums"),
        ("SELECT * FROM Strase", 'SELECT * FROM "Straße"'),
        ("SELECT * FROM customer", "SELECT * FROM customers"),
        ("SELECT * FROM other.custmers", "SELECT * FROM other.customers"),
        ("DELETE FROM artis WHERE artis.id = 1", "DELETE FROM artist WHERE artist.id = 1"),
        (
            "SELECT artst.id FROM album AS artst JOIN artst",
            "SELECT artst.id FROM album AS artst JOIN artist",
        ),
        (
            "WITH hits (x) AS (SELECT 1) SELECT x FROM hit",
            "WITH hits (x) AS (SELECT 1) SELECT x FROM hits",
        ),
        # Columns of the tables that the statement names.
        ("SELECT nmae FROM artist", "SELECT name FROM artist"),
        ("SELECT a.nmae, a.id FROM artist a", "SELECT a.name, a.id FROM artist a"),
        ("SELECT 'nmae', nmae FROM artist", "SELECT 'nmae', name FROM artist"),
        ("SELECT id FROM artist WHERE birthday = 1", 'SELECT id FROM artist WHERE "birth day" = 1'),
        ("SELECT ordre FROM artist", 'SELECT "order" FROM artist'),
        ("SELECT titel FROM artist JOIN album", "SELECT title FROM artist JOIN album"),
        ("SELECT grösse FROM Straße", 'SELECT "größe" FROM Straße'),
        ("INSERT INTO album (titel) VALUES (1)", "INSERT INTO album (title) VALUES (1)"),
        ("UPDATE album SET titel = 1", "UPDATE album SET title = 1"),
        ("SELECT DISTINT title FROM album", "SELECT DISTINCT title FROM album"),
        # Functions.
        ("SELECT lenght(title) FROM album", "SELECT length(title) FROM album"),
        ("SELECT uper('lenght')", "SELECT upper('lenght')"),
        # Words of SQL: the one SQLite stumbles over, or the one before, taken for an alias.
        ("SELCT 1", "SELECT 1"),
        ("selct 1", "select 1"),
        ("SELECT id FORM artist", "SELECT id FROM artist"),
        ("SELECT * FROM artist WEHRE id = 1", "SELECT * FROM artist WHERE id = 1"),
        ("SELECT * FROM artist GROUP YB id", "SELECT * FROM artist GROUP BY id"),
        ("SELECT * FROM artist ORDR BY id", "SELECT * FROM artist ORDER BY id"),
        ("SELECT * FROM artist LIMTI 5", "SELECT * FROM artist LIMIT 5"),
        ("CREATE TABEL u (a)", "CREATE TABLE u (a)"),
        ("INSERT INTO album (title) VALEUS (1)", "INSERT INTO album (title) VALUES (1)"),
        ("DELETE FORM album", "DELETE FROM album"),
        ("UPDATE album STE title = 1", "UPDATE album SET title = 1"),
        ("/* é */ SELECT 1 FORM artist", "/* é */ SELECT 1 FROM artist"),
    ],
)
def test_a_misspelt_name_is_told_with_what_was_meant(music: Client, sql: str, meant: str) -> None:
    error = failed(music, sql)
    assert [hint["code"] for hint in error["hints"]] == ["did-you-mean"]
    assert mended(sql, error) == meant
    assert error["offset"] == error["replacements"][0][0]
    music.ask("run", sql="BEGIN")
    assert music.ask("run", sql=meant)["outcomes"][-1]["error"] is None
    music.ask("run", sql="ROLLBACK")


@pytest.mark.parametrize(
    ("sql", "at"),
    [
        ("SELECT * FROM nothing_like_it", "nothing_like_it"),
        ("SELECT é, nothing_like_it FROM artist", "é"),
        ("SELECT zz(1)", "zz"),
        ("SELECT id, zzzzzz FROM artist", "zzzzzz"),
    ],
)
def test_a_name_that_is_like_no_other_is_shown_where_it_stands(
    music: Client, sql: str, at: str
) -> None:
    error = failed(music, sql)
    assert error["offset"] == len(sql[: sql.index(at)].encode())
    assert "replacements" not in error


def test_a_column_of_several_tables_is_told_with_their_names(music: Client) -> None:
    sql = "SELECT id FROM artist AS a JOIN album ON artist_id = a.id"
    error = failed(music, sql)
    (hint,) = error["hints"]
    assert hint["code"] == "several-tables"
    assert sorted(hint["params"]["names"]) == ["a.id", "album.id"]
    assert error["offset"] == sql.index("id")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM artist WHERE",
        "SELECT name title name FROM artist",
        "SELECT (1",
        "SELECT * FROM artist artist album",
    ],
)
def test_what_is_no_slip_of_the_finger_gets_no_other_word(music: Client, sql: str) -> None:
    assert "replacements" not in failed(music, sql)


def test_thousands_of_names_are_compared_in_no_time(music: Client) -> None:
    music.run("".join(f"CREATE TABLE table_{number} (column_{number});" for number in range(3000)))
    error = failed(music, "SELECT * FROM tabel_1234")
    assert error["hints"][0]["params"]["name"] == "table_1234"
