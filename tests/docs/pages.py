"""The pages under docs/ as the tests read them: code blocks, links, headings, names of tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]

#: A block that is shown but not run has this before it, with the reason.
NOT_RUN = "<!-- not run:"

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        line: Number of its first line of code on the page, from 1.
        is_run: False where the page says so.
    """

    language: str
    code: str
    line: int
    is_run: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            match[1],
            match[2],
            text.count("\n", 0, match.start()) + 2,
            not text[: match.start()].rstrip().rpartition("\n")[2].startswith(NOT_RUN),
        )
        for match in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Targets of the links that do not lead to another host."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """What the page's headings can be linked to as."""
    return {slug(title) for title in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def slug(title: str) -> str:
    """The anchor that code-hosting sites give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def titles(page: Path) -> list[str]:
    """The headings of the page's sections."""
    return re.findall(r"^## (.+)$", prose(page), re.MULTILINE)


def section(page: Path, title: str) -> str:
    """What stands between one heading of a section and the next one."""
    text = page.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2]
    return text.partition("\n## ")[0]


def named_tests(page: Path) -> list[str]:
    """Tests that the page names, each once, in order."""
    found = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    return list(dict.fromkeys(found))
