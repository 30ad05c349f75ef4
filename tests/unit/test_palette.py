"""What the palette finds, and in which order; keys and queries as it shows and runs them."""

from __future__ import annotations

import time

import pytest

from core import format as texts
from features.palette.ranking import ranked

NAMES = ["load the sample", "export the rows…", "sales", "track_sales", "wholesales", "the rows"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", NAMES),
        ("  ", NAMES),
        ("sales", ["sales", "track_sales", "wholesales"]),
        ("SALES track", ["track_sales"]),
        ("the r", ["the rows", "export the rows…"]),
        ("xport", ["export the rows…"]),
        ("rows zebra", []),
    ],
)
def test_names_that_begin_with_the_words_come_first(typed: str, found: list[str]) -> None:
    assert [NAMES[number] for number in ranked(NAMES, typed)] == found


def test_a_word_that_begins_a_later_word_counts_as_its_beginning() -> None:
    assert ranked(["a sand tan", "a sand an"], "an") == [1, 0]


def test_ten_times_as_many_names_take_no_more_than_their_share_of_time() -> None:
    def seconds(count: int) -> float:
        names = [f"table_{number}_of_many" for number in range(count)]
        began = time.perf_counter()
        assert len(ranked(names, "many tab")) == count
        return time.perf_counter() - began

    assert min(seconds(50_000) for _ in range(3)) < 50 * min(seconds(5_000) for _ in range(5))


@pytest.mark.parametrize(
    ("key", "here", "apple"),
    [
        ("Mod-k", "Ctrl+K", "⌘+K"),
        ("Mod-Enter", "Ctrl+Enter", "⌘+Enter"),
        ("Alt-Shift-D", "Alt+Shift+D", "Alt+Shift+D"),
        ("?", "?", "?"),
        ("Mod-,", "Ctrl+,", "⌘+,"),
    ],
)
def test_a_key_is_written_as_on_its_keyboard(key: str, here: str, apple: str) -> None:
    assert (texts.key_name(key, False), texts.key_name(key, True)) == (here, apple)


def test_a_table_is_named_with_its_schema_where_its_name_is_not_clear() -> None:
    schema = [
        {"schema": "main", "name": 'a"b'},
        {"schema": "main", "name": "T"},
        {"schema": "temp", "name": "t"},
        {"schema": "other", "name": "u"},
    ]
    assert [texts.source(table, schema) for table in schema] == [
        '"a""b"',
        '"main"."T"',
        '"temp"."t"',
        '"other"."u"',
    ]
    assert texts.first_rows('"u"') == 'SELECT * FROM "u" LIMIT 100;'
