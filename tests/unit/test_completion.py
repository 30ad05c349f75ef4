"""What the editor offers as the next word."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from .node import ask

SCRIPT = Path(__file__).with_name("completion.mjs")

_SOME = """
    SELECT FROM WHERE AS JOIN LEFT ORDER BY GROUP LIMIT WITHOUT AUTOINCREMENT VACUUM VALUES VIEW
    TABLE AND OR NOT CREATE DELETE UPDATE INSERT INTO SET ON USING WITH UNION TO
"""
KEYWORDS = _SOME.split()
FUNCTIONS = ["total", "count", "geopoly_contains_point", "datetime"]


def table(name: str, *columns: str, schema: str = "main") -> dict[str, Any]:
    return {
        "schema": schema,
        "name": name,
        "type": "table",
        "columns": [{"name": each, "type": "", "pk": 0, "hidden": 0} for each in columns],
    }


SCHEMA = [
    table("Invoice", "InvoiceId", "BillingCity", "Total"),
    table("Track", "TrackId", "Name", "unit_price"),
    table("order", "id", "to go"),
    table("log", "at", "line", schema="aux"),
]


def offers(*texts: str) -> list[list[str]]:
    """The labels that are offered at the ``|`` of each text; empty for nothing."""
    given = {"schema": SCHEMA, "keywords": KEYWORDS, "functions": FUNCTIONS, "texts": texts}
    found = ask(SCRIPT, given)["offers"]
    return [[option["label"] for option in offer["options"]] if offer else [] for offer in found]


def test_columns_of_the_tables_that_are_read_come_first() -> None:
    (found,) = offers("SELECT Tot| FROM Invoice")
    assert found == ["Total", "total"]
    (found,) = offers("SELECT * FROM Track t JOIN Invoice i WHERE na|")
    assert found[0] == "Name"


@pytest.mark.parametrize("typed", ["t", "to", "tot"])
def test_below_four_letters_only_beginnings_of_names_and_words_are_offered(typed: str) -> None:
    (found,) = offers(f"SELECT {typed}| FROM Invoice")
    assert "Total" in found
    assert not {"WITHOUT", "AUTOINCREMENT", "geopoly_contains_point"} & set(found)


def test_a_word_within_a_name_counts() -> None:
    first, second = offers("SELECT pri| FROM Track", "SELECT cit| FROM Invoice")
    assert first == ["unit_price"]
    assert second == ["BillingCity"]


def test_from_four_letters_on_the_middle_of_a_name_counts() -> None:
    (found,) = offers("SELECT oint| FROM Track")
    assert found[0] == "geopoly_contains_point"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT val AS v|",
        "SELECT val AS |",
        "SELECT val v|",
        "SELECT count(*) c|",
        "SELECT * FROM Track t|",
        "SELECT * FROM Track AS t|",
        "SELECT 'it''s' s|",
        "SELECT 1 o|",
        'SELECT "Name" n|',
        "SELECT t.* x|",
    ],
)
def test_nothing_is_offered_where_an_alias_is_written(text: str) -> None:
    assert offers(text) == [[]]


def test_a_keyword_that_can_follow_is_offered_there_from_two_letters_on() -> None:
    first, second, third = offers(
        "SELECT * FROM Track wh|", "SELECT Name fr|", "SELECT * FROM Track t le|"
    )
    assert first == ["WHEN", "WHERE"]
    assert second == ["FROM"]
    assert third == ["LEFT"]


@pytest.mark.parametrize(
    "text",
    ["SELECT 'Tra|", "-- SELECT Tra|", "/* Tra|", "SELECT 'it''s Tra|", "SELECT 1; -- Tra|"],
)
def test_nothing_is_offered_within_strings_and_comments(text: str) -> None:
    assert offers(text) == [[]]


def test_after_from_there_are_tables_and_nothing_else() -> None:
    first, second, third, fourth = offers(
        "SELECT * FROM |", "SELECT * FROM T|", "SELECT * FROM Track, I|", "UPDATE tr|"
    )
    assert first == []  # not before a letter, unless a person asks
    assert second == ["Track"]
    assert third == ["Invoice"]
    assert fourth == ["Track"]


def test_common_table_expressions_are_tables() -> None:
    (found,) = offers("WITH best AS (SELECT 1) SELECT * FROM be|")
    assert found == ["best"]


def test_a_dot_leads_to_the_columns_of_a_table_an_alias_or_to_the_tables_of_a_schema() -> None:
    by_alias, by_name, by_schema, nothing = offers(
        "SELECT t.| FROM Track t", "SELECT Track.n| FROM Track", "SELECT * FROM aux.|", "SELECT z.|"
    )
    assert by_alias == ["TrackId", "Name", "unit_price"]
    assert by_name == ["Name"]
    assert by_schema == ["log"]
    assert nothing == []


def test_only_the_statement_at_the_cursor_counts() -> None:
    (found,) = offers("SELECT 1 FROM Track; SELECT tot| FROM Invoice; SELECT Name FROM Track")
    assert found == ["Total", "total"]


def test_a_name_that_needs_quotation_marks_gets_them() -> None:
    given = {"schema": SCHEMA, "keywords": KEYWORDS, "functions": FUNCTIONS}
    texts = ["SELECT * FROM ord|", 'SELECT "to| FROM "order"', "SELECT [to|] FROM [order]"]
    found = ask(SCRIPT, {**given, "texts": texts})["offers"]
    assert found[0]["options"][0]["apply"] == '"order"'
    assert found[1]["options"][0]["apply"] == '"Total"' or '"to go"' in [
        option["apply"] for option in found[1]["options"]
    ]
    assert found[2]["options"][-1]["apply"] in ("[to go", "[Total")
    for offer in found:
        for option in offer["options"]:
            name = option.get("apply", option["label"])
            assert sqlite3.complete_statement(f"SELECT {name.rstrip(']')};") or name[0] == "["


def test_typing_among_500_tables_takes_less_than_a_frame() -> None:
    schema = [table(f"table_{n}", *(f"column_{n}_{m}" for m in range(20))) for n in range(500)]
    text = (
        "SELECT "
        + ", ".join(f"column_7_{m}" for m in range(20))
        + ", co| FROM table_7 JOIN table_8"
    )
    given = {"schema": schema, "keywords": KEYWORDS, "functions": FUNCTIONS}
    texts = [text, text.replace("co|", "column_4|"), "SELECT c|", "SELECT * FROM ta|"]
    times = sorted(ask(SCRIPT, {**given, "texts": texts, "rounds": 200})["times"])
    assert times[int(len(times) * 0.95)] < 16
