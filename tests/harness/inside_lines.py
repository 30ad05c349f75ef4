"""Notes which lines of the library run inside Pyodide, for tests/coverage.py.

Each line is noted once: after that sys.monitoring leaves its place in the code alone, so that the
tests are hardly slower.
"""

from __future__ import annotations

import json
import sys
from types import CodeType
from typing import Any

LIBRARY = "/lib/under-test/sahpool"  # the package, and the service's beside it

monitoring: Any = getattr(sys, "monitoring", None)  # Python 3.12 has it, and Pyodide's is newer

#: File → numbers of the lines that have run.
lines: dict[str, set[int]] = {}


def begin() -> None:
    """Notes lines from now on."""
    tool = monitoring.COVERAGE_ID
    monitoring.use_tool_id(tool, "lines of the library")
    monitoring.register_callback(tool, monitoring.events.LINE, _line)
    monitoring.set_events(tool, monitoring.events.LINE)


def _line(code: CodeType, line: int) -> object:
    if code.co_filename.startswith(LIBRARY):
        lines.setdefault(code.co_filename, set()).add(line)
    return monitoring.DISABLE


def told() -> str:
    """The lines as JSON: a file's path below /lib/under-test → their numbers."""
    return json.dumps(
        {name.removeprefix("/lib/under-test/"): sorted(each) for name, each in lines.items()}
    )
