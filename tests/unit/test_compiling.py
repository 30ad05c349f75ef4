"""The page's Python, compiled: what the image holds, and what a mistake in a module leads to."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import serve
from tests.unit.micropython import MICROPYTHON, needs_micropython
from worker.build.packing import page_modules, romfs_bytes

START = """
import {readFileSync} from "node:fs";
const {loadMicroPython} = await import(process.argv[2]);
const python = await loadMicroPython({stdout: console.log, heapsize: 16 * 1024 * 1024});
python.FS.writeFile("/modules.romfs", readFileSync(process.argv[3]));
python.FS.chdir("/");
python.runPython(readFileSync(process.argv[4], "utf8"));
python.runPython(process.argv[5]);
"""

LIST = """
import json, os
found = {}
def walk(folder):
    for name, kind, _, size in os.ilistdir(folder):
        if kind == 0x4000:
            walk(folder + "/" + name)
        else:
            found[folder + "/" + name] = size
walk("/modules")
print(json.dumps(found))
"""


def run_with(image: bytes, code: str, folder: Path) -> str:
    """What MicroPython prints that has unpacked an image as the page does."""
    (folder / "image").write_bytes(image)
    (folder / "start.mjs").write_text(START)
    unpacking = serve.ROOT / "app" / "unpacking.py"
    done = subprocess.run(
        ["node", folder / "start.mjs", MICROPYTHON, folder / "image", unpacking, code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_micropython
def test_the_page_s_python_runs_the_modules_that_were_compiled(tmp_path: Path) -> None:
    image = serve.compiled_modules()
    found = json.loads(run_with(image, LIST, tmp_path))
    sources = page_modules()
    assert set(found) == {"/modules/" + path.replace(".py", ".mpy") for path in sources}
    assert "features/query/runner.py" in sources
    said = run_with(
        image, "from core import format; print(format.size(2), format.__file__)", tmp_path
    )
    assert said.split() == ["2", "bytes", "/modules/core/format.mpy"]


def test_what_is_imported_for_mypy_alone_is_left_out_and_lines_keep_their_numbers() -> None:
    sources = page_modules()
    for path in ("core/opening.py", "features/query/runner.py"):
        written = (serve.ROOT / "app" / path).read_bytes()
        assert b"MYPY" in written
        assert b"MYPY" not in sources[path]
        kept = zip(written.splitlines(), sources[path].splitlines(), strict=True)
        assert all(after in (before, b"") for before, after in kept)


@needs_micropython
def test_an_exception_in_a_compiled_module_tells_its_file_and_its_line(tmp_path: Path) -> None:
    failing = "from core import format\ntry:\n    format.quoted(None)\n"
    telling = "except AttributeError as error:\n    import sys; sys.print_exception(error)"
    told = run_with(serve.compiled_modules(), failing + telling, tmp_path)
    lines = (serve.ROOT / "app" / "core" / "format.py").read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "name.replace(" in line)
    assert f'File "core/format.py", line {number}, in quoted' in told


@needs_micropython
def test_an_image_holds_what_it_was_made_of_however_large(tmp_path: Path) -> None:
    files = {
        "a.txt": b"",
        "folder/b.txt": b"b" * 127,
        "folder/inner/c.txt": b"c" * 128,
        "é/d.txt": b"d" * 20_000,
    }
    found = json.loads(run_with(romfs_bytes(files), LIST, tmp_path))
    assert found == {f"/modules/{path}": len(content) for path, content in files.items()}
    read = "print(len(open('/modules/é/d.txt', 'rb').read().strip(b'd')))"
    assert run_with(romfs_bytes(files), read, tmp_path) == "0\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_module_that_cannot_be_compiled_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serve, "WORK", tmp_path)
    monkeypatch.setattr(
        serve,
        "page_modules",
        lambda: {"format.py": b"a = 1\n", "features/bad.py": b"a = 1\nb =\n"},
    )
    with pytest.raises(serve.StepError, match=r"Compiling failed") as caught:
        serve.compiled_modules()
    assert "features/bad.py" in str(caught.value)
    assert "line 3" in str(caught.value)  # up to which the compiler has looked
    assert not (tmp_path / "modules.romfs").exists()


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_what_has_not_changed_is_not_compiled_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "WORK", tmp_path)
    modules = {"format.py": b"a = 1\n"}
    monkeypatch.setattr(serve, "page_modules", lambda: modules)
    first = serve.compiled_modules()
    assert "Compiling" in capsys.readouterr().out
    assert serve.compiled_modules() == first
    assert "Compiling" not in capsys.readouterr().out
    modules["words.py"] = b"a = 2\n"
    assert serve.compiled_modules() != first
