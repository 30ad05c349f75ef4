"""Gives Pyodide's WebAssembly a name with its digest in the site.

For ``serve.py``, on the developer's machine; this module does not reach the browser.

The service worker does not answer for that file (public/service-worker.js), and so the worker takes
it out of the browser's HTTP cache without asking the server (worker/boot.mjs, ``compile``). Only a
name that changes with the content makes that safe: what is kept under it is never of another
version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .packing import ROOT, StepError, digest, read

__all__ = ["addressed", "answered_by_the_browser"]

WASM = "pyodide.asm.wasm"
NAMED = re.compile(r"pyodide/pyodide\.asm\.[0-9a-f]{16}\.wasm")


def addressed(folder: Path) -> dict[str, bytes]:
    """The files of the Pyodide in ``folder`` and of the worker that have or use that name.

    Raises:
        StepError: Another release of Pyodide names its WebAssembly elsewhere.
    """
    wasm = read(folder / WASM)
    stem, _, suffix = WASM.rpartition(".")
    name = f"{stem}.{digest(wasm)[:16]}.{suffix}"
    scripts = {
        "pyodide/pyodide.mjs": folder / "pyodide.mjs",
        "worker/boot.mjs": ROOT / "worker" / "boot.mjs",
    }
    files = {f"pyodide/{name}": wasm}
    for path, source in scripts.items():
        script = read(source)
        quoted = f'"{WASM}"'.encode()
        if (count := script.count(quoted)) != 1:
            raise StepError(f"{path} has {quoted.decode()} {count} times instead of once.")
        files[path] = script.replace(quoted, f'"{name}"'.encode())
    return files


def answered_by_the_browser(names: Iterable[str]) -> str:
    """The one of the site's files for which the service worker does not answer.

    Raises:
        StepError: There is no such file, or more than one.
    """
    found = [name for name in names if NAMED.fullmatch(name)]
    if len(found) != 1:
        raise StepError(f"The site has {len(found)} files of WebAssembly with a digest, not one.")
    return found[0]
