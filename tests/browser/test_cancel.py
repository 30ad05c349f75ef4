"""How soon the real worker replies when its work is cancelled."""

from __future__ import annotations

import statistics

from tests.browser.cancelling import LONG_TEXT, Desk
from tests.browser.console_page import Console

BOUND = 500
"""Most milliseconds from the cancel to the reply, on a machine that may be busy."""

SORTED_BOUND = 200
"""Most milliseconds for half of the sorts: 32 MiB sorted in one go took more than twice that."""

ROWS = 400_000

SHARES = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
"""Shares of its duration, from 0 to 1, after which a sort is cancelled."""

VACUUM_SHARES = (0.2, 0.5, 0.7, 0.8, 0.9)
"""The same for a VACUUM, which writes a copy in two thirds of the time, then copies it back."""

# Each comparison is slow, because all rows begin with the same long text.
SORT = "SELECT id FROM t ORDER BY replace(hex(zeroblob(200)), '0', 'y') || c COLLATE NOCASE DESC"

# Takes some minutes.
TEXT = LONG_TEXT.replace("500", "100000")
FUNCTION = f"SELECT levenshtein({TEXT.format('ab')}, {TEXT.format('bca')})"


def check_cancels(console: Console) -> None:
    """Cancels each kind of work; the Desk checks the transaction, the database, the next query."""
    desk = Desk(console.browser, console.url, rows=ROWS, lines=1000)
    duration = desk.duration("sort", SORT)
    waited = [
        desk.cancel("sort", duration * share, within=bool(turn % 2), sql=SORT)
        for turn, share in enumerate(SHARES)
    ]
    times = [each for each in waited if each is not None]
    assert len(times) > len(SHARES) / 2, "the others were done before"
    assert statistics.median(times) < SORTED_BOUND, times
    for within in (False, True):
        took = desk.cancel("Python function", 500, within=within, sql=FUNCTION)
        assert took is not None
        assert took < BOUND
    duration = desk.duration("VACUUM")
    for share in VACUUM_SHARES:
        took = desk.cancel("VACUUM", duration * share, within=False)
        assert took is None or took < BOUND
    desk.check()


def test_long_sorts_vacuums_and_functions_that_loop_are_cancelled_soon(console: Console) -> None:
    check_cancels(console)


def test_long_sorts_vacuums_and_functions_that_loop_are_cancelled_soon_in_firefox(
    firefox_console: Console,
) -> None:
    check_cancels(firefox_console)
