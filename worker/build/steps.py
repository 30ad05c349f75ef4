"""Helpers for the steps of a build: commands, files, virtual environments, messages.

For the developer's machine; this module does not reach the browser.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from worker.build.packing import ROOT, StepError, digest

__all__ = [
    "WORK",
    "environment",
    "programs",
    "run",
    "say",
    "unless_made",
    "write_if_changed",
]

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


def programs(home: Path) -> Path:
    """The folder of the programs of a virtual environment."""
    return home / ("Scripts" if os.name == "nt" else "bin")


def environment(
    home: Path,
    pinned: Sequence[str] = (),
    *,
    why: str,
    remedy: str = "Check the network and pip's settings.",
) -> Path:
    """Make a virtual environment, unless it is there and has these requirements.

    Args:
        home: Its folder.
        pinned: All requirements, as pip takes them.
        why: What is printed before it is made.
        remedy: What the user can do when that fails.

    Returns:
        Its Python.

    Raises:
        StepError: pip fails.
    """
    python = programs(home) / "python"
    wanted = digest("\n".join([sys.version, *pinned]).encode())
    mark = home / "installed"
    if mark.is_file() and mark.read_text() == wanted:
        return python
    say(f"{why} …")
    venv.EnvBuilder(with_pip=True, clear=True).create(home)
    if pinned:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, *pinned], why, remedy)
    mark.write_text(wanted)
    return python
