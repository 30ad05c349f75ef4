"""Browsers without a driver, started with a page and ended by SIGKILL."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.browsers import CHROMIUM_FLAGS, BrowserError, find_program
from tests.firefox import PREFERENCES

#: After a crash Firefox would offer a safe mode and to restore the session, in a dialog.
AFTER_A_CRASH = {
    "browser.sessionstore.resume_from_crash": False,
    "toolkit.startup.max_resumed_crashes": -1,
    "browser.aboutwelcome.enabled": False,
    "startup.homepage_welcome_url": "",
}

PROCESSES = Path("/proc")


class BareBrowser:
    """A browser with a profile that outlives it.

    Attributes:
        name: ``chrome`` or ``firefox``.
        profile: The directory of its profile.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._home = Path(tempfile.mkdtemp(prefix=f"sahpool-kill-{name}-"))
        self.profile = self._home / "profile"
        self.profile.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        if name == "firefox":
            lines = [
                f"user_pref({json.dumps(key)}, {json.dumps(value)});\n"
                for key, value in {**PREFERENCES, **AFTER_A_CRASH}.items()
            ]
            (self.profile / "user.js").write_text("".join(lines))

    def start(self, url: str) -> None:
        """Starts it with a page, in a session of processes of its own."""
        if self.name == "chrome":
            program = find_program("chromium", "chromium-browser", "google-chrome")
            arguments = [*CHROMIUM_FLAGS, f"--user-data-dir={self.profile}"]
        else:
            program = find_program("firefox-esr", "firefox")
            arguments = ["--headless", "--no-remote", "--profile", str(self.profile)]
        if program is None:
            raise BrowserError(f"{self.name} is not installed.")
        with (self._home / "output").open("wb") as stream:
            self._process = subprocess.Popen(
                [program, *arguments, url],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    def kill(self, *, after_main: float | None = None) -> None:
        """SIGKILL to all of its processes at once, and waits until they are gone.

        Args:
            after_main: Seconds for which the others outlive the main process; None: not at all.
        """
        assert self._process is not None
        main = self._process.pid
        others = [pid for pid in processes_of(main) if pid != main]
        if after_main is None:
            os.killpg(main, signal.SIGKILL)
        else:
            os.kill(main, signal.SIGKILL)
            time.sleep(after_main)
        # Some have left the group; some have gone by themselves since.
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        deadline = time.monotonic() + 20
        while left := [pid for pid in others if is_alive(pid)]:
            assert time.monotonic() < deadline, f"processes {left} outlived a SIGKILL"
            time.sleep(0.01)

    def output(self) -> str:
        """What it wrote to its terminal since it was started last."""
        return (self._home / "output").read_text(errors="replace")[-3000:]

    def close(self, *, keep_profile: bool = False) -> None:
        """Ends it and deletes its profile."""
        if self._process is not None:
            self.kill()
        if not keep_profile:
            shutil.rmtree(self._home, ignore_errors=True)


def processes_of(main: int) -> list[int]:
    """A process, the processes of its session, and whatever descends from any of them."""
    parents: dict[int, int] = {}
    found = {main}
    for entry in PROCESSES.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents[int(entry.name)] = int(stat[1])
            if int(stat[3]) == main:
                found.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in "ZX"


def _stat(pid: int) -> list[str]:
    """Fields of proc(5) behind the name: state, parent, group, session; empty: no such process."""
    try:
        return (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
