"""What the rounds gave, as tables and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from tests.bench.contenders import MEMORY, NATIVE, OURS, PEERS

#: Suite → the most that sahpool's median may be of another's. "every peer" is the
#: fastest of them.
GOALS: Mapping[str, Mapping[str, float]] = {
    "bulk": {NATIVE: 1.15, MEMORY: 1.15, "every peer": 1.0},
    "index": {NATIVE: 1.15, MEMORY: 1.15, "every peer": 1.0},
    "commits": {NATIVE: 1.15},
    "commits1000": {
        NATIVE: 1.15,
        "official, exclusive + WAL": 0.5,
        "official, exclusive + WAL, bare calls": 0.5,
    },
    "scan": {NATIVE: 1.15, MEMORY: 1.15, "every peer": 1.0},
    "random": {NATIVE: 1.15, MEMORY: 1.15},
    "random-transaction": {NATIVE: 1.15, MEMORY: 1.15},
    "random-2mb": {
        NATIVE: 1.15,
        "official, default": 0.8,
        "official, exclusive + WAL": 0.8,
        "official, exclusive + WAL, bare calls": 0.8,
    },
    "mix": {MEMORY: 1.2, "every peer": 1.0},
}

EVERY_PEER = "every peer"
TOTAL = "mix"


def told(times: list[float]) -> str:
    """Median and range of times in milliseconds, as a table has them."""
    each = (statistics.median(times), min(times), max(times))
    median, least, most = (f"{time:,.0f}" if time >= 100 else f"{time:.3g}" for time in each)
    return f"{median} ({least}–{most})"


class Report:
    """Times of several rounds.

    Args:
        browser: Name of the browser.
    """

    def __init__(self, browser: str) -> None:
        self.browser = browser
        self._times: dict[str, dict[str, list[float]]] = {}
        self.settings: dict[str, dict[str, Any]] = {}

    def add(self, contender: str, answer: Mapping[str, Any]) -> None:
        """What a contender's player gave in one round."""
        self.settings.setdefault(contender, answer["settings"])
        times = dict(answer["times"])
        parts = [time for name, time in times.items() if name.startswith(f"{TOTAL}: ")]
        if parts:
            times[TOTAL] = sum(parts)
        for name, time in times.items():
            self._times.setdefault(name, {}).setdefault(contender, []).append(time)

    def median(self, name: str, contender: str) -> float | None:
        """In milliseconds; None where the contender took no part."""
        times = self._times.get(name, {}).get(contender)
        return statistics.median(times) if times else None

    def ratio(self, name: str, other: str) -> float | None:
        """Our median by another's; ``"every peer"`` is the fastest of them."""
        names = PEERS if other == EVERY_PEER else (other,)
        medians = [median for each in names if (median := self.median(name, each))]
        ours = self.median(name, OURS)
        return ours / min(medians) if ours is not None and medians else None

    def json(self) -> dict[str, Any]:
        """Every time of every round, and what the contenders were set to."""
        return {"browser": self.browser, "settings": self.settings, "milliseconds": self._times}

    def tables(self) -> list[str]:
        """Lines of Markdown: times, ratios, settings."""
        return [*self._table(), "", *self._ratios(), "", *self._settings()]

    def _table(self) -> list[str]:
        contenders = list(self.settings)
        lines = _head(f"{self.browser}: ms, median (least–most)", contenders)
        for name, times in self._times.items():
            cells = [
                f"{statistics.median(each):.4g} ({min(each):.4g}–{max(each):.4g})" if each else "–"
                for each in (times.get(contender, []) for contender in contenders)
            ]
            lines.append(_row(name, cells))
        return lines

    def _ratios(self) -> list[str]:
        others = [MEMORY, NATIVE, EVERY_PEER, *(name for name in PEERS if name in self.settings)]
        lines = _head("sahpool's median ÷", others)
        for name in self._times:
            cells = []
            for other in others:
                ratio, goal = self.ratio(name, other), GOALS.get(name, {}).get(other)
                told = "–" if ratio is None else f"{ratio:.2f}"
                if ratio is not None and goal is not None:
                    told = f"{told} {'✓' if ratio <= goal else '✗'} (goal {goal:g})"
                cells.append(told)
            lines.append(_row(name, cells))
        return lines

    def _settings(self) -> list[str]:
        names = list(next(iter(self.settings.values())))
        lines = _head("as opened", names)
        for contender, settings in self.settings.items():
            lines.append(_row(contender, [str(settings[name]) for name in names]))
        return lines


def _head(first: str, columns: list[str]) -> list[str]:
    return [_row(first, columns), "| --- |" + " ---: |" * len(columns)]


def _row(first: str, cells: list[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"
