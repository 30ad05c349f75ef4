"""Fixtures: the engines of tests/pyodide, over a site that serves the official package as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import serve
from tests.conftest import ServedSite, serving
from tests.docs.pages import ROOT
from tests.pyodide.conftest import runtime as runtime

OFFICIAL = ROOT / "node_modules" / "@sqlite.org" / "sqlite-wasm" / "dist"
HERE = Path(__file__).parent


class DocsSite(ServedSite):
    """Serves /official/ from the package and /tests/docs/ from here; ``modules`` are the blocks."""

    def __init__(self, root: Path, modules: Path) -> None:
        super().__init__(root)
        self.modules = modules

    def find(self, path: str) -> Path | None:
        folder, _, name = path.rpartition("/")
        for served, where in (
            ("/official", OFFICIAL),
            ("/tests/docs", HERE),
            ("/tests/blocks", self.modules),
        ):
            if folder == served:
                file = where / name
                return file if file.is_file() else None
        return super().find(path)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocsSite]:
    """The site, with the official package beside it."""
    modules = tmp_path_factory.mktemp("blocks")
    with serving(DocsSite(serve.assemble(), modules)) as server:
        yield server
