"""Every recipe of docs/contributing.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.recipes import (
    BLOCK,
    Step,
    changed,
    contents,
    copied,
    follow,
    run,
    section,
    steps_by_title,
)

#: What a recipe may change besides these is counted.
NOT_COUNTED = ("tests/", "docs/")

#: Tests that look at what a recipe changes as a whole: rows, functions, fates, texts.
OTHERS = (
    "test_protocol.py",
    "test_client.py",
    "test_messages.py",
    "test_commands.py",
    "test_features.py",
    "test_page_parts.py",
    "test_settings.py",
)


def counted_as(path: str) -> str:
    """The file, or the package of a feature: one thing, which is added in one piece."""
    return re.sub(r"^(app/features/\w+)/.*", r"\1", path)


def own_tests(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.path.startswith("tests/")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which every recipe was followed, one after another."""
    folder = copied(tmp_path_factory.mktemp("recipes") / "house")
    for steps in steps_by_title().values():
        before = contents(folder)
        follow(steps, folder)
        after = contents(folder)
        touched = [path for path in after if after[path] != before.get(path)]
        assert sorted(touched) == sorted(step.path for step in steps)
    return folder


def test_the_page_has_the_recipes_that_there_are() -> None:
    assert list(steps_by_title()) == [
        "An import format",
        "An export format",
        "An operation of the protocol",
        "An SQL function",
        "A hint for an error",
        "A command of the page",
        "A feature of the page",
        "A setting",
    ]
    blocks = BLOCK.findall(section("Recipes"))
    steps = [
        block for recipe in steps_by_title().values() for step in recipe for block in step.blocks
    ]
    assert steps == blocks, "every block belongs to a step"


@pytest.mark.parametrize("title", list(steps_by_title()))
def test_a_recipe_changes_two_files_at_most_beside_its_test(title: str) -> None:
    paths = {counted_as(step.path) for step in steps_by_title()[title]}
    assert 1 <= len([path for path in paths if not path.startswith(NOT_COUNTED)]) <= 2
    assert own_tests(steps_by_title()[title])


def test_what_the_recipes_add_works_and_everything_around_it_still_does(house: Path) -> None:
    own = [step.path for steps in steps_by_title().values() for step in own_tests(steps)]
    others = [f"tests/unit/{name}" for name in OTHERS]
    run(house, "pytest", "-q", "-p", "no:cacheprovider", *own, *others)


def test_what_the_recipes_add_is_written_as_the_rest_is(house: Path) -> None:
    paths = [step.path for steps in steps_by_title().values() for step in steps]
    paths = [path for path in paths if path.endswith(".py")]
    run(house, "ruff", "check", "--no-cache", *paths)
    run(house, "ruff", "format", "--no-cache", "--check", *paths)


@pytest.mark.thorough
def test_what_the_recipes_add_has_its_types(house: Path, tmp_path: Path) -> None:
    own = [step.path for steps in steps_by_title().values() for step in own_tests(steps)]
    places = ("worker/sahpool_console/session", "app/core", "app/features")
    run(house, "mypy", "--cache-dir", str(tmp_path), *places, *own)


def test_the_tests_of_the_recipes_fail_without_what_is_added(tmp_path: Path) -> None:
    folder = copied(tmp_path / "without")
    own = [step for steps in steps_by_title().values() for step in own_tests(steps)]
    follow(own, folder)
    with pytest.raises(AssertionError, match=r"\d failed") as caught:
        run(folder, "pytest", "-q", "-p", "no:cacheprovider", *(step.path for step in own))
    said = str(caught.value)
    assert " passed" not in said
    assert all(f"FAILED {step.path}" in said for step in own)


def test_a_change_that_does_not_fit_is_told() -> None:
    assert changed("a\nb\nc\n", " a\n+x\n b\n") == "a\nx\nb\nc\n"
    assert changed("a\nb\nc\n", "-b\n+x\n") == "a\nx\nc\n"
    with pytest.raises(AssertionError, match="not there"):
        changed("a\nc\n", " a\n+x\n b\n")
    with pytest.raises(AssertionError, match="not once"):
        changed("a\na\n", " a\n+x\n")
