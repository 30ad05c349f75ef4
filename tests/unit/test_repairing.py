"""The site's own Pyodide: repaired in two places, or the build stops (build/repairing.py)."""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import serve
from worker.build import libraries, packing, repairing, standard_library

PYODIDE = serve.ROOT / "node_modules" / "pyodide"
SCRIPT, WASM = "pyodide.asm.mjs", "pyodide.asm.wasm"


def other(folder: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """A Pyodide one of whose files was changed."""
    for each in (SCRIPT, WASM):
        shutil.copyfile(PYODIDE / each, folder / each)
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    return folder


def test_pyodide_is_repaired_in_both_places_and_nowhere_else() -> None:
    before, after = (PYODIDE / SCRIPT).read_bytes(), repairing.repaired(PYODIDE)
    for place, instead in repairing.PLACES:
        assert (before.count(place.encode()), before.count(instead.encode())) == (1, 0)
        assert (after.count(place.encode()), after.count(instead.encode())) == (0, 1)
        after = after.replace(instead.encode(), place.encode())
    assert after == before


@pytest.mark.parametrize("number", range(len(repairing.PLACES)))
@pytest.mark.parametrize("count", [0, 2])
def test_a_place_that_is_not_there_once_stops_the_build(
    tmp_path: Path, number: int, count: int
) -> None:
    place, _ = repairing.PLACES[number]
    folder = other(
        tmp_path, SCRIPT, lambda data: data.replace(place.encode(), b"") + count * place.encode()
    )
    with pytest.raises(
        serve.StepError, match=rf"(?s){count} times instead of once.*docs/upgrading.md"
    ):
        repairing.repaired(folder)


def test_a_pyodide_that_is_repaired_already_stops_the_build(tmp_path: Path) -> None:
    folder = other(tmp_path, SCRIPT, lambda _data: repairing.repaired(PYODIDE))
    with pytest.raises(serve.StepError, match="0 times instead of once"):
        repairing.repaired(folder)


def moved(wasm: bytes) -> bytes:
    """With ``current_frame`` four bytes further on, as far as PyThreadState_GetFrame knows."""
    reading = bytes([*repairing.LOCAL_GET_0, repairing.I32_LOAD, 2])
    # Its first instructions, as compiled; nothing else begins like that.
    first = (
        b"\x40"
        + reading
        + bytes([repairing.CURRENT_FRAME])
        + b"\x22\x00\x45\x0d\x00\x03\x40\x02\x40"
    )
    assert wasm.count(first) == 1
    return wasm.replace(first, first.replace(b"\x34", b"\x38"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (moved, "byte 56"),
        (lambda wasm: wasm[:1000], "byte None"),
        (lambda wasm: wasm[: len(wasm) // 4], "byte None"),
        (lambda _wasm: b"", "byte None"),
        (lambda _wasm: b"<!doctype html>" * 1000, "byte None"),
        (lambda wasm: wasm.replace(repairing.READER, repairing.READER.upper()), "byte None"),
    ],
    ids=["moved", "the head", "a quarter", "empty", "a page", "no such function"],
)
def test_another_place_of_the_current_frame_stops_the_build(
    tmp_path: Path, change: Callable[[bytes], bytes], found: str
) -> None:
    with pytest.raises(serve.StepError, match=rf"(?s)at {found}, and not at 52.*docs/upgrading.md"):
        repairing.repaired(other(tmp_path, WASM, change))


def test_the_site_has_the_repaired_pyodide_and_everything_knows_it(tmp_path: Path) -> None:
    site = serve.Site.collect()
    script = repairing.repaired(PYODIDE)
    assert site.files[f"pyodide/{SCRIPT}"] == script
    site.write(tmp_path)
    assert (tmp_path / "pyodide" / SCRIPT).read_bytes() == script
    assert gzip.decompress((tmp_path / "pyodide" / f"{SCRIPT}.gz").read_bytes()) == script
    # The service worker's list, by which a browser that was here before fetches it anew.
    assert serve.digest(script).encode() in (tmp_path / serve.SERVICE_WORKER).read_bytes()


def test_a_snapshot_of_another_pyodide_is_not_used() -> None:
    python = standard_library.listed(standard_library.library_files())
    versions = {packing.parts_list(script, {}, {})["version"] for script in (b"one", b"another")}
    assert len(versions) == 2
    parts = packing.parts_list(repairing.repaired(PYODIDE), libraries.library_names(), python)
    wanted = packing.json_bytes(parts)
    assert serve.Site.collect().files["worker/parts.json"] == wanted


def test_what_is_for_the_developer_s_machine_stays_there() -> None:
    names = zipfile.ZipFile(io.BytesIO(packing.service_bytes())).namelist()
    assert not [name for name in names if name.endswith(("packing.py", "repairing.py"))]
    assert "sahpool_console/main.py" in names
