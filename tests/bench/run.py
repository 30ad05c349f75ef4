"""Runs the suites in one session of a browser, everybody in turn; see ``tests.bench.__main__``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

import serve
from tests.bench.__main__ import options
from tests.bench.contenders import BenchError, BenchSite, Contender, contenders, started
from tests.bench.report import Report
from tests.bench.suites import plans
from tests.conftest import serving


def compare(group: str, answers: dict[str, dict[str, Any]]) -> None:
    """Whether everybody did the same.

    Raises:
        BenchError: Somebody found something else than the first.
    """
    first, *others = answers
    expected = answers[first]["results"]
    for name in others:
        found = answers[name]["results"]
        if found != expected:
            pairs = zip(expected, found, strict=False)
            differing = next((pair for pair in pairs if pair[0] != pair[1]), "their number")
            raise BenchError(f"{group}: {first} and {name} found different things: {differing}")


def measure(
    everybody: list[Contender], suites: set[str], report: Report, rounds: int, scale: float
) -> None:
    """Plays every plan in every round with everybody, beginning with another one each time."""
    for group, plan in plans(suites, scale).items():
        for number in range(rounds):
            turn = number % len(everybody)
            answers = {}
            for contender in everybody[turn:] + everybody[:turn]:
                answers[contender.name] = contender.play(plan)
            compare(group, answers)
            for contender in everybody:
                report.add(contender.name, answers[contender.name])
            busy = f"; load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
            serve.say(f"{report.browser}, {group}: round {number + 1} of {rounds}{busy}")


def bench(name: str, site: BenchSite, wanted: argparse.Namespace) -> Report:
    """All rounds in one browser."""
    browser = started(name)
    report = Report(name)
    try:
        everybody = [each for each in contenders(browser, site) if each.name not in wanted.without]
        measure(everybody, set(wanted.suite), report, wanted.rounds, wanted.scale)
    finally:
        browser.close()
    return report


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    wanted = options(arguments)
    browsers = ("chrome", "firefox") if wanted.browser == "both" else (wanted.browser,)
    reports = []
    with serving(BenchSite(serve.assemble())) as site:
        for name in browsers:
            try:
                reports.append(bench(name, site, wanted))
            except BenchError as error:
                print(f"bench: {name}: {error}", file=sys.stderr)
                return 1
    for report in reports:
        serve.say("\n" + "\n".join(report.tables()))
    if wanted.json is not None:
        wanted.json.write_text(json.dumps([report.json() for report in reports], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
