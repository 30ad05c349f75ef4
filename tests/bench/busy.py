"""How long the page's thread is busy at a time: ``python3 -m tests.bench.busy``.

The real page in Chromium and Firefox: a statement of 5 MB and 100,000 statements are pasted and
run, a result of 2,000 columns is shown, scrolled and left, and a person types among 500 tables.
While each goes on, a timer of the page tells how long it was kept waiting; for typing, the time
from each key to the next frame; from Run, and from a click on the tab of another result, the time
until its rows are painted. ``--rounds`` repeats all of it, each round in a new browser; the
worst pause of each round is printed, and its median over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import serve
from tests.__main__ import run_measure

if TYPE_CHECKING:
    from tests.browser.console_page import Console

MOST = 50.0
"""Milliseconds that one task of the page may take, but for the paste itself."""
TYPING = 16.0
"""Milliseconds from a key to what it shows, for 95 in 100."""
GOALS = {"typing, 95 in 100": TYPING, "another result shown": 16.0, "20 columns painted": 80.0}

ROW = "(1,'lorem ipsum dolor sit amet','2024-01-01',3.14159)"
ONE = (
    "'CREATE TABLE IF NOT EXISTS big (a, b, c, d);\\nINSERT INTO big VALUES ' + "
    f"Array.from({{ length: {5 * 1024 * 1024 // (len(ROW) + 2)} }}, () => `{ROW}`).join(',\\n')"
)
MANY = (
    "'CREATE TABLE IF NOT EXISTS big (a, b, c, d);\\nBEGIN;\\n' + "
    f"`INSERT INTO big VALUES {ROW};\\n`.repeat(100_000) + 'COMMIT;'"
)
WIDE = (
    "'WITH RECURSIVE r (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 50) SELECT ' + "
    "Array.from({ length: 2000 }, (_, n) => `${n} AS col_${n}`).join(', ') + ' FROM r'"
)
TABLES = (
    "Array.from({ length: 500 }, (_, n) => `CREATE TABLE table_${n} (` + "
    "Array.from({ length: 20 }, (_, m) => `column_${n}_${m}`).join(', ') + ');').join('\\n')"
)
TYPED = "SELECT column_7_3, column_7_4 FROM table_7 JOIN table_8 WHERE column_7_1 = 5"

# A message that the page sends itself comes at once unless its thread is busy.
WATCH = """
window.longest = 0;
if (!window.isWatched) {
  window.isWatched = true;
  let last = performance.now();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    port2.postMessage(0);
  };
  port2.postMessage(0);
}
"""

COLUMNS = ", ".join(
    f"x * {n} AS col_{n}" if n % 2 else f"'text {n} of ' || x AS col_{n}" for n in range(1, 20)
)
ROWS = (
    "WITH RECURSIVE r (x) AS (SELECT {0} UNION ALL SELECT x + 1 FROM r WHERE x < {0} + 999)"
    " SELECT x AS id, {1} FROM r"
)

# Clicks on an element and waits until a cell has a text and is painted.
PAINTED = """
const isThere = () => [...document.querySelectorAll("vaadin-grid-cell-content")]
  .some((cell) => cell.textContent === args[1] && cell.checkVisibility());
await new Promise((resolve) => requestAnimationFrame(resolve));
const begin = performance.now();
document.querySelector(args[0]).click();
while (!isThere()) await new Promise((resolve) => requestAnimationFrame(resolve));
const { port1, port2 } = new MessageChannel();
await new Promise((resolve) => {
  port1.onmessage = resolve;
  port2.postMessage(0);
});
return performance.now() - begin;
"""

# Types one letter as a keyboard does, and waits for the frame that shows it.
TYPE = """
const editor = document.querySelector('[role=textbox][aria-label="SQL"]');
editor.focus();
const times = [];
for (const key of args[0]) {
  const begin = performance.now();
  document.execCommand("insertText", false, key);
  times.push(performance.now() - begin);
  // The list of completions is asked for after a tenth of a second, and drawn then.
  window.longest = 0;
  await new Promise((resolve) => setTimeout(resolve, 150));
  times.push(window.longest);
}
return times;
"""


def pause(console: Console, act: Callable[[], object]) -> float:
    """The longest pause of the page's thread while something is done, in milliseconds."""
    console.js(WATCH)
    time.sleep(0.3)
    console.js("window.longest = 0")
    act()
    time.sleep(0.5)
    return float(console.js("return window.longest"))


