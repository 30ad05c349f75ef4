"""The laboratory (``inside_lab.py``) from outside: Pyodide in Node, and what is asked of it."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path
from typing import Any

from tests.pyodide.engines import Engine, NodeEngine

HERE = Path(__file__).parent

#: How long one request may go on, in seconds and in calls that fail: the engine does not wait for
#: ever.
_SECONDS, _CALLS_A_REQUEST = 30, 50

_SET_UP = """
import importlib, pathlib
folder = pathlib.Path("/lib/under-test/tests/crash")
folder.mkdir(parents=True)
for name, text in files.items():
    (folder / name).write_text(text)
for package in (folder, folder.parent):
    (package / "__init__.py").touch()
importlib.invalidate_caches()
"""

_PRELUDE = """
import dataclasses
from tests.crash import inside_controls as controls
from tests.crash import inside_lab as lab
from tests.crash import inside_recovery as recovery
from tests.crash import inside_workloads as workloads
"""

_PREPARE = """
lab.current = await lab.prepare(getattr(workloads, workload), mode, synchronous, page_size)
"""

_RUN = """
[await lab.current.run(seconds), dataclasses.asdict(lab.current.outcome)]
"""

_COUNT_CALLS = """
await recovery.count_calls(lab.recoveries[number][1])
"""

_FAIL_CALLS = """
await recovery.fail_calls(lab.recoveries[number][1], calls, how)
"""


class Laboratory:
    """Runs experiments; the one that was prepared last is ``lab.current`` inside."""

    def __init__(self, site: Path) -> None:
        self._engine = NodeEngine(site, self._set_up)

    def _set_up(self, engine: Engine) -> None:
        files = {path.name: path.read_text(encoding="utf-8") for path in HERE.glob("inside_*.py")}
        engine.run(_SET_UP, files=files)

    def run(self, source: str, **values: Any) -> Any:
        """The value of the last expression of ``source``, which may use the modules inside."""
        return self._engine.run(_PRELUDE + textwrap.dedent(source), **values)

    def prepare(self, workload: str, mode: str, synchronous: str, page_size: int) -> None:
        """Records a workload."""
        arguments = {"workload": workload, "mode": mode}
        self.run(_PREPARE, synchronous=synchronous, page_size=page_size, **arguments)

    def try_all(self, limit: int, seeds: int, *, only_killed: bool = False) -> dict[str, Any]:
        """Tries the crashes of the experiment; arguments as of ``Experiment.plan``.

        Returns:
            The fields of ``lab.Outcome``, and ``crashes``, how many there are in all.
        """
        plan = "lab.current.plan(limit, seeds, only_killed=only_killed)"
        crashes = self.run(plan, limit=limit, seeds=seeds, only_killed=only_killed)
        return {"crashes": crashes, **self.finish()}

    def finish(self) -> dict[str, Any]:
        """Goes on with what is planned until it is done; returns the fields of ``lab.Outcome``."""
        done, outcome = False, {}
        while not done:
            done, outcome = self.run(_RUN, seconds=_SECONDS)
        return outcome

    def fail_calls(self, number: int, how: str, limit: int) -> tuple[int, list[str]]:
        """Has single calls fail within the ``number``-th of ``lab.recoveries``.

        Args:
            number: Which recovery.
            how: Name of the DOMException.
            limit: How many calls to try, spread evenly; 0 for every one.

        Returns:
            How many calls were tried; what was wrong.
        """
        count = self.run(_COUNT_CALLS, number=number)
        calls = list(range(1, count + 1, max(1, count // limit) if limit else 1))
        wrong: list[str] = []
        for first in range(0, len(calls), _CALLS_A_REQUEST):
            some = calls[first : first + _CALLS_A_REQUEST]
            wrong += self.run(_FAIL_CALLS, number=number, calls=some, how=how)
        return len(calls), wrong

    def restart(self) -> None:
        """A new Pyodide."""
        self._engine.restart(keep=False)

    def close(self) -> None:
        """Ends it."""
        self._engine.close()


def shown(outcome: dict[str, Any], began: float) -> str:
    """What came of an experiment, on one line."""
    counts = ", ".join(f"{outcome[name]} {name}" for name in ("images", "corrupt", "lost"))
    return f"{counts}, {outcome['quarantined']} quarantined, {time.monotonic() - began:.1f} s"
