"""An earlier commit and this one in turns: ``python3 -m tests.bench.turns COMMIT``.

    python3 -m tests.bench.turns HEAD~1                  both in Chromium, 21 rounds
    python3 -m tests.bench.turns HEAD~1 --browser firefox --rounds 41

Each commit has a browser of its own and plays the same plan in turn, so that what else the machine
does strikes both. Prints the median of the rounds' ratios, new ÷ old, and the 95 % interval of that
median, which its order statistics give (Conover, Practical Nonparametric Statistics, 3.2).
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import serve
from tests.__main__ import run_measure
from tests.bench.contenders import OURS, BenchError, BenchSite, Pyodide, started
from tests.bench.plan import Plan, each, many, opened, rows, run, timed, within
from tests.conftest import serving

ROUNDS = 21
A_SESSION = 3  # rounds

#: How many standard deviations the middle 95 % are wide, to each side.
_DEVIATIONS = 1.96


def plan() -> Plan:
    """What every call to the VFS weighs most on: many small statements, and bulk beside them."""
    insert = "INSERT INTO t(number, word) VALUES(?1, ?2)"
    select = "SELECT number FROM t WHERE id = ?1"
    filled = rows(60_000, ("int", 1_000_000), ("text", 40))
    looked_up = rows(4000, ("int", 60_000))
    few = rows(300, ("int", 1_000_000), ("text", 40))
    return [
        opened(),
        run("CREATE TABLE t(id INTEGER PRIMARY KEY, number INTEGER, word TEXT)"),
        # The WAL has its slot before the clock runs, when ever that is made.
        run("INSERT INTO t VALUES(0, 0, '')"),
        timed("bulk", *within(many(insert, filled))),
        timed("commits, WAL", each(insert, few)),
        timed("lookups, WAL", each(select, looked_up)),
        timed("opening, WAL", *[opened(), run("SELECT count(*) FROM sqlite_schema")] * 40),
        opened(2000),
        timed("random, small cache", *within(each(select, rows(20_000, ("int", 60_000), seed=7)))),
        opened(),
        run("PRAGMA journal_mode=DELETE"),
        timed("commits, DELETE", each(insert, few)),
        timed("lookups, DELETE", each(select, looked_up)),
        timed("opening, DELETE", *[opened(), run("SELECT count(*) FROM sqlite_schema")] * 40),
        run("PRAGMA journal_mode=TRUNCATE"),
        timed("commits, TRUNCATE", each(insert, few)),
        run("SELECT count(*), sum(number), min(word) FROM t"),
    ]


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """The median, and the lower and upper end of its 95 % interval.

    Args:
        ratios: At least one.
    """
    ordered, count = sorted(ratios), len(ratios)
    reach = _DEVIATIONS * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach) - 1)
    return statistics.median(ordered), ordered[low], ordered[high]


@contextlib.contextmanager
def built(commit: str) -> Iterator[Path]:
    """The site as it was at a commit, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="sahpool-turns-") as folder:
        tree, site = Path(folder, "tree"), Path(folder, "site")
        git = ["git", "-C", str(serve.ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            subprocess.run([sys.executable, str(tree / "serve.py"), "--build", site], check=True)
            yield site
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _played(sites: tuple[Path, Path], browser: str, rounds: range) -> Iterator[dict[str, float]]:
    """The ratios of each round, new ÷ old, by what was timed; in browsers of their own."""
    with contextlib.ExitStack() as stack:
        both = []
        for root in sites:
            server = stack.enter_context(serving(BenchSite(root)))
            page = started(browser)
            stack.callback(page.close)
            page.open(server.url + "module_test.html")
            both.append(Pyodide(OURS, page, server.url + "tests/worker.mjs", "play_sahpool"))
        steps = plan()
        for contender in both:  # once for nothing: what is compiled lazily is compiled then
            contender.play(steps)
        for number in rounds:
            turns = both if number % 2 == 0 else both[::-1]
            answers = {id(contender): contender.play(steps) for contender in turns}
            old, new = (answers[id(contender)] for contender in both)
            if old["results"] != new["results"]:
                raise BenchError("the two commits found different things")
            yield {name: time / old["times"][name] for name, time in new["times"].items()}


def compare(site: Path, browser: str, rounds: int) -> dict[str, list[float]]:
    """The ratios of all rounds, new ÷ old, by what was timed.

    Args:
        site: The site of the earlier commit.
        browser: "chrome" or "firefox".
        rounds: How many; after ``A_SESSION`` of them both have a new browser, for what a browser
            happens to have where differs from one to the next by more than rounds do.
    """
    ratios: dict[str, list[float]] = {}
    sites = site, serve.assemble()
    for first in range(0, rounds, A_SESSION):
        session = range(first, min(rounds, first + A_SESSION))
        for number, each_round in zip(session, _played(sites, browser, session), strict=True):
            for name, ratio in each_round.items():
                ratios.setdefault(name, []).append(ratio)
            serve.say(f"{browser}: round {number + 1} of {rounds}")
    return ratios


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about, _, _ = (__doc__ or "").partition(":")
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.turns", description=about)
    parser.add_argument("commit", help="the earlier one, as git names it")
    parser.add_argument("--browser", choices=("chrome", "firefox"), default="chrome")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    return parser.parse_args(arguments)


def measure(arguments: list[str]) -> None:
    """Prints a Markdown table."""
    wanted = options(arguments)
    with built(wanted.commit) as site:
        ratios = compare(site, wanted.browser, wanted.rounds)
    print(f"| {wanted.browser}, new ÷ {wanted.commit} | median | 95 % interval |")
    print("| --- | --- | --- |")
    for name, each_round in ratios.items():
        median, low, high = interval(each_round)
        print(f"| {name} | {median:.2f} | {low:.2f}–{high:.2f} |")


def main(arguments: list[str]) -> int:
    """Returns the exit code; a mistake in the arguments is told before anything is set up."""
    options(arguments)
    return run_measure("tests.bench.turns", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
