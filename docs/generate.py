"""Writes docs/reference.md from the signatures and docstrings of worker/sahpool.

    python3 docs/generate.py

It also writes the tables of docs/architecture.md, which docs/modules.py makes, and the versions of
Pyodide and PyScript where they are shown (docs/versions.py).

It needs griffelib, which ``python3 -m tests`` installs into .build/venv with the tests' other
packages: run it with that Python. It reads the source and never imports it, so it needs no browser.
The same source always gives the same pages; tests/docs compares them.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from griffe import Alias, Attribute, Class, Docstring, DocstringSectionKind, Function, Module, load

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from docs import modules, sql_functions, versions  # noqa: E402 - found when run as a script

PACKAGE = ROOT / "worker" / "sahpool"
PAGE = ROOT / "docs" / "reference.md"

HEAD = """\
# Reference

Every public name of `sahpool`. This page is written by [`generate.py`](generate.py) from the
docstrings of [`worker/sahpool`](../worker/sahpool); to change it, change those.

`pool` stands for what `await sahpool.install()` returns. Sizes are in bytes and times in
seconds where nothing else is said.
"""

#: Reading order. Names that are not listed here come last in their section, in alphabetical order,
#: so that no public name can be missing from the page.
ORDER = {
    "Starting": ["install", "set_default", "find_pools", "set_verbosity"],
    "The pool": ["Pool", "Connection"],
    "What the pool's methods return": [],
    "About SQL": ["error_offset", "keywords"],
    "Errors and warnings": [],
}
RECORDS, ERRORS = "What the pool's methods return", "Errors and warnings"

WIDTH = 88  # columns a signature may have on one line

_OWN_MODULES = re.compile(
    rf"\b(?:{'|'.join(sorted(path.stem for path in PACKAGE.rglob('*.py')))})\."
)

Documented = Class | Function | Attribute


def main() -> int:
    """Writes the pages; returns the exit code."""
    PAGE.write_text(reference(), encoding="utf-8")
    modules.PAGE.write_text(modules.page(), encoding="utf-8")
    versions.write()
    return 0


def reference() -> str:
    """Returns the whole of reference.md, in Markdown."""
    package = load("sahpool", search_paths=[PACKAGE.parent], docstring_parser="google")
    assert isinstance(package, Module)
    names = _public(package)
    sections = _sections(names)
    parts = [HEAD, "## At a glance", _glance(names, sections)]
    for title, members in sections.items():
        parts.append(f"## {title}")
        if title == ERRORS:
            parts.append(_error_tree(package))
        for name in members:
            parts += _entry(names[name], name)
    parts.append(sql_functions.section())
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    return _linked(text)


def _public(package: Module) -> dict[str, Documented]:
    """Returns the class, function or attribute that each name of ``__all__`` stands for."""
    found: dict[str, Documented] = {}
    for export in package.exports or ():
        name = str(export)
        member = package.members[name]
        target = member.final_target if isinstance(member, Alias) else member
        assert isinstance(target, Class | Function | Attribute), f"{name} is a {target.kind}"
        assert target.docstring is not None, f"{name} has no docstring"
        found[name] = target
    return found


def _sections(names: dict[str, Documented]) -> dict[str, list[str]]:
    sections = {title: [name for name in kept if name in names] for title, kept in ORDER.items()}
    placed = {name for members in sections.values() for name in members}
    for name, target in sorted(names.items()):
        if name in placed:
            continue
        if name.endswith(("Error", "Warning")):
            sections[ERRORS].append(name)
        elif isinstance(target, Class):
            sections[RECORDS].append(name)
        else:
            sections["About SQL"].append(name)
    # Errors follow the order of the tree that is drawn above them.
    sections[ERRORS].sort(key=lambda name: names[name].lineno or 0)
    return {title: members for title, members in sections.items() if members}


# --- one name -----------------------------------------------------------------------------------


def _entry(target: Documented, name: str) -> Iterator[str]:
    """Yields the paragraphs about one public name of the package."""
    if isinstance(target, Function):
        yield f"### `{name}()`"
        yield _code(_signature(target, f"sahpool.{name}"))
        yield from _docstring(target.docstring)
        return
    yield f"### `{name}`"
    if not isinstance(target, Class):
        yield from _docstring(target.docstring)
        return
    if bases := [str(base).removeprefix("sahpool.errors.") for base in target.bases]:
        yield "A kind of " + " and ".join(f"`{base}`" for base in bases if base != "object") + "."
    yield from _docstring(target.docstring, target)
    owner = "pool" if name == "Pool" else name
    for member in _members(target):
        if isinstance(member, Function):
            yield f"#### `{owner}.{member.name}()`"
            yield _code(_signature(member, f"{owner}.{member.name}"))
        else:
            yield f"#### `{owner}.{member.name}`"
            yield _code(f"{owner}.{member.name}: {_type(member.annotation)}")
        yield from _docstring(member.docstring)


def _members(target: Class) -> list[Function | Attribute]:
    """Returns the public methods and properties of a class, in the order of the source.

    Plain attributes are not among them: the class's own docstring describes those.
    """
    members = [
        member
        for name, member in target.members.items()
        if not name.startswith("_")
        and (isinstance(member, Function) or "property" in member.labels)
        and isinstance(member, Function | Attribute)
    ]
    return sorted(members, key=lambda member: member.lineno or 0)


def _signature(function: Function, name: str) -> str:
    """Returns a signature as in the source, without ``self``; a long one has an argument a line."""
    arguments: list[str] = []
    kinds: list[str] = []
    for parameter in function.parameters:
        if parameter.name == "self":
            continue
        kind = parameter.kind.value if parameter.kind else ""
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        if kind == "keyword-only" and not {"keyword-only", "variadic positional"} & set(kinds):
            arguments.append("*")
        kinds.append(kind)
        text = f"{stars}{parameter.name}"
        if parameter.annotation is not None:
            text += f": {_type(parameter.annotation)}"
        if parameter.default is not None and not stars:
            text += f" = {_type(parameter.default)}"
        arguments.append(text)
    start = ("await " if "async" in function.labels else "") + name
    end = f" -> {_type(function.returns)}" if function.returns is not None else ""
    line = f"{start}({', '.join(arguments)}){end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{start}(", *(f"    {each}," for each in arguments), f"){end}"])


def _type(annotation: Any) -> str:
    """Returns an annotation or default as a user writes it: without the names of our modules."""
    return _OWN_MODULES.sub("", str(annotation)).replace("'", '"')


# --- docstrings ---------------------------------------------------------------------------------


def _docstring(docstring: Docstring | None, owner: Class | None = None) -> Iterator[str]:
    for section in docstring.parsed if docstring else ():
        value: Any = section.value
        match section.kind:
            case DocstringSectionKind.text:
                yield _prose(value)
            case DocstringSectionKind.parameters:
                yield _items("Arguments", [(f"`{each.name}`", each.description) for each in value])
            case DocstringSectionKind.attributes:
                rows = [(_attribute(each.name, owner), each.description) for each in value]
                yield _items("Attributes", rows)
            case DocstringSectionKind.returns | DocstringSectionKind.yields:
                name = "Returns" if section.kind is DocstringSectionKind.returns else "Yields"
                yield f"**{name}:** " + _prose(" ".join(each.description for each in value))
            case DocstringSectionKind.raises:
                rows = [(_kinds(each.annotation), each.description) for each in value]
                yield _items("Raises", rows)
            case DocstringSectionKind.warns:
                rows = [(_kinds(each.annotation), each.description) for each in value]
                yield _items("Warns", rows)
            case kind:
                raise ValueError(f"{docstring and docstring.parent}: a section of kind {kind}")


def _kinds(annotation: Any) -> str:
    return ", ".join(f"`{name}`" for name in str(annotation).strip("()").split(", "))


def _attribute(name: str, owner: Class | None) -> str:
    member = owner.members.get(name) if owner else None
    annotation = getattr(member, "annotation", None)
    return f"`{name}`" if annotation is None else f"`{name}` (`{_type(annotation)}`)"


def _items(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"- {what}: {textwrap.indent(_prose(text), '  ').lstrip()}" for what, text in rows]
    return f"**{title}**\n\n" + "\n".join(lines)


def _prose(text: str) -> str:
    """Returns a docstring's text as Markdown: indented blocks as code, paragraphs on one line."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\n(?=\S)", text.strip()):
        first, _, code = paragraph.partition("\n\n")
        joined = " ".join(line.strip() for line in first.splitlines())
        parts.append(joined.removesuffix(":") if joined.endswith("::") else joined)
        if code:
            parts.append(_code(textwrap.dedent(code)))
    return _markdown("\n\n".join(parts))


