"""Every recipe of docs/contributing.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing.md"

#: What a recipe may change besides these is counted.
NOT_COUNTED = ("tests/", "docs/")

#: Tests that look at what a recipe changes as a whole: rows, functions, fates, texts.
OTHERS = ("test_protocol.py", "test_client.py", "test_messages.py", "test_commands.py")

_STEP = re.compile(
    r"^(?P<how>New file|In|At the end of) `(?P<path>[^`]+)`:\n"
    r"(?P<blocks>(?:\n```\w+\n.*?^```\n)+)",
    re.DOTALL | re.MULTILINE,
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Step(NamedTuple):
    """One file of a recipe; ``blocks`` are the language and the text of each."""

    how: str
    path: str
    blocks: list[tuple[str, str]]


def text_of_recipes() -> str:
    """The section of the page that has them."""
    return PAGE.read_text(encoding="utf-8").partition("\n## Recipes\n")[2].partition("\n## ")[0]


def recipes() -> dict[str, list[Step]]:
    """The steps of each recipe, by its heading."""
    _, *sections = re.split(r"^### ", text_of_recipes(), flags=re.MULTILINE)
    return {
        section.partition("\n")[0]: [
            Step(match["how"], match["path"], _BLOCK.findall(match["blocks"]))
            for match in _STEP.finditer(section)
        ]
        for section in sections
    }


def changed(text: str, diff: str) -> str:
    """``text`` with the lines of a diff changed, which are found in it once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] or line for line in lines if line[0] != "+")
    after = "".join(line[1:] or line for line in lines if line[0] != "-")
    assert text.count(before) == 1, f"not there, or not once:\n{before}"
    return text.replace(before, after)


def follow(steps: list[Step], folder: Path) -> None:
    for how, path, blocks in steps:
        file = folder / path
        if how == "In":
            for language, diff in blocks:
                assert language == "diff"
                text = file.read_text(encoding="utf-8")
                file.write_text(changed(text, diff), encoding="utf-8")
            continue
        ((language, code),) = blocks
        assert language == "python"
        assert file.exists() == (how == "At the end of"), path
        with file.open("a", encoding="utf-8") as end:
            end.write("\n\n" * (how == "At the end of") + code)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def copied(folder: Path) -> Path:
    """A copy of what the worker's unit tests need of the repository."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    for name in ("app", "worker", "tests", "public"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "serve.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(folder: Path, *arguments: str) -> str:
    """What a module of Python says, which must end well."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def own_tests(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.path.startswith("tests/")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which every recipe was followed, one after another."""
    folder = copied(tmp_path_factory.mktemp("recipes") / "house")
    for steps in recipes().values():
        before = contents(folder)
        follow(steps, folder)
        after = contents(folder)
        touched = [path for path in after if after[path] != before.get(path)]
        assert sorted(touched) == sorted(step.path for step in steps)
    return folder


def test_the_page_has_the_recipes_that_there_are() -> None:
    assert list(recipes()) == [
        "An import format",
        "An export format",
        "An operation of the protocol",
        "An SQL function",
        "A hint for an error",
    ]
    blocks = _BLOCK.findall(text_of_recipes())
    steps = [block for recipe in recipes().values() for step in recipe for block in step.blocks]
    assert steps == blocks, "every block belongs to a step"


@pytest.mark.parametrize("title", list(recipes()))
def test_a_recipe_changes_two_files_at_most_beside_its_test(title: str) -> None:
    paths = {step.path for step in recipes()[title]}
    assert 1 <= len([path for path in paths if not path.startswith(NOT_COUNTED)]) <= 2
    assert own_tests(recipes()[title])


def test_what_the_recipes_add_works_and_everything_around_it_still_does(house: Path) -> None:
    own = [step.path for steps in recipes().values() for step in own_tests(steps)]
    others = [f"tests/unit/{name}" for name in OTHERS]
    run(house, "pytest", "-q", "-p", "no:cacheprovider", *own, *others)


def test_what_the_recipes_add_is_written_as_the_rest_is(house: Path) -> None:
    paths = [step.path for steps in recipes().values() for step in steps]
    run(house, "ruff", "check", "--no-cache", *paths)
    run(house, "ruff", "format", "--no-cache", "--check", *paths)


@pytest.mark.thorough
def test_what_the_recipes_add_has_its_types(house: Path, tmp_path: Path) -> None:
    own = [step.path for steps in recipes().values() for step in own_tests(steps)]
    run(house, "mypy", "--cache-dir", str(tmp_path), "worker/sahpool_console/session", *own)


def test_the_tests_of_the_recipes_fail_without_what_is_added(tmp_path: Path) -> None:
    folder = copied(tmp_path / "without")
    own = [step for steps in recipes().values() for step in own_tests(steps)]
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
