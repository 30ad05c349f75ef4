"""docs/architecture.md is what docs/modules.py makes of the tree as it is now."""

from __future__ import annotations

import re

import pytest

from docs import modules
from tests.docs.pages import DOCS, ROOT, prose

PAGE = DOCS / "architecture.md"


def test_the_tables_of_the_architecture_are_up_to_date() -> None:
    """Failing? ``python3 docs/generate.py`` with the Python in .build/venv writes them anew."""
    assert PAGE.read_text(encoding="utf-8") == modules.page()


def test_every_module_of_the_program_is_listed_once() -> None:
    listed: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"### (?:`(.+)`|The top level)", line):
            folder = ROOT / (heading[1] or ".")
        elif row := re.match(r"\| `([\w./-]+\.(?:py|mjs|js))` \| .{10}", line):
            listed.append((folder / row[1]).relative_to(ROOT).as_posix())
    there = [
        path.relative_to(ROOT).as_posix()
        for path in [ROOT / "serve.py", *ROOT.glob("[awp]*/**/*")]
        if path.suffix in (".py", ".mjs", ".js") and "__pycache__" not in path.parts
    ]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:app|public|worker)/?[\w./]*)`", prose(PAGE))))
)
def test_each_path_that_the_architecture_names_exists(name: str) -> None:
    assert (ROOT / name).exists() or (ROOT / f"{name}.py").exists()


def test_the_table_tells_which_folders_know_the_browser() -> None:
    imported = modules.imported_folders()
    service = "worker/sahpool_console/session"
    assert imported["worker/sahpool_console"] >= {"worker/sahpool", service, "the browser"}
    assert "the browser" not in imported[service]
    assert imported["app/features"] >= {"app/core", "app/ui"}