def _markdown(text: str) -> str:
    """Returns text with ``code`` in Markdown's single backticks; roles stay, for ``_linked``."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def _code(text: str) -> str:
    return f"```python\n{text.strip()}\n```"


# --- the page as a whole ------------------------------------------------------------------------


def _glance(names: dict[str, Documented], sections: dict[str, list[str]]) -> str:
    rows = ["| Name | What it is |", "| --- | --- |"]
    for members in sections.values():
        for name in members:
            rows.append(_row(names[name], name))
            target = names[name]
            if name == "Pool" and isinstance(target, Class):
                rows += [_row(member, f"pool.{member.name}") for member in _members(target)]
    return "\n".join(rows)


def _row(target: Documented, name: str) -> str:
    heading = f"{name}()" if isinstance(target, Function) else name
    assert target.docstring is not None, f"{name} has no docstring"
    first = _prose(target.docstring.value.partition("\n\n")[0]).replace("|", "\\|")
    return f"| [`{heading}`](#{_slug(heading)}) | {first} |"


def _error_tree(package: Module) -> str:
    """Returns the tree that errors.py draws in its docstring, and the text below it."""
    docstring = package.members["errors"].docstring
    assert docstring is not None
    _, tree, *rest = docstring.value.split("\n\n")
    prose = "\n\n".join(_prose(each) for each in rest)
    return f"```text\n{textwrap.dedent(tree).strip()}\n```\n\n{prose}"


def _slug(heading: str) -> str:
    """Returns the anchor that code-hosting sites give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _linked(text: str) -> str:
    """Returns text with roles like ``:meth:`export_chunks` `` as links to headings of the page."""
    headings = re.findall(r"^#{3,4} `(.+)`$", text, re.MULTILINE)

    def link(match: re.Match[str]) -> str:
        name = match[1].replace("Pool.", "pool.")
        for heading in headings:
            if heading.removesuffix("()") in (name, f"pool.{name}"):
                return f"[`{heading}`](#{_slug(heading)})"
        return f"`{name}()`"

    return re.sub(r":(?:func|meth|class|attr):`([\w.]+)`", link, text)


if __name__ == "__main__":
    sys.exit(main())
