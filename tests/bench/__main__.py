"""sahpool beside its peers, in one session of a browser: ``python3 -m tests.bench``.

    python3 -m tests.bench                        everything in Chromium, five rounds
    python3 -m tests.bench --browser both         in Firefox too
    python3 -m tests.bench --suite bulk index     some of it
    python3 -m tests.bench --json figures.json    every time of every round too

Sets up as ``python3 -m tests`` does, then measures in the tests' virtual environment.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.__main__ import run_inside
from tests.bench.suites import SUITES

ROUNDS = 5


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    about, _, _ = (__doc__ or "").partition(":")
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench", description=about)
    add = parser.add_argument
    add("--browser", choices=("chrome", "firefox", "both"), default="chrome")
    names = ", ".join(repr(suite) for suite in SUITES)
    add("--suite", nargs="+", choices=SUITES, default=SUITES, metavar="NAME", help=names)
    add("--without", nargs="+", default=(), metavar="CONTENDER", help="leave these out")
    add("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    add("--scale", type=float, default=1.0, help="share of the rows, for trying things out")
    add("--json", type=Path, metavar="FILE", help="write every time of every round")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Returns the exit code; a mistake in the arguments is told before anything is set up."""
    options(arguments)
    return run_inside("bench", "-m", "tests.bench.run", *arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
