"""Fixtures that all tests share, and the options ``--thorough`` and ``--slow``."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

import serve
from tests import matrix, stages
from tests.harness import page_texts as page_texts  # before modules of the page are imported
from tests.proofs import Proofs

SiteT = TypeVar("SiteT", bound=serve.SiteServer)

ENGINE_FILES = Path(__file__).parent / "pyodide"
HARNESS_FILES = Path(__file__).parent / "harness"

SERVICE = serve.WORK / "service.zip"
"""The service for Pyodides without the console's page (tests/pyodide/engine.mjs)."""

PROOFS = Proofs()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="also run those marked thorough")
    parser.addoption("--slow", action="store_true", help="also run those marked slow or thorough")


def pytest_configure(config: pytest.Config) -> None:
    for name in matrix.NAMES:
        config.addinivalue_line("markers", f"{name}: runs in this browser (matrix.py)")


def pytest_itemcollected(item: pytest.Item) -> None:
    # At collection: "-m proof" selects tests before the last pytest_collection_modifyitems runs.
    if "proof" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.proof)


@pytest.hookimpl(trylast=True)  # folders' own conftests mark the places first
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lanes = config.pluginmanager.hasplugin("dsession") or hasattr(config, "workerinput")
    chosen = {name: bool(config.getoption(f"--{name}")) for name in ("thorough", "slow")}
    turns: dict[str, int] = {}
    for item in items:
        if mark := stages.mark_of(item.path.parent.name, item.keywords):
            item.add_marker(mark)
        if again := stages.run_again(item.path.parent.name, item.keywords):
            item.add_marker(pytest.mark.flaky(**again))
        place = stages.place_of(item.keywords)
        group = stages.group_of(item.path.parent.name, item.path.name, place) if place else ""
        turns[item.nodeid] = stages.turn_of(group)
        if lanes and group:
            item.add_marker(pytest.mark.xdist_group(group))
        if mark := stages.left_out(item.keywords, **chosen):
            item.add_marker(pytest.mark.skip(reason=f"{mark}: run with --{mark}"))
    if lanes:
        items.sort(key=lambda item: turns[item.nodeid])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist, sends what it counted to the process that prints it."""
    out = getattr(session.config, "workeroutput", None)
    if out is not None:
        out["proofs"] = PROOFS.dump()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Adds what a worker of pytest-xdist has counted when it ends; nothing if it crashed."""
    PROOFS.load(getattr(node, "workeroutput", {}).get("proofs", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the time that each folder of tests took in each place, and the table of proofs."""
    spent: dict[str, dict[str, float]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = report.nodeid.partition("::")[0].rpartition("/")[0]
                place = stages.place_of(report.keywords) or "no browser"
                places = spent.setdefault(folder, {})
                places[place] = places.get(place, 0.0) + report.duration
    for folder, places in sorted(spent.items()):
        told = ", ".join(f"{place} {seconds:.1f} s" for place, seconds in sorted(places.items()))
        terminalreporter.write_line(f"{folder}: {told}")
    for line in PROOFS.table():
        terminalreporter.write_line(line)
    for report in terminalreporter.stats.get("rerun", []):
        crash = getattr(report.longrepr, "reprcrash", None)
        why = str(crash.message if crash else report.longrepr).splitlines()[0]
        terminalreporter.write_line(f"RUN AGAIN {report.nodeid}: {why}")


@pytest.fixture(scope="session")
def proof() -> Proofs:
    """The counter of what proofs tried, for the table at the end of the run (tests/proofs.py)."""
    return PROOFS


class ServedSite(serve.SiteServer):
    """The built site as serve.py serves it, with the tests' own page and worker beside it.

    ``requests`` lists the requested paths; a path in ``missing`` is answered with 404, one in
    ``extra`` with the file of the test that it names. Without ``offline`` a service worker that
    caches nothing is served: the site's own would answer requests from its cache.
    """

    offline = False

    def __init__(self, root: Path, port: int = 0) -> None:
        super().__init__(root, port)
        # The site itself has the service compiled, within the archive that Python imports from.
        serve.write_if_changed(SERVICE, serve.service_bytes())
        self.requests: list[str] = []
        self._connections: set[Any] = set()
        self.missing: set[str] = set()
        self.extra: dict[str, Path] = {}

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def find(self, path: str) -> Path | None:
        self.requests.append(path)
        if path in self.missing:
            return None
        if path in self.extra:
            return self.extra[path]
        if path == f"/{serve.SERVICE_WORKER}" and not self.offline:
            return ENGINE_FILES / "no_service_worker.js"
        if path == f"/{SERVICE.name}":
            return SERVICE
        folder, _, name = path.rpartition("/")
        if folder == "/tests/harness":
            return HARNESS_FILES / name
        if folder == "/tests" or path == "/module_test.html":
            return ENGINE_FILES / name
        return super().find(path)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end the connections that browsers keep open."""
        super().server_close()
        for request in list(self._connections):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def policy(self, path: str) -> str:
        return serve.WORKER_POLICY if path.startswith("/tests/") else super().policy(path)


class PackagesSite(ServedSite):
    """The site with a folder of tests under its name, and node_modules as ``packages`` below that.

    ``folder`` holds the files of the workers of other programs.
    """

    folder: Path

    def find(self, path: str) -> Path | None:
        _, folder, *rest = path.split("/")
        if folder != self.folder.name:
            return super().find(path)
        if rest[0] == "packages":
            return serve.ROOT.joinpath("node_modules", *rest[1:])
        return self.folder / rest[0]

    def policy(self, path: str) -> str:
        """Return the policy of a worker that may compile WebAssembly but evaluate no text."""
        own = path.startswith(f"/{self.folder.name}/")
        return serve.WORKER_POLICY if own else super().policy(path)


@contextmanager
def serving(server: SiteT) -> Iterator[SiteT]:
    """Serves within the block, in a thread, and gives the server."""
    with server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def site() -> Iterator[ServedSite]:
    """The site, built and served once for all tests."""
    with serving(ServedSite(serve.assemble())) as server:
        yield server
