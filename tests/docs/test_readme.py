"""The README is short, promises nothing without a proof, and shows nothing that is not there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, PAGES, README, ROOT, section, slug, titles

LONGEST = 120


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST


def relied_on() -> list[str]:
    """The points of what a reader can rely on, each on one line."""
    text = section(README, "What you can rely on").partition("\n\n[")[0]
    return [" ".join(point.split()) for point in re.split(r"^- ", text, flags=re.MULTILINE)[1:]]


def test_the_readme_says_what_can_be_relied_on() -> None:
    assert len(relied_on()) == 5


@pytest.mark.parametrize("point", relied_on())
def test_each_point_of_the_readme_leads_to_the_tests_that_prove_it(point: str) -> None:
    headings = {slug(title): title for title in titles(DOCS / "promises.md")}
    targets = re.findall(r"\]\(docs/promises\.md#([\w-]+)\)", point)
    assert targets
    for target in targets:
        assert "`test_" in section(DOCS / "promises.md", headings[target]), target


def options() -> set[str]:
    """What the README and the pages about measuring name as options of ours."""
    names = {"README.md", "benchmarks.md", "proofs.md"}
    texts = [page.read_text(encoding="utf-8") for page in PAGES if page.name in names]
    return {option for text in texts for option in re.findall(r"--[a-z][a-z-]+", text)}


@pytest.mark.parametrize("option", sorted(options()))
def test_each_option_that_is_named_is_one_of_serve_py_or_of_the_tests(option: str) -> None:
    names = ("serve.py", "tests/conftest.py", "tests/proofs.py")
    sources = [*(ROOT / name for name in names), *(ROOT / "tests/bench").rglob("*.py")]
    assert any(f'"{option}"' in source.read_text(encoding="utf-8") for source in sources)
