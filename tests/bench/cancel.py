"""How long a cancel takes: ``python3 -m tests.bench.cancel``.

The real worker under a bare page, in Chromium and Firefox. Each kind of work is begun and cancelled
after a random time that lies within its run (``--seed``), many times (``--tries``); the time is
that from the sending of the cancel until the reply of what was cancelled is there. After each one
the transaction must be what the reply says it is, a query must work, and the database must be as it
was before.
"""

from __future__ import annotations

import argparse
import random
import sys
from typing import TYPE_CHECKING

import serve
from tests.__main__ import run_measure
from tests.browser.cancelling import (
    ALL,
    SHORTEST,
    STATEMENTS,
    WITHIN_TRANSACTION,
    CancelError,
    Desk,
)

if TYPE_CHECKING:
    from tests.browsers import Browser

GOAL = 100.0
"""Milliseconds that a cancel may take, for 95 in 100."""


KINDS = (*STATEMENTS, "import of a CSV file", "export")


def percentile(times: list[float], share: float) -> float:
    """The smallest of the times that so large a share of them does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure_browser(browser: Browser, url: str, chosen: argparse.Namespace) -> dict[str, str]:
    """The cells of one browser by kind."""
    desk = Desk(browser, url)
    chance = random.Random(chosen.seed)
    cells = {}
    every: list[float] = []
    for kind in chosen.kinds:
        duration = desk.duration(kind)
        if duration < SHORTEST:
            serve.say(f"{kind} took {duration:.0f} ms only in {browser.name}")
        times = []
        late = 0
        for number in range(chosen.tries):
            delay = duration * chance.uniform(0.05, 0.9)
            within = kind in WITHIN_TRANSACTION and number % 2 == 1
            took = desk.cancel(kind, delay, within=within)
            if took is None:
                late += 1
            else:
                times.append(took)
                if chosen.verbose:
                    serve.say(f"{browser.name}, {kind}: {delay:.0f} of {duration:.0f}: {took:.0f}")
        desk.check()
        if not times:
            raise CancelError(f"{kind}: none of {chosen.tries} was cancelled within its run")
        every += times
        few = f" ({late} were done before)" if late else ""
        cells[kind] = f"{duration / 1000:.1f} s | {told(times)}{few}"
        serve.say(f"{browser.name}: {kind}: {cells[kind]}")
    cells[ALL] = f"{len(every)} tries | {told(every)}"
    return cells


def told(times: list[float]) -> str:
    """Median, what 95 in 100 are within, and the longest of them."""
    p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
    return f"{p50:.0f} | {p95:.0f}{'' if p95 <= GOAL else ' ✗'} | {max(times):.0f}"


def measure(arguments: list[str]) -> None:
    """Prints everything; needs the tests' virtual environment."""
    from tests.browsers import Chromium
    from tests.conftest import ServedSite, serving
    from tests.firefox import Firefox

    chosen = options(arguments)
    columns = {}
    with serving(ServedSite(serve.assemble())) as site:
        for name, start in {"chrome": Chromium, "firefox": Firefox}.items():
            if chosen.browser in (name, "both"):
                browser: Browser = start()
                try:
                    columns[name] = measure_browser(browser, site.url, chosen)
                finally:
                    browser.close()
    titles = " | ".join(f"{name}: takes | p50 | p95 | max" for name in columns)
    serve.say(f"| ms from cancel to reply, {chosen.tries} tries | {titles} |")
    serve.say(f"| --- |{' ---: |' * 4 * len(columns)}")
    for kind in (*chosen.kinds, ALL):
        serve.say(f"| {kind} | {' | '.join(cells[kind] for cells in columns.values())} |")


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.cancel", description=about)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--browser", choices=["both", "chrome", "firefox"], default="both")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="print every single try")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Sets the tests up and measures in their environment; returns the exit code."""
    options(arguments)
    return run_measure("tests.bench.cancel", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
