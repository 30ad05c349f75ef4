"""The console's real worker under a bare page, with eight sessions at work at once.

Six of them run statements of seconds, functions in Python among them, and write, read and sort
tables; one takes its database out and in again under another name, one imports CSV files.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from sahpool_console.sql_functions import FUNCTIONS
from tests.browser.snapshots import KEY
from tests.browsers import Browser, wait_for
from tests.collecting import lab
from tests.conftest import ServedSite

BOOT = "worker/boot.mjs"

NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
QUERIES = (
    NUMBERS.format(1_500_000) + " SELECT count(*) || ' ' || sum(i) FROM n",
    NUMBERS.format(10_000)
    + " SELECT '' || sum(levenshtein('row ' || i, (i * 7919) || ' row')) FROM n",
    NUMBERS.format(40_000) + " SELECT '' || sum(junk(i)) FROM n",
    NUMBERS.format(300_000) + " SELECT group_concat(i) FROM"
    " (SELECT i FROM n ORDER BY i * 7919 % 300007 LIMIT 50)",
)
FILL = """
DROP TABLE IF EXISTS t;
CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  SELECT i, 'row ' || i FROM n;
"""
SORTED = "SELECT group_concat(a) FROM (SELECT a FROM t ORDER BY b DESC)"

JUNK = """
def junk(value):
    cells = [[value] for _ in range(5)]
    for cell in cells:
        cell.append(cells)
    return cells[-1][0]
"""
"""A function for SQL that allocates, and leaves garbage behind."""

#: Before the worker's Python is started, from a snapshot or not: garbage is collected after every
#: fifty new objects, and the page is told how often generation 1 was.
EAGER = f"""
pyodide.runPython(`
{JUNK}
from sahpool_console.session.host import Function
from sahpool_console.sql_functions import FUNCTIONS
FUNCTIONS.append(Function("junk", 1, junk, deterministic=True))
import gc
collections = 0
def count(phase, info):
    global collections
    collections += phase == "stop" and info["generation"] == 1
gc.callbacks.append(count)
gc.set_threshold(50)
`);
const counter = new BroadcastChannel("collections");
setInterval(() => counter.postMessage(pyodide.globals.get("collections")), 500);
"""

#: Without what the library does about it.
UNPROTECTED = """
pyodide.runPython("from sahpool.browser import collecting; collecting.protect = lambda io: None");
"""

# args: the worker's address, how many sessions. window.sessions: each {ask, text, script}.
START = """
const address = `sahpool tests ${Math.random()}`;
window.collections = 0;
new BroadcastChannel("collections").onmessage = ({ data }) => (window.collections = data);
window.worker = new Worker(`${args[0]}#address=${encodeURIComponent(address)}`, { type: "module" });
const waiting = new Map();
const take = ([head, ...parts]) => {
  const message = JSON.parse(head);
  window.last = performance.now();
  waiting.get(message.id)?.({ ...message, parts });
  waiting.delete(message.id);
  return message;
};
const began = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => {
    const message = take(data);
    if (message.event === "ready") resolve(message);
    if (message.event === "failed") reject(new Error(data[0]));
  };
});
const ready = await began;
const letterbox = new BroadcastChannel(address);
let number = 0;
const session = async (send) => {
  const ask = async (op, fields = {}, ...parts) => {
    const id = ++number;
    const reply = new Promise((resolve) => waiting.set(id, resolve));
    send(JSON.stringify({ id, op, ...fields }), ...parts);
    const got = await reply;
    const error = got.ok ? got.outcomes?.at(-1).error : got.error;
    if (error) throw new Error(`${op}: ${JSON.stringify(error)}`);
    return got;
  };
  // The single text that a query gives.
  const text = async (sql) => {
    const { parts } = await ask("run", { sql, rows: 1 });
    const [length] = new Uint32Array(parts[0], 0, 1); // where it ends, then itself
    return new TextDecoder().decode(new Uint8Array(parts[0], 8, length));
  };
  const script = async (sql) => {
    for (let start = 0; start !== null;) {
      start = (await ask("run", { sql, start, rows: 1 })).next;
    }
  };
  return { ask, text, script };
};
window.sessions = [await session((head, ...parts) => worker.postMessage([head, ...parts]))];
while (sessions.length < args[1]) {
  const tab = `sahpool tab ${Math.random()}`;
  await new Promise((resolve) =>
    navigator.locks.request(tab, () => (resolve(), new Promise(() => {}))));
  new BroadcastChannel(tab).onmessage = ({ data: [, ...message] }) => take(message);
  sessions.push(await session((...message) => letterbox.postMessage([tab, ...message])));
}
return ready.snapshot;
"""

# args: milliseconds, queries with their answers, FILL, SORTED and its answer.
WORK = """
const [duration, queries, fill, sorted, order] = args;
const end = performance.now() + duration;
window.last = performance.now();
window.verdict = null;
window.counts = { statements: 0, tables: 0, imports: 0, exports: 0, wrong: 0 };
const check = (kind, found, wanted) => {
  counts[kind] += 1;
  counts.wrong += found !== wanted;
};
const csv = "a,b\\n" + Array.from({ length: 2000 }, (_, i) => `${i},text ${i}\\n`).join("");
const longs = async ({ ask, text, script }, k) => {
  await ask("open", { database: `long-${k % 4}.db` }); // two of them at a database
  for (let round = k; performance.now() < end; round++) {
    const [sql, answer] = queries[round % queries.length];
    check("statements", await text(sql), answer);
  }
};
const tables = async ({ ask, text, script }, k) => {
  await ask("open", { database: `tables-${k}.db` });
  while (performance.now() < end) {
    await script(fill);
    check("tables", await text(sorted), order);
  }
};
const carry = async ({ ask, text, script }) => {
  await ask("open", { database: "carried.db" });
  await script(fill);
  while (performance.now() < end) {
    const { parts: [blob] } = await ask("export", { database: "carried.db" });
    counts.exports += 1;
    const file = new File([blob], "copy.db");
    await ask("import_file", { name: "copy.db", replace: true }, file);
    await ask("open", { database: "copy.db" });
    check("imports", await text(sorted), order);
    await ask("open", { database: "carried.db" });
  }
};
const split = async ({ ask, text, script }) => {
  await ask("open", { database: "split.db" });
  while (performance.now() < end) {
    const fields = { name: "rows.csv", kind: "csv", table: "rows", replace: true };
    await ask("import_file", fields, new File([csv], "rows.csv"));
    const rows = "SELECT count(*) || ' ' || sum(length(b)) FROM rows";
    check("imports", await text(rows), "2000 16890");
  }
};
const works = [split, carry, tables, longs, longs, longs, longs, longs];
Promise.all(sessions.map((each, k) => works[k](each, k))).then(
  () => (window.verdict = { ok: true, counts: { ...counts, collections } }),
  (error) => (window.verdict = { ok: false, error: String(error), stack: error.stack ?? "" }),
);
"""


def answers() -> list[tuple[str, str]]:
    """Each of QUERIES with what CPython's own SQLite answers."""
    with closing(sqlite3.connect(":memory:")) as con:
        for each in FUNCTIONS:
            con.create_function(each.name, each.arguments, cast(Any, each.call))
        made: dict[str, Any] = {}
        exec(JUNK, made)
        con.create_function("junk", 1, made["junk"])
        return [(sql, con.execute(sql).fetchone()[0]) for sql in QUERIES]


