"""What users of other tools reported, tried on the library: each file of ``bodies`` prints PASS.

A body is Python with top-level await that runs in a worker and leaves a JSON text in ``result``:
``PASS``, or what was found instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pyodide.engines import Engine

BODIES = Path(__file__).parent / "bodies"

#: name of the body → (what must hold, further global names of it)
REPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "newer_view": ("a database whose schema a newer SQLite wrote is read and kept as it is", {}),
    "wide_table": ("a CREATE statement of any length comes in again", {}),
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_users_reported_does_not_happen_here(runtime: Engine, name: str) -> None:
    _, values = REPORTS[name]
    source = (BODIES / f"{name}.py").read_text(encoding="utf-8")
    verdict = json.loads(runtime.run(f"{source}\nresult", **values))
    assert str(verdict).startswith("PASS"), verdict


def test_every_body_is_tried() -> None:
    assert {path.stem for path in BODIES.glob("*.py")} == set(REPORTS)
