"""Runs inside Pyodide: unpacks packages, runs a package's own test-suite, tells what came out.

Its text is sent there ahead of a test's own source, and it is imported by nobody.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import shutil
import sqlite3
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import js

import sahpool

SITE = "/lib/ecosystem"  # the packages, as pip would have put them into site-packages
SOURCES = "/home/ecosystem"  # the source archives with the test-suites


async def fetched(url: str) -> bytes:
    """A file of the tests' server."""
    response = await js.fetch(url)
    assert response.ok, f"{url}: HTTP status {response.status}"
    return bytes((await response.arrayBuffer()).to_bytes())


async def unpack(base: str, wheels: Sequence[str], sources: Sequence[str] = ()) -> None:
    """Puts wheels into ``SITE`` and source archives into ``SOURCES``, every file as it is.

    The source archive of a package whose wheels are all compiled stands among ``wheels``: what
    lies in its ``src`` is what its pure wheel would hold.
    """
    for name in wheels:
        archive = io.BytesIO(await fetched(base + name))
        if name.endswith(".whl"):
            zipfile.ZipFile(archive).extractall(SITE)
            continue
        folder = name.removesuffix(".tar.gz")
        inside = (f"{folder}/src/", f"{folder}/lib/")
        with tarfile.open(fileobj=archive) as tar:
            for member in tar.getmembers():
                if member.name.startswith(inside) and member.isfile():
                    member.name = member.name[len(inside[0]) :]
                    tar.extract(member, SITE, filter="data")
    for name in sources:
        with tarfile.open(fileobj=io.BytesIO(await fetched(base + name))) as tar:
            tar.extractall(SOURCES, filter="data")
    if SITE not in sys.path:
        sys.path.insert(0, SITE)
    # A folder's listing is kept by its time stamp, which a browser may round to the one before.
    importlib.invalidate_caches()


def keep(thing: Any) -> None:
    """Keeps a connection alive until the worker is ended, as a closed tab ends it."""
    vars(sys).setdefault("kept_by_tests", []).append(thing)


class VisibleFiles:
    """The databases of a pool as files: what ``os`` says of them and does to them.

    The test-suites delete the databases of earlier tests and look whether there are any, with
    ``os`` and ``shutil``, which know nothing of a pool. This stands in for the disk: it answers
    ``os.stat``, ``os.access``, ``os.path.exists`` and ``isfile`` for a database of the pool, and
    ``os.remove``, ``os.unlink`` and ``shutil.rmtree`` delete it there. ``open`` and directory
    listings are left as they are. A database that is open is deleted when it is closed.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._doomed: set[str] = set()
        self._stat, self._access = os.stat, os.access
        self._remove, self._rmtree = os.remove, shutil.rmtree
        self._exists, self._isfile = os.path.exists, os.path.isfile

    def show(self) -> None:
        """From now on ``os`` knows them."""
        shown: dict[Any, dict[str, Any]] = {
            os: {
                "stat": self.stat,
                "access": lambda path, mode, **how: (
                    self._access(path, mode, **how) or self.find(path) is not None
                ),
                "remove": self.remove,
                "unlink": self.remove,
            },
            os.path: {
                "exists": lambda path: self._exists(path) or self.find(path) is not None,
                "isfile": lambda path: self._isfile(path) or self.find(path) is not None,
            },
            shutil: {"rmtree": self.rmtree},
        }
        for module, functions in shown.items():
            for name, function in functions.items():
                setattr(module, name, function)

    def find(self, path: Any) -> str | None:
        """The pool's name of a database for a path of the file system."""
        if isinstance(path, int):
            return None
        name = os.fsdecode(path)
        for each in (name, str(Path(name).absolute()), "/" + name):
            if name and each.startswith("/") and self._pool.exists(each):
                return each
        return None

    def stat(self, path: Any, **how: Any) -> os.stat_result:
        """``os.stat``."""
        try:
            return self._stat(path, **how)
        except FileNotFoundError:
            name = self.find(path)
            if name is None:
                raise
            return os.stat_result((0o100644, 0, 0, 1, 0, 0, self._pool.size(name), 0, 0, 0))

    def remove(self, path: Any, **how: Any) -> None:
        """``os.remove``."""
        name = self.find(path)
        if name is not None:
            self.delete(name)
        try:
            self._remove(path, **how)
        except FileNotFoundError:
            if name is None:
                raise

    def rmtree(self, path: Any, *how: Any, **more: Any) -> None:
        """``shutil.rmtree``."""
        self.delete_below(f"{Path(os.fsdecode(path)).absolute()}/")
        self._rmtree(path, *how, **more)

    def delete_below(self, folder: str) -> None:
        """Deletes every database whose path begins so."""
        for name in self._pool.file_names:
            if name.startswith(folder) and not name.endswith(("-wal", "-journal")):
                self.delete(name)

    def delete(self, name: str) -> None:
        """Deletes a database now, or as soon as it is closed."""
        self._doomed.add(name)
        self.settle(close=False)

    def settle(self, *, close: bool) -> None:
        """Deletes what was open before; ``close`` closes what still is."""
        if close and self._doomed:
            gc.collect()
            for each in gc.get_objects():
                if isinstance(each, sqlite3.Connection) and self._is_doomed(each):
                    each.close()
        for name in list(self._doomed):
            try:
                self._pool.unlink(name)
            except sahpool.DatabaseInUseError:
                continue
            self._doomed.discard(name)

    def _is_doomed(self, connection: sqlite3.Connection) -> bool:
        try:
            files = connection.execute("PRAGMA database_list").fetchall()
        except sqlite3.ProgrammingError:  # closed
            return False
        return any(file in self._doomed for _, _, file in files)