def order() -> str:
    """The answer to SORTED."""
    with closing(sqlite3.connect(":memory:")) as con:
        con.executescript(FILL)
        return str(con.execute(SORTED).fetchone()[0])


@contextmanager
def booting(site: ServedSite, folder: Path, before_main: str) -> Iterator[None]:
    """Serves boot.mjs with something done before Python's main is called."""
    boot = (site.root / BOOT).read_text(encoding="utf-8")  # as it is built
    call = 'const main = pyodide.pyimport("sahpool_console.main");'
    assert boot.count(call) == 1
    file = folder / "boot.mjs"
    file.write_text(boot.replace(call, before_main + call), encoding="utf-8")
    site.extra[f"/{BOOT}"] = file
    try:
        yield
    finally:
        del site.extra[f"/{BOOT}"]


def start(browser: Browser, url: str) -> str:
    """A new worker with its sessions; how it came to its Python (boot.mjs)."""
    return str(browser.evaluate(START, f"{url}{BOOT}", 8))


def work(browser: Browser, seconds: float, dead: float = lab.DEAD) -> dict[str, Any]:
    """The counts of so many seconds; lab.DiedError."""
    browser.evaluate(WORK, 1000 * seconds, answers(), FILL, SORTED, order())
    verdict = lab.finished(browser, seconds, dead)["verdict"]
    if not verdict["ok"]:
        raise lab.DiedError(json.dumps(verdict))
    counts: dict[str, Any] = verdict["counts"]
    return counts


def end(browser: Browser) -> None:
    """Ends the worker once its snapshot is put away."""
    wait_for("the snapshot to be kept", lambda: browser.evaluate(KEY))
    browser.evaluate("worker.terminate()")
