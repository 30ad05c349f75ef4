"""The name of Pyodide's WebAssembly in the site (worker/build/addressing.py)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

import serve
from worker.build.addressing import WASM, addressed, answered_by_the_browser
from worker.build.packing import StepError

PYODIDE = serve.ROOT / "node_modules" / "pyodide"


def test_the_name_has_the_digest_and_all_who_load_the_file_know_it() -> None:
    files = addressed(PYODIDE)
    wasm = (PYODIDE / WASM).read_bytes()
    name = f"pyodide.asm.{hashlib.sha256(wasm).hexdigest()[:16]}.wasm"
    assert files.pop(f"pyodide/{name}") == wasm
    assert answered_by_the_browser([f"pyodide/{name}", *files]) == f"pyodide/{name}"
    assert set(files) == {"pyodide/pyodide.mjs", "worker/boot.mjs"}
    for script in files.values():
        assert script.count(f'"{name}"'.encode()) == 1
        assert f'"{WASM}"'.encode() not in script


@pytest.mark.parametrize(("place", "count"), [("", 0), (f'"{WASM}","{WASM}"', 2)])
def test_a_pyodide_that_names_its_webassembly_otherwise_stops_the_build(
    tmp_path: Path, place: str, count: int
) -> None:
    shutil.copy(PYODIDE / WASM, tmp_path)
    script = (PYODIDE / "pyodide.mjs").read_text().replace(f'"{WASM}"', place)
    (tmp_path / "pyodide.mjs").write_text(script)
    with pytest.raises(StepError, match=f"{count} times instead of once"):
        addressed(tmp_path)


def test_a_site_without_that_file_or_with_two_of_them_is_not_built() -> None:
    names = [f"pyodide/pyodide.asm.{digit * 16}.wasm" for digit in "ab"]
    for found in (["pyodide/pyodide.asm.wasm"], names):
        with pytest.raises(StepError, match="not one"):
            answered_by_the_browser(found)
