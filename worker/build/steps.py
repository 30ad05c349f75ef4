"""Steps of a build, which are done once: commands that are run, files that are made, what is said.

For the developer's machine; nothing of this reaches the browser.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from worker.packing import ROOT, StepError, digest

__all__ = ["WORK", "run", "say", "unless_made", "write_if_changed"]

WORK = ROOT / ".build"
"""Everything that is built lies here; deleting it costs time and nothing else."""


def say(text: str) -> None:
    """Tell the person at the terminal, at once."""
    print(text, flush=True)


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write ``data`` unless the file already holds it; returns whether it was written.

    A file is replaced in one step: a server that is running never sends half of it.
    """
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return True


def run(
    command: list[str],
    what: str,
    remedy: str,
    env: Mapping[str, str] | None = None,
    told: str = "",
) -> str:
    """Run a command in the repository and tell it ``told``; returns what it printed.

    StepError with the end of that when it fails.
    """
    env = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, input=told, capture_output=True, text=True, errors="replace"
        )
    except OSError as error:
        raise StepError(f"{what} failed: {command[0]} cannot be run ({error}). {remedy}") from error
    if done.returncode:
        last = "\n".join("    " + line for line in (done.stdout + done.stderr).splitlines()[-12:])
        raise StepError(f"{what} failed (exit code {done.returncode}). {remedy}\n{last}")
    return done.stdout


def unless_made(out: Path, state: bytes, make: Callable[[], object]) -> Path:
    """``out``, which ``make()`` makes unless it was made of the same ``state`` before."""
    wanted = digest(state)
    mark = out.with_suffix(".hash")
    if not (out.exists() and mark.is_file() and mark.read_text() == wanted):
        mark.unlink(missing_ok=True)  # what is not made to its end is made again
        make()
        mark.write_text(wanted)
    return out
