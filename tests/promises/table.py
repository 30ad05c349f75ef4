"""The table of mutations, from the TOML files of this folder.

An entry has a name and these fields:

======== =================================================================================
test     name of a test in the tables of docs/promises.md
breaks   what the mutation takes out, in one sentence
file     path of the source file
old      text that stands there exactly once
new      text that replaces it
on       place in which the test is run: "node", "chrome" or "firefox"; "" for tests that
         run in none of them. "node" when it is left out
only     an expression for pytest's ``-k``, where one of the test's cases is enough
slow     true for a test that is marked slow
======== =================================================================================

The old text is short, and the new one works otherwise: a mutation by which the library can no
longer be imported would make every test fail, and say nothing about this one.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROMISES = ROOT / "docs" / "promises.md"


@dataclass(frozen=True)
class Mutation:
    """One entry; see above."""

    name: str
    test: str
    breaks: str
    file: str
    old: str
    new: str
    on: str = "node"
    only: str = ""
    slow: bool = False

    def applied(self, text: str) -> str:
        """The text of the source file with the mutation.

        Raises:
            ValueError: The old text is not there exactly once.
        """
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name}: {self.file} has the old text {count} times")
        return text.replace(self.old, self.new)


def mutations() -> dict[str, Mutation]:
    """All entries, by their names."""
    found: dict[str, Mutation] = {}
    for path in sorted(HERE.glob("*.toml")):
        for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"there are two mutations {name}")
            found[name] = Mutation(name, **fields)
    return found


def promises() -> dict[str, list[str]]:
    """The promises of docs/promises.md, each with the names of its tests."""
    rows = re.findall(r"^\| (.*) \| (`test_.*) \|$", PROMISES.read_text(encoding="utf-8"), re.M)
    return {promise: re.findall(r"`(test_\w+)`", tests) for promise, tests in rows}


@cache
def places_of_tests() -> dict[str, list[str]]:
    """Name of a test → where tests of that name stand, as pytest takes it: file, perhaps class."""
    found: dict[str, list[str]] = {}

    def look(parent: ast.AST, place: str) -> None:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.ClassDef):
                look(node, f"{place}::{node.name}")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(place)

    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        look(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix())
    return found
