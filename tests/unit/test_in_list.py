"""Rows as a list in brackets, for IN."""

from __future__ import annotations

import pytest

from .fake_host import Client


@pytest.mark.parametrize(
    ("sql", "expected", "left_out"),
    [
        ("SELECT column1 FROM (VALUES (2), (1), (2), (NULL))", "(2, 1)", 1),
        ("SELECT 'it''s' UNION ALL SELECT x'00'", "('it''s', X'00')", 0),
        ("SELECT 1, 'a' UNION ALL SELECT 2, NULL", "(VALUES (1, 'a'))", 1),
        ("SELECT NULL", "()", 1),
        ("SELECT 1 WHERE 0", "()", 0),
    ],
)
def test_rows_become_a_list_that_in_takes(
    client: Client, sql: str, expected: str, left_out: int
) -> None:
    reply = client.ask("export_rows", sql=sql, format="in-list")
    assert client.parts == [expected.encode()]
    assert [note["params"]["count"] for note in reply["notes"]] == [left_out] * bool(left_out)
    width = "(1, 2)" if "VALUES" in expected else "3"
    assert client.rows(f"SELECT coalesce({width} IN {expected}, 0)") == [(0,)]
    assert "in-list" not in [each["name"] for each in client.ask("formats")["exports"]]
