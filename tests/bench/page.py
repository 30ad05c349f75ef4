"""What reaches the page: results, a CSV file, a trivial query: ``python3 -m tests.bench.page``.

Our worker as the console has it, beside the official package's pool (exclusive + WAL, FULL) in a
worker of its own, fed by PapaParse where there is a CSV file; each in a tab of one Chromium, in
turn, five rounds (``--rounds``).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import TYPE_CHECKING, Any

import serve
from tests import real_data
from tests.__main__ import run_measure

if TYPE_CHECKING:
    from tests.browsers import Chromium

ROWS = 100_000
FIRST, PIECE = 200, 20_000  # rows that the console asks for first, and then at a time
TRIVIAL = 1_000

TEXTS = ("carrier", "tailnum", "origin", "dest", "time_hour")  # of flights.csv

SETUP = (
    "CREATE TABLE IF NOT EXISTS r (a INTEGER PRIMARY KEY, b REAL, c TEXT)",
    "INSERT OR IGNORE INTO r WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    f" WHERE i < {ROWS}) SELECT i, i * 1.5, 'row number ' || i FROM n",
)
SELECT = "SELECT a, b, c FROM r"
FOUND = (
    "SELECT count(*) || ' ' || sum(dep_delay) || ' ' || sum(distance) || ' ' || max(time_hour)"
    " || ' ' || count(dep_time) FROM flights"
)

START = """
window.file = new File([await (await fetch("/flights.csv")).blob()], "flights.csv");
const waiting = new Map();
let last = 0;
window.answered = (id, value, error) => {
  const [resolve, reject] = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(value);
};
window.asking = (send) => new Promise((resolve, reject) => {
  waiting.set(++last, [resolve, reject]);
  send(last);
});
"""

OURS = """
window.worker = new Worker("/worker/boot.mjs", { type: "module" });
const started = new Promise((resolve, reject) => {
  worker.onmessage = ({ data: [head, ...parts] }) => {
    const message = JSON.parse(head);
    if (message.event === "ready") resolve();
    else if (message.event === "failed") reject(new Error(head));
    else if (message.id) {
      const reply = { ...message, parts, at: performance.now() };
      answered(message.id, reply, message.ok ? null : head);
    }
  };
});
window.ask = (op, fields = {}, ...parts) => asking((id) =>
  worker.postMessage([JSON.stringify({ id, op, ...fields }), ...parts]));
window.run = async (sql, rows = 1) => {
  const reply = await ask("run", { sql, start: 0, rows, database: null });
  const [outcome] = reply.outcomes;
  if (outcome.error) throw new Error(JSON.stringify(outcome.error));
  return [reply, outcome];
};
await started;
await ask("open", { database: "bench.db" });
for (const sql of args[0]) await run(sql);
"""

OFFICIAL = """
const worker = new Worker("/bench/peer_page.js");
worker.onmessage = ({ data: { id, value, error } }) => answered(id, value, error);
window.ask = (operation, fields) => asking((id) =>
  worker.postMessage({ id, operation, ...fields }));
await ask("prepare", { setup: args[0].join(";") });
"""

OUR_ROWS = """
const begin = performance.now();
const [reply, outcome] = await run(args[0], args[1]);
const first = reply.at - begin;
let { rows } = outcome.piece, { cursor } = outcome;
while (cursor !== null) {
  const next = await ask("fetch", { cursor, rows: args[2], database: null });
  rows += next.piece.rows;
  ({ cursor } = next);
}
return { all: performance.now() - begin, first, found: rows };
"""

OFFICIAL_ROWS = """
const begin = performance.now();
const rows = await ask("rows", { sql: args[0] });
return { all: performance.now() - begin, found: rows.length };
"""

OUR_CSV = """
await ask("open", { database: "flights.db" });
const begin = performance.now();
const fields = { name: "flights.csv", kind: "csv", database: "flights.db", table: "flights" };
await ask("import_file", { ...fields, replace: true }, file);
const all = performance.now() - begin;
const [reply] = await run(args[1]);
await ask("open", { database: "bench.db" });
await ask("delete", { database: "flights.db" });
const [length] = new Uint32Array(reply.parts[0], 0, 1);  // one text: where it ends, then itself
return { all, found: new TextDecoder().decode(new Uint8Array(reply.parts[0], 8, length)) };
"""

OFFICIAL_CSV = """
const begin = performance.now();
const found = await ask("csv", { file, columns: args[0] });
return { all: performance.now() - begin, found };
"""

# The first rows of a million in the order of a text: by ORDER BY, and by a press on a header.
MILLION = (
    "CREATE TABLE IF NOT EXISTS million (a INTEGER PRIMARY KEY, b REAL, c TEXT)",
    "INSERT OR IGNORE INTO million WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 1000000) SELECT i, i * 1.5, 'row ' || (i * 7919 % 1000003) FROM n",
)
OUR_SORT = """
const timed = async (asked) => {
  const begin = performance.now();
  const cursor = await asked();
  const passed = performance.now() - begin;
  await ask("close", { cursor });
  return passed;
};
const sql = "SELECT a, b, c FROM million";
const byHand = await timed(async () => (await run(`${sql} ORDER BY c`, 200))[1].cursor);
const [, { state, cursor }] = await run(sql, 200);
await ask("close", { cursor });
const fields = { sql, state, order: ["3"], rows: 200 };
return [byHand, await timed(async () => (await ask("sort_rows", fields)).cursor)];
"""

OUR_TRIVIAL = """
const times = [];
for (let count = 0; count < args[0]; count++) {
  const begin = performance.now();
  await run("SELECT 1");
  times.push(performance.now() - begin);
}
return times;
"""


# In the console: from the click on Run until the first screen of rows is drawn; args[1] is what the
# numbers begin with, which is another one each time.
DRAWN = """
const cells = () => [...document.querySelectorAll("vaadin-grid vaadin-grid-cell-content")];
{ TYPE }
const begin = performance.now();
document.getElementById("run").click();
while (!cells().some((cell) => cell.textContent.trim() === args[1])) {
  await new Promise((resolve) => requestAnimationFrame(resolve));
}
await new Promise((resolve) => setTimeout(resolve));  // this frame is painted before it
return performance.now() - begin;
"""


class Tab:
    """A tab with one of the two."""

    def __init__(self, name: str, browser: Chromium, url: str) -> None:
        self.name = name
        self._browser = browser
        if browser.driver.current_url != "data:,":
            browser.driver.switch_to.new_window("tab")
        self._window = browser.driver.current_window_handle
        browser.open(url)
        self.run(START + (OURS if name == "sahpool" else OFFICIAL), SETUP)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script gives here."""
        self._browser.driver.switch_to.window(self._window)
        return self._browser.evaluate(script, *arguments)


