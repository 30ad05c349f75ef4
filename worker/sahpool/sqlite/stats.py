"""What SQLite asked of a pool, and what it took: the counters behind ``pool.stats``.

Reads, writes and syncs are counted where they happen, in io.mjs; the rest here. Clocks in browsers
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
        calls: How many there were.
        bytes: Bytes read or written; 0 for kinds that carry none.
        microseconds: Time spent in them. That of reads is reckoned from every 16th.
        hits: Calls that were answered without asking the browser: those on temporary files in
            memory, reads past the end of a file and of what was read ahead, writes that wait to be
            joined with the next ones, deletions of files that are not there.
    """

    calls: int
    bytes: int
    microseconds: float
    hits: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What was counted since the pool was installed, or since ``reset_stats()``.

    Attributes:
        read: xRead: pages that SQLite had not in its own cache.
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
    """A count that goes on.

    Attributes:
        timed: Of how many calls the time was taken; the other fields are those of CallStats.
    """

    calls: int = 0
    bytes: int = 0
    hits: int = 0
    timed: int = 0
    microseconds: float = 0.0

    def reset(self) -> None:
        """Begins anew."""
        self.calls = self.bytes = self.hits = self.timed = 0
        self.microseconds = 0.0

    def add(self, seconds: float) -> None:
        """One more call, which took so long."""
        self.calls += 1
        self.timed += 1
        self.microseconds += 1e6 * seconds


class Tallies:
    """The counts of one VFS but for those in io.mjs."""

    def __init__(self) -> None:
        self.truncate, self.open, self.delete = (Tally() for _ in range(3))

    def reset(self) -> None:
        """Begins anew."""
        for tally in (self.truncate, self.open, self.delete):
            tally.reset()

    def snapshot(self, page_io: Any) -> Stats:
        """What was counted so far; ``page_io`` is the PageIO of io.mjs."""
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
    """A snapshot of a Tally, of this module's or of io.mjs."""
    calls, timed = int(tally.calls), int(tally.timed)
    microseconds = float(tally.microseconds) * calls / timed if timed else 0.0
    return CallStats(calls, int(tally.bytes), microseconds, int(tally.hits))
