"""Helpers for the steps of a build: run a command, make a file unless it is made, print a message.

For the developer's machine; this module does not reach the browser.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from worker.build.packing import ROOT, StepError, digest

__all__ = ["WORK", "run", "say", "unless_made", "write_if_changed"]

WORK = ROOT / ".build"
"""The folder of everything that is built; it can be deleted and is then built again."""


def say(text: str) -> None:
    """Print a message for the person at the terminal, without buffering."""
    print(text, flush=True)


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write ``data`` unless the file already holds it; returns whether it was written.

    The file is replaced in one step, so that a running server never sends half of it.
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
    """Run a command in the repository; returns its standard output.

    Args:
        command: The program and its arguments.
        what: What the command does, for the message of an error.
        remedy: What the user can do when it fails, for that message.
        env: Environment variables to add.
        told: Its standard input.

    Raises:
        StepError: It cannot be run or fails; the message has the end of its output.
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
    """Call ``make()``, which makes ``out``, unless it was made from the same ``state`` before.

    Returns ``out``.
    """
    wanted = digest(state)
    mark = out.with_suffix(".hash")
    if not (out.exists() and mark.is_file() and mark.read_text() == wanted):
        mark.unlink(missing_ok=True)  # so that after a failure the next build makes it again
        make()
        mark.write_text(wanted)
    return out
