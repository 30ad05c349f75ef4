"""Compresses the site's files with Brotli, once for each content, for servers that send it.

For ``serve.py``, on the developer's machine; this module does not reach the browser.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from worker.build.node import Node
from worker.build.packing import ROOT, read
from worker.build.steps import WORK, run, say

__all__ = ["WORTH_COMPRESSING", "brotli", "forget_others"]

WORTH_COMPRESSING = {
    *(".css", ".html", ".js", ".json", ".mjs", ".py", ".romfs", ".svg", ".toml", ".wasm"),
}
"""Suffixes of files that get a gzip and a Brotli file beside them."""

FOLDER = WORK / "brotli"
YOUNG = 86_400
"""Seconds."""

LARGE = 1 << 20
"""Bytes from which on it takes seconds, of which a message tells."""


def brotli(files: Mapping[str, Path]) -> dict[str, bytes]:
    """The files compressed, by their SHA-256; those that were compressed before are read.

    Args:
        files: The files by their SHA-256.
    """
    missing = {sha256: path for sha256, path in files.items() if not _kept(sha256).is_file()}
    if missing:
        FOLDER.mkdir(parents=True, exist_ok=True)
        if sum(path.stat().st_size for path in missing.values()) > LARGE:
            say("Compressing the site (Brotli) …")
        node = Node.find()
        fresh = {sha256: FOLDER / f".{sha256}.{os.getpid()}.new" for sha256 in missing}
        run(
            [node.command("node"), str(ROOT / "worker" / "build" / "compressing.mjs")],
            "Compressing the site",
            "What is wrong is below.",
            node.env,
            json.dumps({str(missing[sha256]): str(path) for sha256, path in fresh.items()}),
        )
        for sha256, path in fresh.items():
            path.replace(_kept(sha256))  # in one step: another build may run
    return {sha256: read(_kept(sha256)) for sha256 in files}


def forget_others(used: Iterable[str]) -> None:
    """Deletes what was compressed for earlier builds; ``used`` are the SHA-256 of this one.

    What is young stays: another build may be about to read it.
    """
    wanted = {_kept(sha256).name for sha256 in used}
    for path in FOLDER.glob("*.br"):
        if path.name not in wanted and time.time() - path.stat().st_mtime > YOUNG:
            path.unlink(missing_ok=True)


def _kept(sha256: str) -> Path:
    return FOLDER / f"{sha256}.br"
