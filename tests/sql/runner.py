"""Runs scripts of statements and keeps what each of them answered; here and inside a runtime.

Runs on both sides, inside Pyodide and outside.

A statement is text, with parameters when it is a list, or one of these: ``["reopen"]`` closes the
database and opens it again, ``["blob", table, column, rowid, offset, hexadecimal]`` writes to a
value through incremental I/O and reads it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

Statement = str | list[Any]


def encoded(value: Any) -> Any:
    """A value of SQLite's for JSON, with its type."""
    if isinstance(value, bytearray):  # text, valid UTF-8 or not
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        return ["real", value.hex()]
    if isinstance(value, bytes):
        return ["blob", value.hex()]
    if isinstance(value, int):
        return ["integer", str(value)]
    return value


def run(
    connect: Callable[[], sqlite3.Connection], script: list[Statement], mode: str, other: str
) -> list[list[Any]]:
    """What each statement answered, and at the end what the database holds.

    Rows come in the order of the database where a statement says ORDER BY, else sorted: SQLite may
    give them in any order then, and its versions do.

    Args:
        connect: Opens the database, in autocommit mode.
        script: The statements.
        mode: The journal mode.
        other: What ``@OTHER@`` in a statement stands for: another database.
    """
    con = connect()
    ((told,),) = con.execute(f"PRAGMA journal_mode={mode}")
    assert told == mode, told
    answers = []
    for statement in script:
        if statement == ["reopen"]:
            con.close()
            con = connect()
            continue
        if isinstance(statement, str):
            statement = statement.replace("@OTHER@", other)
        answers.append(_answer(con, statement))
    if con.in_transaction:
        con.execute("ROLLBACK")
    con.close()
    con = connect()
    answers += [_answer(con, sql) for sql in _all(con)]
    con.close()
    return answers


def _answer(con: sqlite3.Connection, statement: Statement) -> list[Any]:
    con.text_factory = bytearray  # tells TEXT, whatever is in it, from BLOB
    try:
        if isinstance(statement, list) and statement[0] == "blob":
            return ["blob", _blob(con, *statement[1:])]
        sql, parameters = (statement, []) if isinstance(statement, str) else statement
        # What JSON has no form for comes as ["blob", hexadecimal] or ["real", hexadecimal].
        cursor = con.execute(sql, [_decoded(each) for each in parameters])
        rows = [[encoded(value) for value in row] for row in cursor]
        if "ORDER BY" not in sql:
            rows.sort(key=repr)
        names = [column[0] for column in cursor.description or ()]
        return ["rows", names, rows, cursor.rowcount, con.in_transaction]
    except (sqlite3.Error, ValueError) as error:  # a blob's end is a ValueError
        code = getattr(error, "sqlite_errorcode", 0)
        return ["error", type(error).__name__, code, str(error), con.in_transaction]


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        kind, text = value
        return bytes.fromhex(text) if kind == "blob" else float.fromhex(text)
    return value


def _blob(
    con: sqlite3.Connection, table: str, column: str, rowid: int, offset: int, content: str
) -> str:
    with con.blobopen(table, column, rowid) as blob:
        blob.seek(offset)
        blob.write(bytes.fromhex(content))
        blob.seek(0)
        return blob.read().hex()


def _all(con: sqlite3.Connection) -> list[str]:
    """Statements that show all that a database holds."""
    con.text_factory = str
    names = [
        name
        for (name,) in con.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
            " AND name NOT LIKE 'sqlite_stat%'"
            " AND name NOT GLOB 'search_*' AND name NOT GLOB 'box_*'"
            " ORDER BY name"  # of virtual tables the shadows are the module's own business
        )
    ]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    return [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
        *(f"SELECT * FROM {name}" for name in quoted),
        "PRAGMA integrity_check",
        "PRAGMA foreign_key_check",
        "PRAGMA user_version",
    ]
