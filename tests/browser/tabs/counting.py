"""No increment is lost or done twice, however the tab that runs the database ends."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count, cycle, pairwise
from typing import Any

from tests.browser.many_tabs import Tab, Tabs, ended
from tests.browser.tabs.figures import Figure, at_most, exactly, seen, spread
from tests.browsers import wait_for

_numbers = count(1)

INCREMENT = "BEGIN IMMEDIATE; UPDATE c SET n = n + 1; COMMIT;"
LOGGED = (
    "BEGIN IMMEDIATE; UPDATE c SET n = n + 1; INSERT INTO done VALUES ('{name}', {number}); COMMIT;"
)
#: Longest time without a leader: the browser grants the lock to the next tab at once.
NO_LEADER_SECONDS = 3.0


def _begin(tab: Tab) -> None:
    tab.do(
        "DROP TABLE IF EXISTS c; CREATE TABLE c (n); INSERT INTO c VALUES (0);"
        " DROP TABLE IF EXISTS done; CREATE TABLE done (tab, number)"
    )


def counter(tabs: Tabs, number: int = 8, each: int = 200) -> Iterator[Figure]:
    """Tabs increment one counter, each increment in a transaction of its own."""
    _begin(tabs.have(number)[0])
    tabs.records()
    began = time.monotonic()
    for tab in tabs.all:
        tab.keep(INCREMENT, each)
    for tab in tabs.all:
        tab.kept()
    took = time.monotonic() - began
    found = ended(tabs.records())
    refused = [record["said"] for record in found if record["kind"] != "done"]
    whole = number * each
    value = tabs.all[-1].value("SELECT n FROM c")
    yield exactly(
        f"{number} tabs × {each} increments", f"{whole:,}", value, met=value == str(whole)
    )
    yield exactly("errors", "none", refused[:3] or "none", met=not refused)
    yield seen("increments a second, all tabs", f"{whole / took:,.0f}")


class Ledger:
    """The increments that tabs have tried, and how each ended, by the tabs' own records."""

    def __init__(self, tabs: Tabs) -> None:
        self._tabs = tabs
        self.began: set[tuple[str, int]] = set()
        self.kinds: dict[tuple[str, int], str] = {}
        self.told: list[dict[str, Any]] = []
        tabs.records()
        tabs.leaders()

    def keep(self, tab: Tab) -> None:
        """Lets a tab increment until it is stopped."""
        tab.keep(LOGGED.replace("{name}", tab.name), 10**9)

    def read(self) -> list[dict[str, Any]]:
        """Read the new records, and return those of increments that have ended."""
        records = self._tabs.records()
        for record in records:
            key = (record["name"], record["number"])
            if record["kind"] == "begun":
                self.began.add(key)
            else:
                self.kinds[key] = record["kind"]
        found = ended(records)
        self.told += found
        return found

    def answered(self, name: str | None = None, but: str | None = None) -> dict[str, Any]:
        """Wait for the next increment that is done, by the tab ``name`` or any, and return it.

        Increments by the worker with the address ``but`` do not count.
        """

        def found() -> dict[str, Any]:
            for record in self.read():
                is_right = name in (None, record["name"]) and record.get("address") != but
                if record["kind"] == "done" and is_right:
                    return record
            return {}

        return wait_for(f"an increment in {name or 'any tab'}", found, 60)

    def finish(self) -> Iterator[Figure]:
        """Stops all tabs and compares their records with the database."""
        for tab in self._tabs.all:
            tab.stop()
        for tab in self._tabs.all:
            tab.kept()
        self.read()
        here = {tab.name for tab in self._tabs.all}
        errors = [
            record["said"]
            for record in self.told
            if record["kind"] == "error" or (record["kind"] == "untyped" and record["name"] in here)
        ]
        yield exactly("errors of another kind", "none", errors[:3] or "none", met=not errors)
        with closing(sqlite3.connect(self._tabs.all[0].export())) as con:
            ((n,),) = con.execute("SELECT n FROM c")
            rows = con.execute("SELECT tab, number FROM done").fetchall()
            ((sound,),) = con.execute("PRAGMA integrity_check")
        done = set(rows)
        known = {key for key, kind in self.kinds.items() if kind == "done"}
        # A tab that was killed did not record how its last increment ended.
        open_ends = self.began - self.kinds.keys()
        unknown = {key for key, kind in self.kinds.items() if kind == "unknown"} | open_ends
        kinds = list(self.kinds.values())
        reports = ", ".join(
            f"{kinds.count(kind)} {kind}" for kind in ("unknown", "lost", "restarted")
        )
        bounds = f"{len(known):,} ≤ {n:,} ≤ {len(known) + len(unknown):,}"
        fits = len(known) <= n <= len(known) + len(unknown)
        yield exactly("acknowledged ≤ counted ≤ with the unknown", "so", bounds, met=fits)
        yield seen(
            "reported to their tabs; last words of dead tabs", f"{reports}; {len(open_ends)}"
        )
        lost = known - done
        yield exactly("acknowledged and not there", "0", len(lost), met=not lost)
        twice = len(rows) - len(done)
        yield exactly("there twice", "0", twice, met=not twice and n == len(rows))
        strange = done - known - unknown
        yield exactly("there, and reported as not done", "0", len(strange), met=not strange)
        yield exactly("integrity_check", "ok", sound, met=sound == "ok")


