"""MicroPython in Node, for what the page's Python reads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sahpool_console import protocol

ROOT = Path(__file__).parents[2]


MICROPYTHON = ROOT / "node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"


START = """
import {readFileSync} from "node:fs";
const {loadMicroPython} = await import(process.argv[2]);
const python = await loadMicroPython({stdout: console.log, heapsize: 16 * 1024 * 1024});
python.FS.mkdir("/sahpool_console");
python.FS.writeFile("/sahpool_console/protocol.py", readFileSync(process.argv[3]));
python.globals.set("REPLY", process.argv[5]);
python.runPython("import sys; sys.path.insert(0, '/')");
python.runPython(process.argv[4]);
"""


needs_micropython = pytest.mark.skipif(
    not (MICROPYTHON.exists() and shutil.which("node")),
    reason="needs node and the page's MicroPython",
)


def run_micropython(folder: Path, script: str, then: str, argument: str | Path) -> str:
    """What the page's MicroPython prints: first runs ``script``, then Node runs ``then``.

    ``argument`` is REPLY to the script and the last of the process's arguments.
    """
    start = folder / "start.mjs"
    start.write_text(START + then)
    done = subprocess.run(
        ["node", start, MICROPYTHON, protocol.__file__, script, argument],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
