"""docs/tutorial.md taken apart: the files it tells the reader to write, and its commands."""

from __future__ import annotations

import re
from dataclasses import dataclass

import serve

TUTORIAL = (serve.ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LAST_NAME = re.compile(r"(?:is|in) `(?P<name>[\w.-]+\.\w+)`:\s*$")


@dataclass(frozen=True)
class Block:
    """A block of code; ``name`` is that of its file, when the sentence before it ends in one."""

    language: str
    code: str
    name: str | None


def _section(number: int) -> str:
    """The text of one of the three ways; 0 is what comes before them."""
    parts = re.split(r"^## [123]\. ", TUTORIAL, flags=re.MULTILINE)
    return re.split(r"^## ", parts[number], flags=re.MULTILINE)[0] if number else parts[0]


def blocks(number: int) -> list[Block]:
    """All blocks of a section, in order."""
    section = _section(number)
    found = []
    for match in _BLOCK.finditer(section):
        before = _LAST_NAME.search(section[: match.start()])
        found.append(Block(match["language"], match["code"], before["name"] if before else None))
    return found


def files(number: int) -> dict[str, str]:
    """The files that a section tells the reader to write."""
    return {block.name: block.code for block in blocks(number) if block.name}


def shell(number: int) -> list[str]:
    """The commands of a section, block by block."""
    return [block.code for block in blocks(number) if block.language == "sh"]


def cells() -> list[str]:
    """The cells of the notebook of the third section."""
    return [block.code for block in blocks(3) if block.language == "python" and not block.name]


def delete_everything() -> str:
    """The code that empties the pool."""
    section = TUTORIAL.partition("\n## Delete everything\n")[2]
    match = _BLOCK.search(section)
    assert match is not None
    return match["code"]


def about_files() -> list[str]:
    """The code that shows what files and databases have to do with one another."""
    section = TUTORIAL.partition("\n## Databases are not files\n")[2].partition("\n## ")[0]
    return [match["code"] for match in _BLOCK.finditer(section)]
