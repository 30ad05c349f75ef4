"""How long the console takes to start: ``python3 -m tests.bench.start``.

From the navigation until the editor is usable, and until the first query of a database of 30 MB is
answered and drawn, for a page that was visited before; beside it a bare page that starts the
official package's pool and asks the same. Then with and without the snapshot of Python's memory,
and a first visit, with a new profile each time: how long it takes, and how many bytes are sent.
The memory of an idle tab is what its process has written itself (Pss_Anon), page and worker
together, in a browser that has just been started: what it shares with other processes depends on
what else runs. Both browsers; ``--rounds`` of each (10).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import serve
from tests.__main__ import run_measure

if TYPE_CHECKING:
    from tests.bench.contenders import BenchSite
    from tests.browser.console_page import Console

FILL = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT); INSERT INTO t WITH RECURSIVE n (i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
    " SELECT i, printf('%0*d', 1000, i) FROM n"
)
QUERY = "SELECT length(b) FROM t WHERE id = 17001"

# Types the query and presses Run as soon as there is an editor; waits for the value to be drawn.
ASK = """
const until = async (look) => {
  for (;;) {
    const found = look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
const mark = (name) => performance.getEntriesByName("sahpool: " + name)[0];
const editor = await until(() => mark("editor"));
{ TYPE }
document.getElementById("run").click();
await until(() => {
  const cells = [...document.querySelectorAll("vaadin-grid vaadin-grid-cell-content")];
  return cells.some((cell) => cell.textContent.trim() === "1000");
});
const answer = performance.now();
const phases = performance.getEntriesByType("measure");
const worker = phases.reduce((sum, { duration }) => sum + duration, 0);
return { editor: editor.startTime, answer, worker };
"""
DISCARD = "await root.removeEntry(name);"
BARE = """
while (!window.isClosed && !window.failure) {
  await new Promise((resolve) => setTimeout(resolve, 1));
}
if (window.failure) throw new Error(window.failure);
return { answer: window.answeredAt, value: window.answer };
"""


def visit(console: Console) -> dict[str, float]:
    """One visit of the console, in milliseconds; ``worker`` is what the worker's start took."""
    from tests.browser.console_page import TYPE

    console.browser.open("about:blank")
    console.open(wait=False)
    found: dict[str, float] = console.js(ASK.replace("TYPE", TYPE), QUERY)
    console.wait_ready()
    return found


def bare(console: Console) -> float:
    """One visit of the bare page, in milliseconds."""
    from tests.bench.contenders import BenchError

    console.browser.open("about:blank")
    work = quote(json.dumps({"fill": FILL, "query": QUERY}))
    console.browser.open(f"{console.url}bench/bare.html#{work}")
    found: dict[str, Any] = console.js(BARE)
    if found["value"] != 1000:
        raise BenchError(f"the official package answered {found['value']}")
    return float(found["answer"])


#: Seconds after the last query: in between the browsers give memory back, at times of their own.
IDLE = (10, 60)

#: Parts of the site, by what the names of their files begin with.
PARTS = {
    "Pyodide": "/pyodide/",
    "MicroPython": "/micropython",
    "PyScript": "/pyscript",
    "editor": "/app/parts.js",
    "grid": "/app/elements.js",
    "standard library, compiled": "/worker/first-",
    "standard library, the rest": "/worker/rest-",
    "sahpool and the console, compiled": "/worker/own-",
    "everything else": "/",
}


def first_visit(kind: type[Any], site: BenchSite) -> tuple[float, float]:
    """Editor usable and SQL answered, in milliseconds, for a new profile."""
    from tests.browser.console_page import Console

    console = Console(kind(), site.url)
    try:
        console.open(wait=False)
        until_ready = "while (!(mark('editor') && mark('ready'))) await sleep(1);"
        editor, ready = console.js(
            "const mark = (name) => performance.getEntriesByName('sahpool: ' + name)[0];"
            "const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));"
            f"{until_ready} return [mark('editor').startTime, mark('ready').startTime];"
        )
        return editor, ready
    finally:
        console.close_browser()


def rows_of_bytes(kind: type[Any], site: BenchSite) -> dict[str, str]:
    """Rows of the table: what is sent at a first visit, in kB, and by part as Brotli."""
    from tests.browser.counted_site import bytes_sent

    def told_kb(files: list[tuple[str, int]]) -> str:
        return f"{sum(size for _, size in files) / 1000:,.0f}"

    rows = {}
    for coding, name in (("br", "Brotli"), ("gzip", "gzip")):
        answered, kept = bytes_sent(kind, site, coding)
        rows[f"first visit, kB sent until SQL is answered, {name}"] = told_kb(answered)
        rows[f"first visit, kB sent until all is kept, {name}"] = told_kb(kept)
        if coding == "br":
            by_part = kept
    for part, start in PARTS.items():
        # Each file belongs to the first part that its path begins as.
        files = [(path, size) for path, size in by_part if path.startswith(start)]
        by_part = [each for each in by_part if each not in files]
        rows[f"first visit, kB, Brotli: {part}"] = told_kb(files)
    return rows


def idle_memory(console: Console) -> list[float]:
    """Pss_Anon in MiB of the largest process with a page, each of IDLE after the last query."""
    from tests.browsers import page_processes, private_memory

    found = []
    passed = 0
    for seconds in IDLE:
        time.sleep(seconds - passed)
        passed = seconds
        found.append(max(map(private_memory, page_processes(console.browser.process))))
    return found


def measure_browser(kind: type[Any], site: BenchSite, rounds: int) -> dict[str, str]:
    """Rows of the table for one browser."""
    from tests.bench.report import told
    from tests.browser.console_page import Console
    from tests.browser.snapshots import FILE

    first = [first_visit(kind, site) for _ in range(rounds)]
    sent = rows_of_bytes(kind, site)
    console = Console(kind(), site.url)
    try:
        console.open()
        console.run_sql(FILL)
        console.wait_snapshot()
        console.wait_offline()
        warm, official, long = [], [], []
        for number in range(rounds + 1):
            one, other = visit(console), bare(console)
            if number:  # the first round warms up
                warm.append(one)
                official.append(other)
        console.restart()  # the process of this page has shown others: they are no part of it
        console.run_sql(QUERY)
        memory = idle_memory(console)
        for _ in range(rounds):
            console.js(FILE + DISCARD)
            long.append(visit(console)["worker"])
    finally:
        console.close_browser()
    answers = [each["answer"] for each in warm]
    workers = [each["worker"] for each in warm]
    ratio = statistics.median(answers) / statistics.median(official)
    share = statistics.median(workers) / statistics.median(long)
    return {
        "visited before: editor usable": told([each["editor"] for each in warm]),
        "visited before: first query of 30 MB answered and drawn": told(answers),
        "bare page, official package's pool: the same query": told(official),
        "ratio of these two": f"{ratio:.2f}",
        "worker's start from a snapshot": told(workers),
        "worker's start without one": told(long),
        "share": f"{share:.2f}",
        "first visit: editor usable": told([editor for editor, _ in first]),
        "first visit: SQL answered": told([ready for _, ready in first]),
        **sent,
        **{
            f"idle tab after {seconds} s, Pss_Anon of page and worker, MiB": f"{size:.0f}"
            for seconds, size in zip(IDLE, memory, strict=True)
        },
    }


def measure(arguments: list[str]) -> None:
    """Prints everything; needs the tests' virtual environment."""
    from tests.bench.contenders import BenchSite
    from tests.browsers import Chromium
    from tests.conftest import serving
    from tests.firefox import Firefox

    chosen = options(arguments)
    columns = {}
    with serving(BenchSite(serve.assemble())) as site:
        for name, kind in (("Chromium", Chromium), ("Firefox", Firefox)):
            if name.lower() in chosen.browsers:
                columns[name] = measure_browser(kind, site, chosen.rounds)
    serve.say(f"| ms, median of {chosen.rounds} (least–most) | {' | '.join(columns)} |")
    serve.say(f"| --- | {' | '.join('---:' for _ in columns)} |")
    for row in next(iter(columns.values())):
        serve.say(f"| {row} | {' | '.join(rows[row] for rows in columns.values())} |")


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.start", description=about)
    parser.add_argument("--rounds", type=int, default=10)
    both = ["chromium", "firefox"]
    parser.add_argument("--browsers", nargs="+", choices=both, default=both)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Sets the tests up and measures in their environment; returns the exit code."""
    options(arguments)
    return run_measure("tests.bench.start", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
