"""The part of docs/reference.md about SQL functions in Python, from worker/sahpool/functions.

As generate.py, it reads the source and never imports it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "worker" / "sahpool" / "functions"

_TUPLES = ("SCALARS", "AGGREGATES", "TABLES")

_HEAD = """\
## SQL functions

```python
sahpool.functions.register(con: sqlite3.Connection) -> None
```

{about}

An argument that is refused, and a pattern that is none, end the statement with
`sqlite3.OperationalError`; its `__cause__` says why. In the console these functions are always
there.
"""


def section() -> str:
    """Returns the section, in Markdown."""
    package = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    register = _function(package, "register")
    about, _, _ = (ast.get_docstring(register) or "").partition("\n\nArgs:")
    parts = [_HEAD.format(about=_line(about))]
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rows = list(_rows(tree))
        if rows:
            title, _, rest = (ast.get_docstring(tree) or "").partition("\n\n")
            parts.append(_line(title))
            parts.append("\n".join(["| Function | What it is |", "| --- | --- |", *rows]))
            parts += [_line(each) for each in rest.split("\n\n") if each]
    return "\n\n".join(part.strip() for part in parts)


def _rows(tree: ast.Module) -> Iterator[str]:
    """Yields the rows of a family: the functions that a docstring describes, with their forms."""
    forms: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) not in _TUPLES:
            continue
        assert isinstance(node.value, ast.Tuple)
        for call in node.value.elts:
            if isinstance(call, ast.Starred):  # one function for several numbers of arguments
                assert isinstance(call.value, ast.GeneratorExp)
                call = call.value.elt
            assert isinstance(call, ast.Call)
            name, form, about = _entry(tree, call)
            forms.setdefault(name, []).append(form)
            told.setdefault(name, about)
    rows: dict[str, list[str]] = {}
    for name, calls in forms.items():
        shown = (f"`{name}({form})`" for form in dict.fromkeys(calls))
        rows.setdefault(told[name], []).extend(shown)
    for about, shown_forms in rows.items():
        yield f"| {', '.join(shown_forms)} | {about} |"


def _entry(tree: ast.Module, call: ast.Call) -> tuple[str, str, str]:
    """Returns the name, the arguments, and what the docstring of the code says first."""
    name = ast.literal_eval(call.args[0])
    if ast.unparse(call.func) == "Table":
        arguments = ast.literal_eval(call.args[2])
        return name, ", ".join(arguments), _about(tree, ast.unparse(call.args[4]))
    if ast.unparse(call.func) == "_percentile":
        count, code = ast.literal_eval(call.args[1]), "_Percentile"
    elif ast.unparse(call.func) == "_spread":
        count, code = 1, "_Spread"
    else:
        several = isinstance(call.args[1], ast.Name)
        count = -1 if several else ast.literal_eval(call.args[1])
        code = ast.unparse(call.args[2])
    letters = ", ".join("abcd"[: max(count, 0)])
    return name, letters if count >= 0 else "a, …", _about(tree, code)


def _about(tree: ast.Module, code: str) -> str:
    """Returns the first paragraph of a docstring, of the code that a name stands for."""
    name = re.split(r"\W", code)[0]
    return _line((ast.get_docstring(_function(tree, name)) or "").partition("\n\n")[0])


def _function(tree: ast.Module, name: str) -> ast.FunctionDef | ast.ClassDef:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise ValueError(f"nothing is called {name}")


def _line(text: str) -> str:
    """Returns a paragraph on one line, with Markdown's backticks."""
    joined = " ".join(text.split())
    return re.sub(r"``(.+?)``", r"`\1`", joined).replace("|", "\\|")
