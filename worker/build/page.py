"""Puts the page together: public/index.html and public/style.css with the parts of its features.

For ``serve.py``, on the developer's machine; this module does not reach the browser. A feature has
its markup and its style beside its Python, in app/features/NAME/NAME.html and NAME.css. The page is
one file, and so is the style sheet: the browser shows the page at once, with no further request.

A template says with each of its parts at which place of the page it stands::

    <template data-place="notices">
      <div id="update-notice" …></div>
    </template>

A place is a comment on a line of its own, in public/index.html or in another template. The parts
come in the order in which it names their features, then those of others, as app/main.py has them::

    <!-- place: notices (offline other_tabs quarantine) -->
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import NamedTuple

from worker.build.packing import ROOT, StepError, read

__all__ = ["features", "page_bytes", "put_together", "style_bytes"]

APP = ROOT / "app"
FEATURES = APP / "features"
STYLES = b"/* The features' own rules stand here (worker/build/page.py). */\n"

_PART = re.compile(r'^<template data-place="([\w-]+)">\n(.*?)^</template>\n', re.M | re.S)
_PLACE = re.compile(r"^( *)<!-- place: ([\w-]+)(?: \(([\w ]+)\))? -->\n", re.M)


class Part(NamedTuple):
    """A part of a feature's template: the feature, the name of its place, the markup."""

    feature: str
    place: str
    markup: str


def features() -> list[str]:
    """The names of the features that app/main.py imports, as it orders them."""
    found: list[str] = []
    for node in ast.parse(read(APP / "main.py")).body:
        if isinstance(node, ast.ImportFrom) and node.module == "features":
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FEATURES":
            order = [ast.unparse(name) for name in getattr(node.value, "elts", [])]
            found.sort(key=lambda name: order.index(name) if name in order else -1)
    return found


def page_bytes() -> bytes:
    """index.html with the markup of all features."""
    parts = [part for name in features() for part in _parts(name)]
    return put_together(read(ROOT / "public" / "index.html").decode(), parts).encode()


def put_together(page: str, parts: list[Part]) -> str:
    """A page with each part at its place.

    Raises:
        StepError: A part's place is nowhere, or there more than once.
    """
    left = list(parts)

    def fill(markup: str) -> str:
        return _PLACE.sub(put, markup)

    def put(place: re.Match[str]) -> str:
        indent, name, order = place[1], place[2], (place[3] or "").split()
        here = [part for part in left if part.place == name]
        for part in here:
            left.remove(part)
        here.sort(key=lambda part: order.index(part.feature) if part.feature in order else 99)
        return "".join(textwrap.indent(fill(part.markup), indent) for part in here)

    whole = fill(page)
    if left:
        raise StepError(f"{left[0].feature}.html: the page has no place named {left[0].place}.")
    return whole


def _parts(name: str) -> list[Part]:
    path = FEATURES / name / f"{name}.html"
    if not path.is_file():
        return []
    template = read(path).decode()
    if _PART.sub("", template).strip():
        raise StepError(f"{path.name}: all markup is in a <template data-place=…>.")
    return [Part(name, place, textwrap.dedent(markup)) for place, markup in _PART.findall(template)]


def style_bytes() -> bytes:
    """style.css with the rules of all features."""
    whole = read(ROOT / "public" / "style.css")
    if whole.count(STYLES) != 1:
        raise StepError("public/style.css has no place for the rules of the features.")
    paths = (FEATURES / name / f"{name}.css" for name in features())
    return whole.replace(STYLES, b"".join(read(path) + b"\n" for path in paths if path.is_file()))
