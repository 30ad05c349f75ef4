"""The README's six lines do what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_library_in_six_lines_keeps_its_note_over_a_new_worker(runtime: Any) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.strip().splitlines()) <= 7
    runtime.run(code + "\ncon.close()")
    runtime.restart()
    found = runtime.run(
        code
        + "rows = con.execute('SELECT text FROM note').fetchall()\n"
        + "con.close()\n"
        + "await pool.remove_vfs()\n"
        + "rows"
    )
    assert found == [["still here after a reload"]] * 2
