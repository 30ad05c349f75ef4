"""Fixtures of the ecosystem tests: the packages served beside the site, and long-lived workers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import serve
from tests.conftest import ServedSite, serving
from tests.ecosystem import packages
from tests.ecosystem.lab import INSIDE, Lab
from tests.matrix import PARAMS, engine_in, started
from tests.pyodide.engines import Engine

Scenario = Callable[[Any], Awaitable[Any]]


class EcosystemSite(ServedSite):
    """The site with the packages under ``/ecosystem/``."""

    def find(self, path: str) -> Path | None:
        if path.startswith("/ecosystem/"):
            return packages.FOLDER / path.rpartition("/")[2]
        return super().find(path)


@pytest.fixture(scope="session")
def site() -> Iterator[ServedSite]:
    """The built site and the packages."""
    packages.install()
    with serving(EcosystemSite(serve.assemble())) as server:
        yield server


@pytest.fixture(scope="session", params=PARAMS)
def lab(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Lab]:
    """Workers in each of the browsers in turn."""
    made = Lab(started(request.param), site.url)
    yield made
    made.close()


@pytest.fixture(scope="session", params=PARAMS)
def runtime(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Engine]:
    """Pyodide with the library in each of the browsers in turn."""
    engine = engine_in(request.param, site)
    yield engine
    engine.close()


def keep(thing: Any) -> None:
    """Stands for the function of that name in inside_suites.py, where scenarios run."""
    raise NotImplementedError(thing)


class Ecosystem:
    """A worker with packages, and a pool that is the default VFS of its ``sqlite3``."""

    def __init__(self, runtime: Engine, base: str) -> None:
        self._runtime = runtime
        self._base = base

    def run(self, function: Scenario, *names: str, default: bool = True) -> Any:
        """Runs a coroutine function in there, by its source.

        Args:
            function: It is given the pool, and may use what inside_suites.py imports.
            *names: The packages it imports.
            default: Whether plain file names belong to the pool. Without that it must be the first
                to run since a restart, and there is another restart after it.
        """
        call = (
            "await unpack(base, wheels)\n"
            f"await {function.__name__}(await sahpool.install(default={default}))"
        )
        source = f"{INSIDE}\n{inspect.getsource(function)}\n{call}"
        value = self._runtime.run(source, base=self._base, wheels=packages.wheels(*names))
        if not default:
            self.restart()
        return value

    def restart(self) -> None:
        """End the worker as a closed tab does, and start another over the same storage."""
        self._runtime.restart()


@pytest.fixture(scope="session")
def ecosystem(runtime: Engine, site: ServedSite) -> Ecosystem:
    """One storage for all scenarios, which each have databases of their own in it."""
    return Ecosystem(runtime, f"{site.url}ecosystem/")
