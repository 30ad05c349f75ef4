"""The recipes of docs/contributing.md, to be followed in a copy of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing.md"

STEP = re.compile(
    r"^(?P<how>New file|In|At the end of) `(?P<path>[^`]+)`:\n"
    r"(?P<blocks>(?:\n```\w+\n.*?^```\n)+)",
    re.DOTALL | re.MULTILINE,
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


#: Suffix of a new file → the language of its block.
LANGUAGES = {".py": "python", ".html": "html", ".css": "css"}


class Step(NamedTuple):
    """One file of a recipe; ``blocks`` are the language and the text of each."""

    how: str
    path: str
    blocks: list[tuple[str, str]]


def section(title: str) -> str:
    """A section of the page, without its heading."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def steps_in(text: str) -> list[Step]:
    """The steps of one recipe."""
    return [
        Step(match["how"], match["path"], BLOCK.findall(match["blocks"]))
        for match in STEP.finditer(text)
    ]


def steps_by_title() -> dict[str, list[Step]]:
    """The steps of each recipe in the section "Recipes", by its heading."""
    _, *parts = re.split(r"^### ", section("Recipes"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: steps_in(part) for part in parts}


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
        assert language == LANGUAGES[file.suffix]
        assert file.exists() == (how == "At the end of"), path
        file.parent.mkdir(exist_ok=True)
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
