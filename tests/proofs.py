"""The table of docs/proofs.md: ``python3 -m tests.proofs``.

    python3 -m tests.proofs            runs every proof whole (hours) and prints the table
    python3 -m tests.proofs --quick    the slices that the default run of the tests has
    python3 -m tests.proofs -k crash   what else is given goes to pytest

A proof is a test that counts what it tried and hands the counts to the fixture ``proof``. It fails
by itself when a count is not what is promised; the table only tells how much was tried.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import serve

#: Rows of the table, in its order: how tests name them, and what a reader sees.
ROWS = {
    "crash": "crash points × images, four journal modes",
    "headers": "torn or flipped headers",
    "errors": "I/O error at every call, once and sticky",
    "quota": "quota exceeded at every write",
    "kill": "kill −9 of the real browser during commits",
    "end": "worker terminated, page reloaded, tab closed during a long transaction",
    "hostile": "hostile files",
    "connections": "two connections in one worker",
    "collecting": "garbage collections while statements are suspended",
    "protocol": "protocol: random and mutated messages both ways",
    "starts": "visits from a snapshot of Python's memory, damaged or in two tabs at once",
    "offline": "visits with the server gone and the browser restarted",
    "stops": "exceptions at every line, and a Stop at any moment",
    "sql": "SQL correctness against CPython",
}


class Proofs:
    """What the tests of one run have counted.

    ``proof("crash", "WAL", images=1729, corrupt=0)`` adds to the row ``crash`` an arm ``WAL`` with
    two counts; the same arm again adds its counts up. ``control=True`` says that the arm had a
    protection taken out and had to fail.
    """

    def __init__(self) -> None:
        self._arms: dict[str, dict[tuple[str, bool], dict[str, int]]] = {}

    def __call__(self, row: str, arm: str, /, *, control: bool = False, **counts: int) -> None:
        if row not in ROWS:
            raise KeyError(f"{row} is no row of the table: {', '.join(ROWS)}")
        kept = self._arms.setdefault(row, {}).setdefault((arm, control), {})
        for name, count in counts.items():
            kept[name] = kept.get(name, 0) + count

    def dump(self) -> list[Any]:
        """Everything counted, in a form that travels between processes; for :meth:`load`."""
        return [
            [row, arm, control, counts]
            for row, arms in self._arms.items()
            for (arm, control), counts in arms.items()
        ]

    def load(self, dumped: list[Any]) -> None:
        """Adds what another process has counted."""
        for row, arm, control, counts in dumped:
            self(row, arm, control=control, **counts)

    def table(self) -> list[str]:
        """The lines of a Markdown table; none when nothing was counted."""
        if not self._arms:
            return []
        lines = ["| Fault | Tried and found |", "| --- | --- |"]
        for row, title in ROWS.items():
            told = []
            for (arm, control), counts in self._arms.get(row, {}).items():
                numbers = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items())
                told.append(f"{'*control, must fail:* ' if control else ''}{arm}: {numbers}")
            if told:
                lines.append(f"| {title} | {'<br>'.join(told)} |")
        return lines


def main(arguments: list[str]) -> int:
    """Sets the tests up, runs the proofs; returns pytest's exit code."""
    from tests import __main__ as tests

    quick = "--quick" in arguments
    rest = [each for each in arguments if each != "--quick"]
    if not tests.succeeds("proofs", tests.set_up):
        return 1
    start = time.monotonic()
    command = [str(tests.PYTHON), "-m", "pytest", "-m", "proof", *([] if quick else ["--slow"])]
    code = subprocess.run([*command, *(rest or tests.LANES)], cwd=serve.ROOT).returncode
    serve.say(f"proofs: {time.monotonic() - start:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