def scroll(console: Console) -> None:
    """Scrolls through a wide result, in jumps and in steps."""
    for left in [0, 20_000, 90_000, *range(90_000, 94_000, 200), 0]:
        console.js("document.querySelector('vaadin-grid').$.table.scrollLeft = args[0]", left)
        time.sleep(0.03)


def painted(console: Console) -> dict[str, float]:
    """Milliseconds until rows are painted, as a median: of a run, and of another tab's result."""
    runs = []
    for number in range(1, 8):
        console.type_sql(ROWS.format(number * 1_000_000, COLUMNS))
        time.sleep(0.4)
        runs.append(float(console.js(PAINTED, "#run-all", str(number * 1_000_000))))
        console.wait_idle()
    firsts = [5_000_000, 6_000_000, 7_000_000]
    console.run_sql(";".join(ROWS.format(first, COLUMNS) for first in firsts))
    tabs = []
    for number in range(12):
        at = number % 3
        selector = f"[role=tab]:nth-child({at + 1})"
        tabs.append(float(console.js(PAINTED, selector, str(firsts[at]))))
        time.sleep(0.2)
    return {
        "20 columns painted": statistics.median(runs[1:]),
        "another result shown": statistics.median(tabs[3:]),
    }


def look(console: Console) -> dict[str, float]:
    """One round: the worst pause of each kind, in milliseconds."""
    console.open()
    console.run_sql("SELECT 1")
    found = painted(console)
    for name, script in (("a statement of 5 MB", ONE), ("100,000 statements", MANY)):
        console.paste(script)
        time.sleep(2)
        began = time.monotonic()
        found[name] = pause(console, console.run_sql)
        found[f"{name}: seconds"] = time.monotonic() - began
    console.paste(WIDE)
    time.sleep(1)
    found["2,000 columns shown"] = pause(console, console.run_sql)
    found["2,000 columns scrolled"] = pause(console, lambda: scroll(console))
    console.type_sql("SELECT 1")
    time.sleep(1)
    found["2,000 columns left"] = pause(console, console.run_sql)
    console.paste(TABLES)
    console.run_sql()
    console.type_sql("")
    console.js(WATCH)
    times: list[Any] = sorted(console.js(TYPE, TYPED))
    found["typing, 95 in 100"] = float(times[int(len(times) * 0.95)])
    return found


def measure(arguments: list[str]) -> None:
    """Prints the figures."""
    from tests.browser.console_page import Console
    from tests.browsers import Chromium
    from tests.conftest import ServedSite, serving
    from tests.firefox import Firefox

    rounds = parsed(arguments).rounds
    with serving(ServedSite(serve.assemble())) as site:
        for make in (Chromium, Firefox):
            every: dict[str, list[float]] = {}
            for _ in range(rounds):
                browser = make()
                try:
                    for name, value in look(Console(browser, site.url)).items():
                        every.setdefault(name, []).append(value)
                finally:
                    browser.close()
            print(browser.name)
            for name, values in every.items():
                unit = "s" if name.endswith("seconds") else "ms"
                each = ", ".join(f"{value:.1f}" for value in values)
                goal = GOALS.get(name, MOST)
                told = "" if unit == "s" else f", goal {goal:.0f}"
                print(f"  {name}: {statistics.median(values):.1f} {unit}{told} ({each})")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    about = "How long the page's thread is busy at a time."
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.busy", description=about)
    parser.add_argument("--rounds", type=int, default=3, help="how often; 3 if not given")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parsed(arguments)
    return run_measure("tests.bench.busy", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
