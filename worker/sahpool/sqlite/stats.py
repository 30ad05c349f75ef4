"""The counters behind ``pool.stats``: SQLite's calls to a pool, and the time they took.

Reads, writes and syncs are counted in io.mjs, where they happen; the rest here. Clocks in browsers
are coarse (0.1 ms in Chromium, 1 ms in Firefox, unless the page is cross-origin isolated): the time
of one call means nothing, sums over hundreds of calls are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CallStats:
    """One kind of call.

    Attributes:
        calls: Number of calls.
        bytes: Bytes read or written; 0 for kinds that carry none.
        microseconds: Time spent in the calls. That of reads is estimated from every 16th.
        hits: Calls that were answered without the browser: those on temporary files in memory,
            reads past the end of a file or from read-ahead memory, writes that wait to be joined
            with the next ones, deletions of files that do not exist.
    """

    calls: int
    bytes: int
    microseconds: float
    hits: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The counts since the pool was installed, or since ``reset_stats()``.

    Attributes:
        read: xRead: pages that were not in SQLite's own cache.
        write: xWrite.
        truncate: xTruncate.
        sync: xSync: waiting until everything written is on the disk.
        open: xOpen: databases, journals, temporary files.
        delete: xDelete: journals mostly; in DELETE mode one for each commit.
        busy: How often a lock was refused because another connection held one.
    """

    read: CallStats
    write: CallStats
    truncate: CallStats
    sync: CallStats
    open: CallStats
    delete: CallStats
    busy: int


@dataclass(slots=True)
class Tally:
    """A running count of one kind of call.

    Attributes:
        timed: Number of calls that were timed; the other fields are those of CallStats.
    """

    calls: int = 0
    bytes: int = 0
    hits: int = 0
    timed: int = 0
    microseconds: float = 0.0

    def reset(self) -> None:
        """Sets the count to zero."""
        self.calls = self.bytes = self.hits = self.timed = 0
        self.microseconds = 0.0

    def add(self, seconds: float) -> None:
        """Counts one call and its time in seconds."""
        self.calls += 1
        self.timed += 1
        self.microseconds += 1e6 * seconds


class Tallies:
    """The counts of one VFS, except those in io.mjs."""

    def __init__(self) -> None:
        self.truncate, self.open, self.delete = (Tally() for _ in range(3))

    def reset(self) -> None:
        """Sets the count to zero."""
        for tally in (self.truncate, self.open, self.delete):
            tally.reset()

    def snapshot(self, page_io: Any) -> Stats:
        """The counts so far; ``page_io`` is the PageIO of io.mjs."""
        return Stats(
            read=_call_stats(page_io.reads),
            write=_call_stats(page_io.writes),
            truncate=_call_stats(self.truncate),
            sync=_call_stats(page_io.syncs),
            open=_call_stats(self.open),
            delete=_call_stats(self.delete),
            busy=int(page_io.busy),
        )


def _call_stats(tally: Any) -> CallStats:
    """A snapshot of a Tally of this module or of io.mjs."""
    calls, timed = int(tally.calls), int(tally.timed)
    microseconds = float(tally.microseconds) * calls / timed if timed else 0.0
    return CallStats(calls, int(tally.bytes), microseconds, int(tally.hits))
