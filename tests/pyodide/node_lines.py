"""Keeps which lines of the library run in Pyodide in Node, when tests/coverage.py asks for it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Environment variable with the folder in which the lines are kept; without it none are noted.
FOLDER = "SAHPOOL_LINES"

_NOTES = Path(__file__).parents[1] / "harness" / "inside_lines.py"

_BEGIN = """
import sys, types
module = sys.modules["inside_lines"] = types.ModuleType("inside_lines")
exec(compile(notes, "inside_lines.py", "exec"), module.__dict__)
module.begin()
"""

_TOLD = """
import sys
sys.modules["inside_lines"].told()
"""


class Lines:
    """The lines of one Pyodide after another; ``run`` runs Python inside."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._folder = os.environ.get(FOLDER)

    def begin(self) -> None:
        """Notes lines from now on."""
        if self._folder:
            self._run(_BEGIN, notes=_NOTES.read_text(encoding="utf-8"))

    def keep(self) -> None:
        """Writes what was noted to a file of its own."""
        if self._folder:
            name = f"{secrets.token_hex(8)}.json"
            (Path(self._folder) / name).write_text(self._run(_TOLD), encoding="utf-8")
