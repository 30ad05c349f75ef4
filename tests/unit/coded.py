"""The codes of errors and hints: where the worker, start.mjs and the page make them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import serve
from sahpool_console.session import hints
from sahpool_console.session.sql import dialects, plan

WORKER = sorted((serve.ROOT / "worker" / "sahpool_console").rglob("*.py"))
PAGE = sorted((serve.ROOT / "app").rglob("*.py"))
TRANSPORT = serve.ROOT / "public" / "start.mjs"

#: What makes something with a code, and the section of its text.
SECTIONS = {"Hint": "hint", "Note": "note", "Phrase": "phrase"}

#: Codes that are put together: the parts of each.
COMPOSED = {
    "{what}-exists": ["database-exists", "table-exists"],
    "elsewhere-{what}": ["elsewhere-deleted", "elsewhere-replaced"],
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def constants(node: ast.AST) -> list[str]:
    """All strings in an expression."""
    found = (each for each in ast.walk(node) if isinstance(each, ast.Constant))
    return [each.value for each in found if isinstance(each.value, str)]


def called(node: ast.Call) -> str:
    """The last part of what a call calls: ``say`` of ``self._console.status.say(…)``."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def coded() -> dict[str, list[ast.Call]]:
    """The keys of the texts of all codes, each with the calls of the worker that make it."""
    found: dict[str, list[ast.Call]] = {}
    for key, call in (*in_the_worker(), *on_the_page()):
        found.setdefault(key, []).extend([call] if call else [])
    return found


def in_the_worker() -> Iterator[tuple[str, ast.Call | None]]:
    for path in WORKER:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call):
                continue
            if called(node) in SECTIONS:
                section = SECTIONS[called(node)]
                yield from ((f"{section}.{code}", node) for code in codes_in(node.args[0]))
            elif called(node) == "note":  # Writing.note, which counts what a format cannot hold
                yield from ((f"note.{code}", None) for code in codes_in(node.args[0]))
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield from ((f"error.{code}", node) for code in codes_in(keyword.value))
                elif keyword.arg == "hints":
                    yield from ((f"hint.{code}", None) for code in named(keyword.value))
    yield from ((f"hint.{code}", None) for code, _ in hints.HINTS)
    yield from ((f"hint.{rule.code}", None) for rule in dialects.RULES)
    yield from ((f"hint.{code}", None) for code in dialects.FUNCTIONS.values())
    yield from ((f"step.{code}", None) for code in plan.CODES)
    yield "hint.sql-function-unknown", None


def on_the_page() -> Iterator[tuple[str, None]]:
    for path in PAGE:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and called(node) == "own_error":
                yield from ((f"error.{code}", None) for code in codes_in(node.args[1]))
                yield from (
                    (f"hint.{code}", None) for hint in node.args[2:] for code in codes_in(hint)
                )
            elif isinstance(node, ast.Call) and called(node) == "refuse_all":
                yield from ((f"hint.{code}", None) for code in codes_in(node.args[0]))
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KEPT":
                yield from ((f"hint.{code}", None) for code in constants(node.value))
    for line in TRANSPORT.read_text(encoding="utf-8").splitlines():
        section = "hint" if "hints: " in line else "error"
        yield from ((f"{section}.{code}", None) for code in re.findall(r'code: "([\w-]+)"', line))


def codes_in(node: ast.expr) -> list[str]:
    """The codes that an expression may be."""
    if isinstance(node, ast.JoinedStr):
        return COMPOSED[ast.unparse(node)[2:-1]]
    if isinstance(node, ast.IfExp):
        return [*codes_in(node.body), *codes_in(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def named(node: ast.expr) -> list[str]:
    """The codes in a list of dicts."""
    return re.findall(r"'code': '([\w-]+)'", ast.unparse(node))
