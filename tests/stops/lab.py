"""Runs the strikes (inside_strikes.py) from outside: starts Pyodide in Node, and sends requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.crash.laboratory import Laboratory

HERE = Path(__file__).parent
INSIDE = ("__init__", "inside_strikes", "inside_scenes", "inside_workloads")

KINDS = ("KeyboardInterrupt", "RecursionError", "MemoryError")
MODES = ("DELETE", "TRUNCATE", "PERSIST", "WAL")

_SET_UP = """
import importlib, logging, pathlib, sys
folder = pathlib.Path("/lib/under-test/tests/stops")
folder.mkdir(parents=True, exist_ok=True)
for name, text in files.items():
    (folder / f"{name}.py").write_text(text)
importlib.invalidate_caches()
# Strikes outside of a callback's own code are told there, and the library logs the others.
sys.unraisablehook = lambda _: None
logging.disable()
"""

_SWEEP = """
from tests.stops import inside_scenes as scenes
from tests.stops import inside_strikes as strikes
from tests.stops import inside_workloads as workloads
found = {**scenes.SCENES, **workloads.SCENES}[title]
if control:
    with strikes.without(control):
        told = await strikes.sweep(found, mode, kinds, share, offset, limit)
else:
    told = await strikes.sweep(found, mode, kinds, share, offset, limit)
told
"""

_TITLES = """
from tests.stops import inside_scenes as scenes
from tests.stops import inside_workloads as workloads
[list(scenes.SCENES), list(workloads.SCENES)]
"""


class Strikes:
    """Runs sweeps in a Pyodide, and starts a new one after a sweep that went wrong."""

    def __init__(self, site: Path) -> None:
        self._site = site
        self._begin()

    def _begin(self) -> None:
        self._laboratory = Laboratory(self._site)
        files = {name: (HERE / f"{name}.py").read_text(encoding="utf-8") for name in INSIDE}
        self._laboratory.run(_SET_UP, files=files)

    def restart(self) -> None:
        """Starts a new Pyodide, in which nothing of the library has been imported."""
        self.close()
        self._begin()

    def run(self, source: str) -> Any:
        """Return the value of the last expression of ``source``."""
        return self._laboratory.run(source)

    def titles(self) -> tuple[list[str], list[str]]:
        """Return the titles of the scenes of inside_scenes.py, and of inside_workloads.py."""
        own, workloads = self._laboratory.run(_TITLES)
        return own, workloads

    def sweep(
        self,
        title: str,
        mode: str,
        share: int,
        offset: int = 0,
        *,
        control: str = "",
        limit: int = 3,
    ) -> dict[str, Any]:
        """Run ``strikes.sweep``; ``control`` names a protection that is taken out."""
        values = {"title": title, "mode": mode, "share": share, "offset": offset, "limit": limit}
        is_whole = False
        try:
            found: dict[str, Any] = self._laboratory.run(
                _SWEEP, kinds=list(KINDS), control=control, **values
            )
            is_whole = not found["wrong"]
            return found
        finally:
            if not is_whole:
                self.restart()

    def close(self) -> None:
        """Ends Node."""
        self._laboratory.close()
