"""How the page words counts, sizes, times and names."""

from __future__ import annotations

import pytest

from core import format as texts
from core.messages import text


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (336776, "336,776 rows")]
)
def test_counts_agree_with_their_nouns(number: int, said: str) -> None:
    assert text("count.rows", count=number) == said


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([2], "tab 2"), ([0], "another tab"), ([3, 1], "2 tabs, tab 3 first")],
)
def test_tabs_are_named_by_their_numbers(numbers: list[int], said: str) -> None:
    assert texts.tabs(numbers) == said


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
    assert texts.size(length) == said


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
    assert texts.time(seconds) == said


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    assert texts.quoted('a"b.c') == '"a""b.c"'


def test_text_is_cut_to_one_line() -> None:
    assert texts.brief("SELECT 1\n   FROM t", 40) == "SELECT 1 FROM t"
    assert texts.brief("x" * 50, 10) == "x" * 9 + "…"


def test_a_taken_name_gets_the_next_number() -> None:
    assert texts.numbered("notes.db", ["notes.db", "notes 2.db"]) == "notes 3.db"
    assert texts.numbered("flights", ["flights"]) == "flights 2"
    assert texts.numbered(".hidden", []) == ".hidden 2"


def room(
    usage: int | None,
    quota: int | None,
    *,
    persisted: bool | None = False,
    kind: str = "opfs",
) -> texts.Room:
    return texts.Room(kind, persisted, usage, quota)


def test_the_storage_s_line_says_how_much_is_used_and_what_becomes_of_it() -> None:
    line = room(12_300_000, 60_000_000_000, persisted=True).line()
    assert line == "12.3 MB used of 60.0 GB · kept until you delete it"
    line = room(12_300_000, 60_000_000_000).line()
    assert line == "12.3 MB used of 60.0 GB · the browser may clear it"
    assert room(4096, None, kind="memory").line() == "4.1 kB used · in memory only"


def test_a_browser_that_tells_no_figures_promises_nothing() -> None:
    silent = room(None, None, persisted=None)
    assert silent.line() == "The browser does not tell how much is used · the browser may clear it"
    assert (silent.left(), silent.share(), silent.is_tight()) == (None, 0.0, False)
    assert silent.lacks_room_for(10**15) is None


@pytest.mark.parametrize(
    ("usage", "said"), [(799, None), (800, "80 % full"), (999, "99 % full"), (1200, "full")]
)
def test_four_fifths_of_the_quota_are_nearly_full(usage: int, said: str | None) -> None:
    tight = room(usage, 1000)
    assert tight.is_tight() == (said is not None)
    if said is not None:
        assert tight.line().endswith(said)
        assert tight.warning()[0] == f"The storage is {said}."


def test_a_file_that_is_larger_than_what_is_left_is_asked_about_with_numbers() -> None:
    here = room(8_000_000, 10_000_000)
    assert here.lacks_room_for(2_000_000) is None
    asked = str(here.lacks_room_for(2_000_001))
    for number in ("2.0 MB", "10.0 MB"):
        assert number in asked


def test_databases_that_would_be_lost_are_named() -> None:
    assert texts.unexported(["notes.db"]) == "notes.db has changes that are not exported."
    told = texts.unexported(["notes.db", "a", "b"])
    assert told == "notes.db and 2 others have changes that are not exported."
