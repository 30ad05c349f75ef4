"""Set everything up, then lint, check types and run all tests: ``python3 -m tests``.

    python3 -m tests                      what has to hold after each change
    python3 -m tests --thorough           before anything lands: what CI runs
    python3 -m tests --slow               once a week: all of them
    python3 -m tests tests/unit -k locks  what else is given goes to pytest

Needs Python 3.11 or newer and the network (package registries); as root on Debian it installs the
browsers too. What is there already is left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import serve
from tests import real_data
from tests.ecosystem import packages
from tests.hostile import corpus
from tests.tutorial import jupyter_parts
from worker.build import docs_site
from worker.build.steps import environment, programs

VENV = serve.WORK / "venv"
PYTHON = programs(VENV) / "python"

BROWSERS = {
    # what has to be there: Debian's package that brings it
    ("chromium", "chromium-browser", "google-chrome"): "chromium",
    ("chromedriver",): "chromium-driver",
    ("firefox-esr", "firefox"): "firefox-esr",
}

LANES = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder", "--maxprocesses", "2")
"""Two lanes when all tests are run, whose order is that of stages.py: a browser that is waited for
leaves a core idle."""


def install_python_parts() -> None:
    """The virtual environment of the tests, with exactly what pyproject.toml pins."""
    why = "Installing the tests' Python packages into .build/venv"
    environment(VENV, serve.requirements("test"), why=why)


def install_browsers() -> None:
    """Chromium with its driver and Firefox, from Debian's packages when this is root on Debian."""
    missing = [package for names, package in BROWSERS.items() if not any(map(shutil.which, names))]
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not is_root or not shutil.which("apt-get"):
        raise serve.StepError(f"The tests need {', '.join(missing)}. On Debian: sudo {command}")
    serve.say(f"Installing {', '.join(missing)} (apt-get) …")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = "Install them by hand, then start again."
    serve.run(["apt-get", "update", "--quiet"], "apt-get update", remedy, quiet)
    serve.run([*command.split(), "--yes", "--quiet"], "Installing the browsers", remedy, quiet)


def check(name: str, *command: str) -> bool:
    """Runs one of the checks; its output is shown, and how long it took.

    Args:
        name: What it is called in the output.
        *command: What follows the name of the interpreter.
    """
    serve.say(f"── {name}")
    start = time.monotonic()
    code = subprocess.run([str(PYTHON), *command], cwd=serve.ROOT).returncode
    serve.say(f"   {name}: {time.monotonic() - start:.1f} s, {'ok' if code == 0 else 'FAILED'}")
    return code == 0


def set_up() -> None:
    """Installs what the tests need and builds the site.

    Raises:
        serve.StepError: A step failed.
    """
    install_python_parts()
    install_browsers()
    real_data.install_flights(str(PYTHON))
    jupyter_parts.install_jupyter_parts()
    packages.install(str(PYTHON))
    corpus.install()
    docs_site.made()
    serve.assemble()


def succeeds(name: str, *steps: Callable[[], object]) -> bool:
    """Whether all steps could be done; ``name`` is what says which one could not."""
    try:
        for step in steps:
            step()
    except serve.StepError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    return True


def run_inside(name: str, *command: str) -> int:
    """Sets everything up and runs the environment's Python; its exit code, or 1.

    Args:
        name: What says so when a step fails.
        *command: What follows the name of the interpreter.
    """
    if not succeeds(name, set_up):
        return 1
    return subprocess.run([str(PYTHON), *command], cwd=serve.ROOT).returncode


def run_measure(module: str, arguments: list[str]) -> int:
    """The same for a module's ``measure``, which is given the arguments."""
    code = f"import sys; from {module} import measure; measure(sys.argv[1:])"
    return run_inside("bench", "-c", code, *arguments)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 when everything passed."""
    start = time.monotonic()
    if not succeeds("tests", set_up):
        return 1
    passed = [
        check("ruff", "-m", "ruff", "check", "."),
        check("format", "-m", "ruff", "format", "--check", "--quiet", "."),
        check("mypy", "-m", "mypy"),
        check("imports", "-m", "tests.imports"),
    ]
    serve.say("── pytest")
    # pytest comes last and prints the closing line; its own exit code is kept.
    before = f"   set up and checked in {time.monotonic() - start:.1f} s"
    serve.say(before if all(passed) else f"{before}; NOT all checks passed, see above")
    lanes = [] if set(arguments) - {"--thorough", "--slow"} else LANES
    command = [str(PYTHON), "-m", "pytest", *lanes, *arguments]
    code = subprocess.run(command, cwd=serve.ROOT).returncode
    return code or (0 if all(passed) else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
