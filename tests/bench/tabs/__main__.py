"""Many tabs on one database, in real browsers: ``python3 -m tests.bench.tabs``.

    python3 -m tests.bench.tabs                              everything, in both browsers
    python3 -m tests.bench.tabs --browser chrome             in one of them
    python3 -m tests.bench.tabs --case takeover crowd        some of it
    python3 -m tests.bench.tabs --case takeover --rounds 5   with fewer takeovers

Each case begins with a browser that was at the site before. Ends with an error when something was
not as it must be, or took longer than it may.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import serve
from tests.__main__ import run_measure

if TYPE_CHECKING:
    from tests.browser.many_tabs import Tabs
    from tests.browser.tabs.figures import Figure

NAMES = (
    "counter", "takeover", "isolation", "fair", "follower", "memory", "crowd", "chance", "changes",
    "loan", "heirs",
)  # fmt: skip
BROWSERS = {"chrome": "Chromium", "firefox": "Firefox"}
ROUNDS = 50


def cases(rounds: int, *, quick: bool) -> dict[str, Callable[[Tabs], Iterator[Figure]]]:
    """What is to be run, by name; ``quick``: for less long."""
    from tests.browser.tabs import counting, sessions, speed

    return {
        "counter": counting.counter,
        "takeover": partial(counting.takeover, rounds=rounds),
        "isolation": sessions.isolation,
        "fair": partial(speed.fair, seconds=10, points=50) if quick else speed.fair,
        "follower": speed.follower,
        "memory": speed.memory,
        "crowd": counting.crowd,
        "chance": partial(counting.comings_and_goings, seconds=40 if quick else 300),
        "changes": sessions.changes,
        "loan": sessions.loan,
        "heirs": sessions.loan_without_its_leader,
    }


def run_case(
    name: str, case: Callable[[Tabs], Iterator[Figure]], kind: str, url: str, profile: Path
) -> list[Figure]:
    """All figures of a case, or those until it failed and one that says so."""
    from tests.browser.many_tabs import many_tabs
    from tests.browser.tabs.figures import Figure
    from tests.browsers import BrowserError

    found = []
    try:
        with many_tabs(kind, url, profile) as tabs:
            for figure in case(tabs):
                found.append(figure)
                verdict = "" if figure.is_met else "  MISSED"
                serve.say(f"  {name}, {kind}: {figure.what}: {figure.shown}{verdict}")
    except (AssertionError, BrowserError) as error:
        serve.say(f"  {name}, {kind}: FAILED: {error}")
        found.append(Figure("to its end", "so", f"FAILED: {str(error)[:200]}", is_met=False))
    return found


def measure(arguments: list[str]) -> None:
    """Prints everything, exits with an error; needs the tests' virtual environment."""
    from tests.bench.contenders import BenchSite
    from tests.browser.conftest import visited_profile
    from tests.browser.tabs.sessions import serve_borrower
    from tests.browsers import Chromium
    from tests.conftest import serving
    from tests.firefox import Firefox

    chosen = options(arguments)
    kinds = list(BROWSERS) if chosen.browser == "both" else [chosen.browser]
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    missed = 0
    site = BenchSite(serve.assemble())
    serve_borrower(site)
    with serving(site), tempfile.TemporaryDirectory(prefix="sahpool-profiles-") as home:
        for kind in kinds:
            browser = Chromium() if kind == "chrome" else Firefox()
            profile = visited_profile(browser, site, Path(home) / kind)
            for name in chosen.case:
                case = cases(chosen.rounds, quick=chosen.quick)[name]
                for figure in run_case(name, case, kind, site.url, profile):
                    row = rows.setdefault((name, figure.what, figure.goal), {})
                    row[kind] = figure.shown if figure.is_met else f"**{figure.shown}**"
                    missed += not figure.is_met
    serve.say(f"| case | | goal | {' | '.join(BROWSERS[kind] for kind in kinds)} |")
    serve.say(f"| --- | --- | --- | {' | '.join('---' for _ in kinds)} |")
    for (name, what, goal), shown in rows.items():
        cells = " | ".join(shown.get(kind, "") for kind in kinds)
        serve.say(f"| {name} | {what} | {goal} | {cells} |")
    if missed:
        sys.exit(f"bench: {missed} of these are not as they must be.")


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about, _, _ = (__doc__ or "").partition(":")
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.tabs", description=about)
    parser.add_argument("--browser", choices=(*BROWSERS, "both"), default="both")
    parser.add_argument("--case", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="takeovers of each browser")
    short = "a long statement of 10 s instead of 60, chance for 40 s instead of 300"
    parser.add_argument("--quick", action="store_true", help=short)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Sets the tests up and measures in their environment; returns the exit code."""
    options(arguments)
    return run_measure("tests.bench.tabs.__main__", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
