"""What the tutorial's JupyterLite fetches: its builder, and the wheels that its kernel loads.

The tutorial's own commands fetch them, once, with every version held by pyproject.toml's group
``jupyterlite``; the tests build from them without a network.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import serve
from tests.tutorial import text

FOLDER = serve.WORK / "jupyterlite"


def fetch_command() -> str:
    """The tutorial's commands that need a network."""
    (command,) = [block for block in text.shell(3) if "pip download" in block]
    return command


def install_jupyter_parts() -> Path:
    """Runs the tutorial's commands that fetch JupyterLite; returns the folder they ran in."""
    mark = FOLDER / "fetched"
    pinned = serve.requirements("jupyterlite")
    wanted = serve.digest("\n".join([sys.version, fetch_command(), *pinned]).encode())
    if mark.is_file() and mark.read_text() == wanted:
        return FOLDER
    serve.say("Fetching JupyterLite for the tutorial's tests …")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    constraints = FOLDER / "constraints.txt"
    constraints.write_text("\n".join(pinned) + "\n")
    # ``python3`` of the tutorial is the Python that runs this.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    serve.run(
        ["sh", "-ec", f"cd '{FOLDER}'\n{fetch_command()}"],
        "Fetching JupyterLite",
        "Check the network and pip's settings.",
        {"PATH": path, "PIP_CONSTRAINT": str(constraints), "PIP_QUIET": "1"},
    )
    mark.write_text(wanted)
    return FOLDER
