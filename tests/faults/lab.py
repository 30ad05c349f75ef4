"""The faults from outside: runs the modules ``inside_*.py`` of this folder in an engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import serve
from tests.pyodide.engines import Engine

#: The modules that run in Node, over the storage in memory, and in the browsers.
NODE = ("inside_sweep", "inside_workloads", "inside_scenes")
BROWSERS = ("inside_browsers",)

_UNPACK = """
import sys
from pathlib import Path
for path, text in FILES.items():
    file = Path("/lib/under-test") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    sys.modules.pop(path.removesuffix(".py").replace("/", "."), None)
"""


def unpack(engine: Engine, names: Iterable[str] = NODE) -> None:
    """Lets what runs in the engine import these modules; to be done after each restart."""
    paths = [f"tests/faults/{name}.py" for name in names]
    engine.run(_UNPACK, FILES={path: (serve.ROOT / path).read_text() for path in paths})


def run(engine: Engine, call: str, mode: str) -> Any:
    """The value of a call of a scene of the engine; the scene sees the journal mode."""
    names = NODE if engine.name == "node" else BROWSERS
    return engine.run(f"from tests.faults.{names[-1]} import *\n{call}", MODE=mode)


def sweep(
    engine: Engine,
    name: str,
    mode: str,
    share: int,
    offset: int = 0,
    *,
    without: str = "",
    **only: Any,
) -> dict[str, Any]:
    """See ``inside_sweep.sweep``, for a workload by its name.

    Args:
        engine: Where it runs.
        name: Name of the workload.
        mode: Its journal mode.
        share: One of how many faults is tried.
        offset: Which one of them is the first.
        without: Python source that takes a protection out, by ``replace(owner, name, value)``.
        **only: The methods and the ways to fail, when not all (``methods``, ``hows``).
    """
    source = """
        from tests.faults.inside_sweep import sweep
        from tests.faults.inside_workloads import workload

        replaced = []
        def replace(owner, name, value):
            replaced.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)

        exec(WITHOUT)
        try:
            found = await sweep(workload(NAME, MODE), SHARE, OFFSET, **ONLY)
        finally:
            for each in replaced:
                setattr(*each)
        found
    """
    values = {"NAME": name, "MODE": mode, "SHARE": share, "OFFSET": offset}
    found: dict[str, Any] = engine.run(source, WITHOUT=without, ONLY=only, **values)
    return found


def count(engine: Engine, name: str, mode: str) -> int:
    """How many faults a workload can have."""
    source = """
        from tests.faults.inside_sweep import faults
        from tests.faults.inside_workloads import workload
        learned = workload(NAME, MODE)
        await learned.learn()
        len(faults(learned.calls, 1, 0))
    """
    return int(engine.run(source, NAME=name, MODE=mode))


def fill(engine: Engine, mode: str, step: int) -> dict[str, Any]:
    """See ``inside_sweep.fill``."""
    source = """
        from tests.faults.inside_sweep import fill
        from tests.faults.inside_workloads import workload
        await fill(workload("full", MODE), STEP)
    """
    found: dict[str, Any] = engine.run(source, MODE=mode, STEP=step)
    return found
