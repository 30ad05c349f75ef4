"""Tells what was imported, and compiles it; bytecode.mjs runs this in Pyodide in Node."""

import ast
import base64
import importlib.util
import json
import marshal
import sys
import zipfile
from pathlib import Path

__all__ = ["recorded"]

PYODIDE_S = ("_pyodide/", "pyodide/")
"""Pyodide gives docstrings of these to the objects that it makes."""

UNCHECKED = 1
"""The flags of a .pyc that has a hash of its source, which Python does not check (PEP 552)."""


def recorded(archive: str, folder: str, own: list[str]) -> str:
    """The archive, its files that are imported by now, and the compiled modules, as JSON.

    Args:
        archive: The path of the standard library's archive.
        folder: Where the worker's own sources are.
        own: Their paths in it. The page has them in the archive, and so tracebacks name them there.
    """
    first = imported(archive)
    code: dict[str, bytes] = {}
    with zipfile.ZipFile(archive) as library:
        for name in first:
            code[f"{name}c"] = compiled(library.read(name), f"{archive}/{name}")
    for name in own:
        code[f"{name}c"] = compiled(Path(folder, name).read_bytes(), f"{archive}/{name}")
    found = {name: base64.b64encode(data).decode() for name, data in code.items()}
    return json.dumps({"archive": archive, "first": first, "code": found})


def imported(archive: str) -> list[str]:
    """The paths in the archive of all modules that were imported from it, sorted.

    Some modules that it has are not: Python imports them from its own program, where they are
    frozen.
    """
    specs = (getattr(module, "__spec__", None) for module in list(sys.modules.values()))
    files = (str(spec.origin) for spec in specs if spec is not None)
    inside = f"{archive}/"
    return sorted({file.removeprefix(inside) for file in files if file.startswith(inside)})


def compiled(source: bytes, name: str) -> bytes:
    """The .pyc of a module; ``name``: what tracebacks call its file."""
    tree = ast.parse(source)
    if not name.partition(".zip/")[2].startswith(PYODIDE_S):
        remove_docstrings(tree)
    code = compile(tree, name, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED.to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


def remove_docstrings(tree: ast.Module) -> None:
    """Takes the docstrings out of a module: a sixth of it, for which nobody asks in the worker.

    ``python -OO`` does the same, but takes the assertions as well.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            is_constant = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if is_constant and isinstance(first.value.value, str):
                # Nothing may stand before an import from __future__.
                node.body[:1] = [ast.copy_location(ast.Pass(), first)] * (len(node.body) == 1)
