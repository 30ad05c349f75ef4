"""The README promises nothing without a test, and shows nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.collected import names_of_tests

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def promises() -> list[str]:
    section = README.partition("## What you can rely on\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][2:]


def test_there_are_promises() -> None:
    assert len(promises()) >= 10


@pytest.mark.parametrize("promise", promises())
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    named = re.findall(r"`(test_\w+)`", promise)
    assert named
    assert set(named) <= names_of_tests()


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_each_file_that_is_linked_to_exists(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("option", sorted(set(re.findall(r"--[a-z][a-z-]+", README))))
def test_each_option_that_is_named_is_one_of_serve_py_or_of_the_tests(option: str) -> None:
    names = ("serve.py", "tests/conftest.py", "tests/proofs.py")
    sources = [*(ROOT / name for name in names), *(ROOT / "tests/bench").rglob("*.py")]
    assert any(f'"{option}"' in source.read_text(encoding="utf-8") for source in sources)


@pytest.mark.parametrize(
    "room",
    sorted(path.stem for path in (ROOT / "worker/sahpool").glob("*.py") if path.stem[0] != "_"),
)
def test_each_room_of_the_library_is_named(room: str) -> None:
    assert f"`{room}`" in README
