"""What the tutorial says of versions, files and messages is so."""

from __future__ import annotations

import json
import re

import pytest

import serve
from tests.tutorial import text
from tests.tutorial.jupyter_parts import fetch_command

PACKAGES = json.loads((serve.ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]


def test_every_file_that_is_named_is_written_or_built() -> None:
    assert set(text.files(1)) == {"notes.py", "worker.mjs", "index.html"}
    assert set(text.files(2)) == {"worker.toml", "page.toml", "page.py", "pyscript.html"}
    assert set(text.files(3)) == {"jupyter-lite.json", "lock.py"}
    assert len(text.cells()) == 3


def test_the_wheel_has_the_name_that_is_built() -> None:
    named = set(re.findall(r"sahpool-[\d.]+-[\w-]+\.whl", text.TUTORIAL))
    assert named == {serve.wheel_name()}


def test_pyodide_and_pyscript_have_the_versions_that_are_pinned() -> None:
    assert set(re.findall(r"\b314\.[\d.]*\d", text.TUTORIAL)) == {PACKAGES["pyodide"]}
    assert f"PyScript {PACKAGES['@pyscript/core']}" in text.TUTORIAL


def test_what_jupyterlite_is_made_of_has_the_versions_that_are_pinned() -> None:
    named = set(re.findall(r"[\w-]+==[\w.]+", fetch_command()))
    assert len(named) == 6
    assert named <= set(serve.requirements("jupyterlite"))


@pytest.mark.parametrize("message", re.findall(r"^\| `\w+Error: ([^`]+)`", text.TUTORIAL, re.M))
def test_a_message_that_is_quoted_is_one_of_the_library_s(message: str) -> None:
    library = serve.ROOT / "worker" / "sahpool"
    assert any(message in path.read_text(encoding="utf-8") for path in library.rglob("*.py"))


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", text.TUTORIAL))
def test_a_link_within_the_page_leads_to_a_heading(anchor: str) -> None:
    headings = re.findall(r"^##+ (.+)$", text.TUTORIAL, re.M)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert anchor in slugs
