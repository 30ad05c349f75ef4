"""What several tabs cost: the speed of a follower, fairness beside long work, memory of a tab."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from tests.browser.many_tabs import Tab, Tabs
from tests.browser.tabs.figures import Figure, at_most, exactly, seen, spread
from tests.browsers import page_process, pss

ROWS = 100_000
FIRST, PIECE = 200, 20_000  # rows that the console asks for first, and then at a time

# Speaks the protocol without the page's Python: to its own worker (many_tabs.py, WORKERS), or, as
# another tab, to the leader's (public/start.mjs).
PEER = """
const waiting = new Map();
const take = ([head, ...parts]) => {
  const message = JSON.parse(head);
  if (!waiting.has(message.id)) return false;
  waiting.get(message.id)({ ...message, parts });
  return waiting.delete(message.id);
};
let last = 1e9;  // beyond the numbers of the page's own requests
let send;
const leads = workers.at(-1)?.address === sahpoolStart.address;
if (leads) {
  window.overhear = (event) => take(event.data) && event.stopImmediatePropagation();
  send = (head) => workers.at(-1).postMessage([head]);
} else {
  const name = `sahpool tab ${Math.random()}`;
  const held = (resolve) => () => (resolve(), new Promise(() => {}));
  await new Promise((resolve) => navigator.locks.request(name, held(resolve)));
  new BroadcastChannel(name).onmessage = ({ data: [, ...message] }) => take(message);
  const letterbox = new BroadcastChannel(sahpoolStart.address);
  send = (head) => letterbox.postMessage([name, head]);
}
window.peer = (op, fields) => new Promise((resolve, reject) => {
  const settle = (reply) => (reply.ok ? resolve(reply) : reject(new Error(reply.error.message)));
  waiting.set(++last, settle);
  send(JSON.stringify({ id: last, op, ...fields }));
});
if (!leads) await peer("open", { database: args[0] });
"""

TRIPS = """
const times = [];
for (let number = 0; number < args[1]; number++) {
  const begin = performance.now();
  await peer("run", { sql: args[0] });
  times.push(performance.now() - begin);
}
return times;
"""

RESULT = """
const begin = performance.now();
const { outcomes: [{ piece, cursor }] } = await peer("run", { sql: args[0], rows: args[1] });
let [rows, next] = [piece.rows, cursor];
while (next !== null) {
  const more = await peer("fetch", { cursor: next, rows: args[2] });
  rows += more.piece.rows;
  next = more.cursor;
}
return { rows, time: performance.now() - begin };
"""

POINTS = """
window.points = (async () => {
  const times = [];
  for (let number = 1; number <= args[0]; number++) {
    times.push(await timed(`SELECT v FROM p WHERE id = ${number}`));
  }
  return times;
})();
return 0;
"""


def _speak(tab: Tab) -> None:
    tab.js(PEER, tab.database())


def follower(tabs: Tabs, rounds: int = 5, trips: int = 500) -> Iterator[Figure]:
    """A trivial query and a large result, in the leader's page and in a follower's, in turn."""
    leader, other = tabs.pair(leads=True)
    leader.do(
        "CREATE TABLE IF NOT EXISTS r (a INTEGER PRIMARY KEY, b REAL, c TEXT);"
        "INSERT OR IGNORE INTO r WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        f" WHERE i < {ROWS}) SELECT i, i * 1.5, 'row number ' || i FROM n"
    )
    trivial: dict[bool, list[float]] = {True: [], False: []}
    large: dict[bool, list[float]] = {True: [], False: []}
    for tab in (leader, other):
        _speak(tab)
    for number in range(rounds + 1):
        for leads, tab in ((True, leader), (False, other)):
            times = tab.js(TRIPS, "SELECT 1", trips)
            result: dict[str, Any] = tab.js(RESULT, "SELECT a, b, c FROM r", FIRST, PIECE)
            if result["rows"] != ROWS:
                yield exactly("rows of the large result", str(ROWS), result["rows"], met=False)
            if number:  # the first round warms up
                trivial[leads] += times
                large[leads].append(result["time"])
    here, there = (statistics.median(trivial[leads]) for leads in (True, False))
    yield seen("SELECT 1, request to reply, in the leader's page, median", f"{here:.2f} ms")
    yield at_most("SELECT 1, request to reply, in a follower's page, median", 1.0, there, "ms")
    here, there = (statistics.median(large[leads]) for leads in (True, False))
    told = f" ({there:,.0f} ms; leader {here:,.0f} ms)"
    yield at_most(f"{ROWS:,} × 3 in a follower's page", 2.0, there / here, "×", told)


def _aggregate(rows: int) -> str:
    return (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        f" WHERE i < {rows}) SELECT sum(i * 7 % 13) FROM n"
    )


def _timed(tab: Tab, sql: str) -> float:
    """Return the seconds from the click on Run to the end of the run."""
    return float(tab.js("return timed(args[0])", sql)) / 1000


def fair(tabs: Tabs, seconds: float = 60, points: int = 200) -> Iterator[Figure]:
    """One tab runs a long statement, while another one runs short queries of single rows."""
    leader, other = tabs.pair(leads=True)
    leader.do(
        "CREATE TABLE IF NOT EXISTS p (id INTEGER PRIMARY KEY, v TEXT);"
        "INSERT OR IGNORE INTO p WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 10000) SELECT i, 'value ' || i FROM n"
    )
    _speak(other)
    own = statistics.median(other.js(TRIPS, "SELECT v FROM p WHERE id = 7", points)) / 1000 * points
    for long, short, what in (
        (leader, other, "a long statement in the leader"),
        (other, leader, "in a follower"),
    ):
        sample = 1_000_000
        _timed(long, _aggregate(sample))  # meanwhile WebAssembly is optimised
        rows = int(sample * seconds / _timed(long, _aggregate(sample)))
        alone = _timed(long, _aggregate(rows))
        long.js("window.long = timed(args[0]); return 0", _aggregate(rows))
        time.sleep(0.5)
        short.js(POINTS, points)
        times = short.js("return points")
        ended = long.js("return document.getElementById('cancel').disabled")
        together = float(long.js("return long")) / 1000
        # Other load on the machine changes: average the times before and after.
        alone = (alone + _timed(long, _aggregate(rows))) / 2
        yield exactly(f"{what}: it ran on meanwhile", "so", "so", met=not ended)
        yield from spread(f"{what}: {points} point queries of another tab", times, 60, 120, "ms")
        slower = 100 * ((together - own) / alone - 1)
        told = f" ({alone:.1f} s alone, {together:.1f} s in company, of it {own:.2f} s theirs)"
        yield at_most(f"{what}: slower by", 15, slower, "%", told)


def memory(tabs: Tabs, followers: int = 3) -> Iterator[Figure]:
    """Measures the memory of an idle tab, ten seconds and a minute after its last query.

    In between, browsers collect garbage and release memory, at times of their own choice.
    """
    leader, *others = *tabs.open(), *tabs.open(followers)
    for tab in (leader, *others):
        tab.do("SELECT 1")

    def sizes() -> list[float]:
        found = []
        for tab in (leader, *others):
            tab.js("return 0")
            found.append(pss(page_process(tabs.browser)))
        return found

    time.sleep(10)
    first, *rest = sizes()
    yield seen("PSS of the leader's process, page and worker, after 10 s", f"{first:.0f} MiB")
    yield seen("PSS of a follower's process, most, after 10 s", f"{max(rest):.0f} MiB")
    time.sleep(50)
    first, *rest = sizes()
    yield seen("the same of the leader after a minute", f"{first:.0f} MiB")
    yield at_most("the same of a follower after a minute", 60, max(rest), "MiB")