class Outcomes:
    """pytest plugin that notes what becomes of each test."""

    def __init__(self, files: VisibleFiles | None, own_databases: bool) -> None:
        self.outcome: dict[str, str] = {}
        self.why: dict[str, str] = {}
        self._files = files
        self._own_databases = own_databases
        self._file = ""

    def pytest_collection_finish(self) -> None:
        """What was collected stays for good: their many gc.collect() need not walk it."""
        gc.collect()
        gc.freeze()

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.outcome[report.nodeid] = "failed"
            self.why[report.nodeid] = str(report.longrepr)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A connection that a test left open is closed when the next file of tests begins."""
        file = nodeid.partition("::")[0]
        if self._files is not None:
            self._files.settle(close=self._own_databases or file != self._file)
        self._file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid
        if self.outcome.get(name) == "failed" or (report.when != "call" and report.passed):
            return
        expected = hasattr(report, "wasxfail")
        self.outcome[name] = "skipped" if expected and report.skipped else report.outcome
        if report.failed:
            self.why[name] = f"{report.when}: {report.longrepr}"

    def pytest_runtest_logfinish(self) -> None:
        if self._files is not None and self._own_databases:
            self._files.delete_below("/")


async def run_suite(
    side: str,
    folder: str,
    package: str,
    arguments: Sequence[str],
    environment: dict[str, str],
    own_databases: bool,
) -> dict[str, Any]:
    """Runs a suite with pytest.

    Args:
        side: ``memory``: Pyodide's file system in memory; ``pool``: a pool that is the default
            VFS; ``visible``: the same, its databases visible to ``os``; ``rollback``: the same
            with ``pragmas={}``.
        folder: The unpacked source archive.
        package: The package there that gives way to the one from the wheel.
        arguments: For pytest.
        environment: Environment variables.
        own_databases: Whether no test uses the databases of the one before.

    Returns:
        ``outcome`` and ``why`` by test, ``seconds``.
    """
    import pytest

    files = None
    if side != "memory":
        options: dict[str, Any] = {"pragmas": {}} if side == "rollback" else {}
        pool = await sahpool.install("ecosystem", default=True, spare=100, **options)
        await pool.wipe_files()
        files = VisibleFiles(pool)
        if side != "pool":
            files.show()
    home = f"{SOURCES}/{folder}"
    if package:
        # Only what pip installs is tested, not the copy beside the tests.
        shutil.rmtree(f"{home}/{package}")
        target = SITE if package == "lib" else f"{SITE}/{package}"
        Path(home, package).symlink_to(target)
    os.environ.update(environment)
    os.chdir(home)
    sys.path.insert(0, home)
    plugin = Outcomes(files, own_databases)
    common = ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-o", "addopts=", "-q"]
    common += ["--capture=sys", "--tb=short", "--no-header", "--no-summary"]
    start = time.monotonic()
    code = pytest.main([*common, *arguments], plugins=[plugin])
    assert code in (0, 1), f"pytest answered {code}: {plugin.why}"
    return {
        "outcome": plugin.outcome,
        "why": plugin.why,
        "seconds": time.monotonic() - start,
    }