def drawn(browser: Chromium, url: str, rounds: int) -> list[float]:
    """Milliseconds until the first screen of 100,000 rows is drawn in the console."""
    from tests.browser.console_page import TYPE, Console

    console = Console(browser, url)
    browser.driver.switch_to.new_window("tab")
    console.open()
    console.run_sql(";".join(SETUP))
    times = []
    for number in range(rounds + 1):
        shift = 1_000_000 * (number + 1)
        query = f"SELECT a + {shift} AS a, b, c FROM r"
        times.append(float(console.js(DRAWN.replace("TYPE", TYPE), query, str(shift + 1))))
        console.wait_idle()
    return times[1:]


def measure(arguments: list[str]) -> None:
    """Prints everything; needs the tests' virtual environment."""
    from tests.bench.contenders import BenchError, BenchSite
    from tests.bench.report import told
    from tests.browsers import Chromium
    from tests.conftest import serving

    rounds = options(arguments).rounds
    with real_data.flights().open() as file:
        names = file.readline().strip().split(",")
    columns = [[name, "TEXT" if name in TEXTS else "INTEGER"] for name in names]
    scripts = {
        f"{ROWS:,} × 3 to the page": (OUR_ROWS, OFFICIAL_ROWS, (SELECT, FIRST, PIECE)),
        "flights.csv into a table": (OUR_CSV, OFFICIAL_CSV, (columns, FOUND)),
    }
    site = BenchSite(serve.assemble())
    site.extra["/flights.csv"] = real_data.flights()
    browser = Chromium()
    try:
        with serving(site):
            url = f"{site.url}module_test.html"
            ours, official = (Tab(name, browser, url) for name in ("sahpool", "official"))
            serve.say("| ms, median (least–most) | sahpool | official | ratio |")
            serve.say("| --- | ---: | ---: | ---: |")
            ours.run(OUR_TRIVIAL, TRIVIAL)  # warms up
            trivial = ours.run(OUR_TRIVIAL, TRIVIAL)
            serve.say(f"| a trivial query, page to worker to page | {told(trivial)} | | |")
            for title, (our_script, official_script, values) in scripts.items():
                times: dict[str, list[float]] = {"sahpool": [], "official": [], "first": []}
                for number in range(rounds + 1):
                    one = ours.run(our_script, *values)
                    other = official.run(official_script, *values)
                    if one["found"] != other["found"]:
                        raise BenchError(f"{title}: {one['found']} and {other['found']} found")
                    if number:  # the first round warms up
                        times["sahpool"].append(one["all"])
                        times["official"].append(other["all"])
                        times["first"] += [one["first"]] if "first" in one else []
                ratio = statistics.median(times["sahpool"]) / statistics.median(times["official"])
                cells = f"{told(times['sahpool'])} | {told(times['official'])} | {ratio:.2f}"
                serve.say(f"| {title} | {cells} |")
                if times["first"]:
                    serve.say(
                        f"| its first {FIRST} rows at the page | {told(times['first'])} | | |"
                    )
            for sql in MILLION:
                ours.run("await run(args[0])", sql)
            pairs = [ours.run(OUR_SORT) for _ in range(rounds + 1)][1:]
            by_hand, sorts = zip(*pairs, strict=True)
            ratio = statistics.median(sorts) / statistics.median(by_hand)
            serve.say(
                f"| 1,000,000 rows by a text: first rows, ORDER BY | {told(list(by_hand))} | | |"
            )
            serve.say(f"| the same by a column's header | {told(list(sorts))} | | {ratio:.2f} |")
            ours.run("worker.terminate()")  # the console needs its storage
            shown = drawn(browser, site.url, rounds)
            serve.say(
                f"| the console: from Run until the first rows are drawn | {told(shown)} | | |"
            )
    finally:
        browser.close()


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.page", description=about)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Sets the tests up and measures in their environment; returns the exit code."""
    options(arguments)
    return run_measure("tests.bench.page", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