def one_leader(tabs: Tabs, most: float = NO_LEADER_SECONDS) -> Iterator[Figure]:
    """At most one tab leads at any time, and none does for no longer than a takeover takes."""
    leaders = tabs.leaders()
    longest = 0.0
    for (at, number), (until, _) in pairwise(leaders):
        longest = max(longest, until - at if number == 0 else 0)
    worst = max((number for _, number in leaders), default=1)
    yield exactly("tabs that lead at one moment, most", "1", worst, met=worst <= 1)
    yield at_most("longest time without one", most, longest / 1000, "s")


def takeover(tabs: Tabs, rounds: int = 50, number: int = 4) -> Iterator[Figure]:
    """While all tabs increment, the leader is closed, its worker ended, or its process killed."""
    _begin(tabs.have(number)[0])
    ledger = Ledger(tabs)
    for tab in tabs.all:
        ledger.keep(tab)
    ways = {"tab closed": tabs.close, "worker ended": tabs.end_worker, "process killed": tabs.kill}
    times: dict[str, list[float]] = {way: [] for way in ways}
    phases: dict[str, list[float]] = {}
    for _, way in zip(range(rounds), cycle(ways), strict=False):
        for tab in tabs.all:
            ledger.answered(tab.name)
        leader = tabs.leader
        address = leader.address
        at = ways[way](leader)
        record = ledger.answered(but=address)
        times[way].append(record["at"] / 1000 - at)
        for phase, duration in _phases(tabs.leader, at, record["at"] / 1000).items():
            phases.setdefault(phase, []).append(duration)
        if leader not in tabs.all:
            ledger.keep(*tabs.open())
    yield from ledger.finish()
    yield from one_leader(tabs)
    for way, found in times.items():
        yield from spread(f"takeover, {way}", found, 1.0, 3.0, "s")
    shown = ", ".join(f"{phase} {statistics.median(each):.2f}" for phase, each in phases.items())
    yield seen("of this, seconds, medians", shown)
    yield from spread("takeover, all", list(chain(*times.values())), 1.0, 3.0, "s")


def _phases(leader: Tab, gone: float, answered: float) -> dict[str, float]:
    """Return the seconds of each phase from the end of a leader to the next one's first answer."""
    names = "sahpool: "
    script = """
    const began = args[0] * 1000 - performance.timeOrigin;
    return performance.getEntriesByType("measure")
      .filter(({ name, startTime }) => name.startsWith(args[1]) && startTime >= began)
      .map(({ name, startTime, duration }) => [name, startTime + performance.timeOrigin, duration]);
    """
    entries = leader.js(script, gone, names)
    if not entries:
        return {}  # its worker was started before the other one was gone
    (_, begin, _), (_, end, duration) = entries[0], entries[-1]
    took = {name.removeprefix(names): each / 1000 for name, _, each in entries}
    before, after = begin / 1000 - gone, answered - (end + duration) / 1000
    return {"until the next worker begins": before, **took, "then to the answer": after}


def crowd(tabs: Tabs, number: int = 24) -> Iterator[Figure]:
    """Many tabs are opened at once: all become ready, and one leads."""
    tabs.close_all()
    began = time.monotonic()
    tabs.open(number)
    took = time.monotonic() - began
    leads = [tab.leads for tab in tabs.all].count(True)
    yield exactly(f"{number} tabs opened at once: ready", str(number), len(tabs.all))
    yield exactly("of them lead", "1", leads, met=leads == 1)
    numbers = sorted(tab.number for tab in tabs.all)
    expected = list(range(1, number + 1))
    yield exactly(
        "their numbers", f"1 to {number}", f"{numbers[0]} to {numbers[-1]}", met=numbers == expected
    )
    addresses = {tab.address for tab in tabs.all}
    yield exactly("workers that they send to", "1", len(addresses), met=len(addresses) == 1)
    _begin(tabs.all[-1])
    for tab in tabs.all:
        tab.do(INCREMENT)
    value = tabs.all[0].value("SELECT n FROM c")
    yield exactly("increments of each", str(number), value, met=value == str(number))
    yield seen("until the last is ready", f"{took:.1f} s")


def comings_and_goings(tabs: Tabs, seconds: float = 300, seed: int = 1) -> Iterator[Figure]:
    """Tabs are opened, closed and killed at random, while all of them increment."""
    chance = random.Random(seed)
    _begin(tabs.have(1)[0])
    ledger = Ledger(tabs)
    ledger.keep(tabs.all[0])
    steps = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        step = chance.choice(("close", "close", "kill", "end", "open", "open", "open"))
        steps += 1
        if len(tabs.all) < 2 or (step == "open" and len(tabs.all) < 8):
            for tab in tabs.open(chance.randint(1, 3)):
                ledger.keep(tab)
        elif step == "end":
            tabs.end_worker(tabs.leader)
        elif step != "open":
            gone = chance.choice(tabs.all)
            (tabs.kill if step == "kill" else tabs.close)(gone)
        told = ledger.answered()
        if told["at"] / 1000 < time.time() - 10:
            raise AssertionError("no tab has been answered for ten seconds")
        time.sleep(chance.random())
    for tab in tabs.all:
        ledger.answered(tab.name)
    yield seen(f"steps in {seconds:g} s (seed {seed})", str(steps))
    yield from ledger.finish()
    yield from one_leader(tabs)
