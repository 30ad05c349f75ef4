"""Puts the console of tests (``inside_console``) into a Pyodide."""

from __future__ import annotations

import serve
from tests.pyodide.engines import Engine

FILES = (
    "tests/harness/service_parts.py",
    "tests/pyodide/inside_console.py",
    "tests/unit/decode.py",
)

_SHIP = """
from pathlib import Path
path = Path("/lib/under-test") / name
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(text)
"""


def ship(engine: Engine) -> None:
    """Has ``tests.pyodide.inside_console`` importable inside."""
    for name in FILES:
        engine.run(_SHIP, name=name, text=(serve.ROOT / name).read_text(encoding="utf-8"))
