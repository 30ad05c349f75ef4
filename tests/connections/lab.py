"""Hands scripts to an engine and compares what comes of them there with what must."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

from tests.connections.machine import PRAGMAS
from tests.connections.model import Model, Violation, told
from tests.connections.script import Outcome, Step
from tests.pyodide.engines import Engine

HERE = Path(__file__).parent

_numbers = itertools.count(1)

_SET_UP = """
import pathlib

folder = pathlib.Path("/lib/under-test/tests/connections")
folder.mkdir(parents=True, exist_ok=True)
for name, text in files.items():
    (folder / name).write_text(text)
from tests.connections import inside_player

await inside_player.begin(pool, pragmas)
"""

_PLAY = """
from tests.connections import inside_player

await inside_player.play(steps, pragmas, broken=broken, patient=patient)
"""

_PLAY_PART = """
from tests.connections import inside_player

await inside_player.play_part(steps, patient=patient, last=last)
"""

#: Releases of SQLite whose outcomes on a desktop were compared one by one. Another one may answer
#: otherwise here and there; then the SQLite under test, over its own unix VFS, is what counts.
COMPARED = ((3, 39), (3, 40))


class Lab:
    """An engine, and counts of what was tried.

    Args:
        engine: Where the scripts are played.
        broken: The protection that is taken out there; None for none.
        patient: Whether the connections there have a busy timeout, which the others have not.
        restarts: Whether a kill ends the worker itself, not only its connections. Then there is
            nothing left to compare with but the desktop and the model.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        broken: str | None = None,
        patient: bool = False,
        restarts: bool = False,
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sahpool-connections-", dir=_fast_folder()))
        self.counts: Counter[str] = Counter()
        self._engine = engine
        self._pool = f"connections-{next(_numbers)}"  # not one that a failed test has left
        self._broken = broken
        self._patient = patient
        self.restarts = restarts
        self._set_up()

    def _set_up(self) -> None:
        files = {each: (HERE / each).read_text() for each in ("inside_player.py", "script.py")}
        self._engine.run(_SET_UP, files=files, pragmas=PRAGMAS, pool=self._pool)

    def check(self, steps: list[Step], outcomes: list[Outcome]) -> None:
        """Plays a script and requires the outcomes that it had on the host."""
        self.counts.update(runs=1, steps=len(steps))
        if self.restarts:
            there, files = self._play_in_parts(steps), None
        else:
            there, files = self._engine.run(
                _PLAY, steps=steps, pragmas=PRAGMAS, broken=self._broken, patient=self._patient
            )
        self.counts.update(locks_refused=sum(_is_refusal(error) for error, _, _ in there))
        follow(steps, there)
        if files is not None:
            compare(steps, there, files, "the same SQLite over ordinary files")
        if sqlite3.sqlite_version_info[:2] in COMPARED:
            compare(steps, there, outcomes, "a desktop")

    def _play_in_parts(self, steps: list[Step]) -> list[Outcome]:
        """As it is, but each kill is the end of the worker."""
        there: list[Outcome] = []
        part: list[Step] = []
        for step in steps:
            if step["do"] != "kill":
                part.append(step)
                continue
            there += self._engine.run(_PLAY_PART, steps=part, patient=self._patient, last=False)
            part = []
            self._engine.restart()
            self._set_up()
            self.counts["killed_workers"] += 1
            there.append([None, None, False])
        there += self._engine.run(_PLAY_PART, steps=part, patient=self._patient, last=True)
        return there

    def close(self) -> None:
        """Removes the pool there, and what is left here."""
        self.root.rmdir()
        self._engine.run("from tests.connections import inside_player\nawait inside_player.end()")


def _fast_folder() -> str | None:
    """Where a flush costs nothing: what the host's files survive is not what is tested."""
    memory = Path("/dev/shm")  # on Linux
    return str(memory) if memory.is_dir() else None


def _is_refusal(error: str | None) -> bool:
    return error is not None and error.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def follow(steps: list[Step], outcomes: list[Outcome]) -> None:
    """The model's view of a script: raises Violation with the script that led there."""
    model = Model()
    try:
        for number, (step, outcome) in enumerate(zip(steps, outcomes, strict=True)):
            try:
                model.apply(step, outcome)
            except Violation as violation:
                raise Violation(f"{violation}\n{told(steps, outcomes, number)}") from violation
    finally:
        model.close()


def compare(steps: list[Step], there: list[Outcome], other: list[Outcome], name: str) -> None:
    """Requires equal outcomes of every step.

    But for the number that PRAGMA data_version gives: a pool drops the cache of a connection that
    leaves WAL mode, which counts as a change. The model checks what the number promises.
    """
    for number, (step, one, two) in enumerate(zip(steps, there, other, strict=True)):
        if step.get("data_version") and one[1] and two[1]:
            one, two = [one[0], one[2]], [two[0], two[2]]
        if one != two:
            raise Violation(f"came out {one}, but {two} over {name}\n{told(steps, there, number)}")
