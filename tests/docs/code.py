"""Code blocks made ready to be run: what a page says a line gives is what it must give.

In Python a line may end in ``# → VALUE`` (its ``repr``; ``…`` stands for anything) or in
``# raises NAME``; in JavaScript in ``// → JSON`` or ``// throws TEXT``, which must be in the error.
"""

from __future__ import annotations

import ast
import json
import re

PRELUDE = """
import re as _re
_checked = []

def _tell(line, value, expected):
    _checked.append(line)
    pattern = ".*".join(map(_re.escape, expected.split("…")))
    found = _re.fullmatch(pattern, repr(value), _re.DOTALL)
    assert found, f"line {line}: {value!r}, not {expected}"

def _refused(line, error, expected):
    _checked.append(line)
    kinds = [kind.__name__ for kind in type(error).__mro__]
    assert expected in kinds, f"line {line}: {error!r}, not {expected}"
"""

_GIVES = re.compile(r"# → (.+)$")
_RAISES = re.compile(r"# raises (\w+)$")
_JS_GIVES = re.compile(r"^(.+);\s*// → (.+)$")
_JS_THROWS = re.compile(r"^(.+);\s*// throws (.+)$")


class UnreadableBlockError(Exception):
    """A remark stands where the test cannot check it."""


def python(code: str, first_line: int) -> str:
    """A block of Python with its remarks turned into checks."""
    lines = code.splitlines()
    remarks = {n for n, line in enumerate(lines, 1) if _GIVES.search(line) or _RAISES.search(line)}
    replaced: dict[int, tuple[int, str]] = {}  # first line of a statement → (its last one, text)
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.stmt) or node.end_lineno not in remarks:
            continue
        if any(number in remarks for number in range(node.lineno, node.end_lineno)):
            continue  # a block of statements; the remark is that of the last one in it
        line = lines[node.end_lineno - 1]
        indent = " " * node.col_offset
        source = ast.get_source_segment(code, node)
        where = first_line + node.lineno - 1
        if gives := _GIVES.search(line):
            if not isinstance(node, ast.Expr):
                continue
            text = f"{indent}_tell({where}, ({source}\n{indent}), {gives[1].strip()!r})"
        elif raises := _RAISES.search(line):
            if hasattr(node, "body"):
                continue
            text = (
                f"{indent}_error = None\n{indent}try:\n{indent}    {source}\n"
                f"{indent}except BaseException as _caught:\n{indent}    _error = _caught\n"
                f"{indent}_refused({where}, _error, {raises[1]!r})"
            )
        replaced[node.lineno] = (node.end_lineno, text)
        remarks.discard(node.end_lineno)
    if remarks:
        raise UnreadableBlockError(
            f"line {first_line + min(remarks) - 1}: {lines[min(remarks) - 1]}"
        )
    result = ["_checked.clear()"]
    number = 1
    while number <= len(lines):
        last, text = replaced.get(number, (number, lines[number - 1]))
        result.append(text)
        number = last + 1
    result.append(f"assert len(_checked) == {len(replaced)}, 'a remark was passed over'")
    return "\n".join(result) + "\n"


def javascript(code: str, first_line: int) -> tuple[str, dict[int, str]]:
    """A block of JavaScript as a module, and what its lines are said to give, by line.

    Names that it declares at its top level become global: the next block knows them.
    """
    expected: dict[int, str] = {}
    result: list[str] = []
    for number, line in enumerate(code.splitlines(), first_line):
        text = line
        if gives := _JS_GIVES.match(line):
            expected[number] = gives[2].strip()
            text = f"tell({number}, {gives[1]});"
        elif throws := _JS_THROWS.match(line):
            expected[number] = throws[2].strip()
            text = (
                f"{{ let said = null; try {{ {throws[1]}; }} "
                f"catch (error) {{ said = String(error); }} tell({number}, said); }}"
            )
        elif "// → " in line or "// throws " in line:
            raise UnreadableBlockError(f"line {number}: {line}")
        text = re.sub(
            r'^import (\w+) from "@sqlite\.org/sqlite-wasm";$',
            r'globalThis.\1 = (await import("/official/index.mjs")).default;',
            text,
        )
        result.append(re.sub(r"^(?:const|let) (\w+) = ", r"globalThis.\1 = ", text))
    return "\n".join(result) + "\n", expected


def as_said(value: str, expected: str) -> bool:
    """Whether a value of JavaScript, as JSON, is what the page says of it."""
    try:
        return bool(json.loads(value) == json.loads(expected))
    except json.JSONDecodeError:
        return expected in value
