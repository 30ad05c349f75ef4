"""How the page words counts, sizes, times and names."""

from __future__ import annotations

import pytest

from app import words


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (336776, "336,776 rows")]
)
def test_counts_agree_with_their_nouns(number: int, said: str) -> None:
    assert words.count(number, "row") == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "1.0 MB"),
        (31_053_850, "31.1 MB"),
        (5_000_000_000, "5.0 GB"),
        (7_000_000_000_000, "7000 GB"),
    ],
)
def test_sizes_are_in_decimal_units(length: int, said: str) -> None:
    assert words.size(length) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "less than 1 ms"),
        (0.0124, "12 ms"),
        (0.9996, "1.00 s"),
        (1.236, "1.24 s"),
        (12.34, "12.3 s"),
        (125.4, "2 min 5 s"),
    ],
)
def test_times_are_as_exact_as_they_are_of_use(seconds: float, said: str) -> None:
    assert words.time(seconds) == said


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    assert words.quoted('a"b.c') == '"a""b.c"'


def test_text_is_cut_to_one_line() -> None:
    assert words.brief("SELECT 1\n   FROM t", 40) == "SELECT 1 FROM t"
    assert words.brief("x" * 50, 10) == "x" * 9 + "…"


def test_a_taken_name_gets_the_next_number() -> None:
    assert words.numbered("notes.db", ["notes.db", "notes 2.db"]) == "notes 3.db"
    assert words.numbered("flights", ["flights"]) == "flights 2"
    assert words.numbered(".hidden", []) == ".hidden 2"
