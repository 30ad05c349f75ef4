"""The tokens of a statement, as far as they tell names from words, texts and the rest.

Source: https://sqlite.org/lang_keywords.html, for the four ways of quoting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Token", "tokens"]

_TOKEN = re.compile(
    r"""(?P<skipped>\s+|--[^\n]*+|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<text>'(?:[^']|'')*+(?:'|\Z))|(?P<blob>[xX]'[^']*+(?:'|\Z))"""
    r"""|(?P<quoted>"(?:[^"]|"")*+(?:"|\Z)|`(?:[^`]|``)*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z))"""
    r"""|(?P<word>[^\W\d][\w$]*+)|[\d.]*\d[\w.]*+|.""",
    re.DOTALL,
)


class Token(NamedTuple):
    """A token that is neither a blank nor a comment.

    Attributes:
        start: Where it begins, in characters.
        text: As it stands there.
        name: The name that it may be, without its quotes; None: it is none.
        kind: "word" (a name without quotes, or a word of SQL), "quoted", "text" (in single
            quotes, which SQLite takes for a name where only one can stand), "blob", or None.
    """

    start: int
    text: str
    name: str | None
    kind: str | None


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a statement."""
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup
        if kind != "skipped":
            yield Token(found.start(), found[0], _name(found[0], kind), kind)


def _name(text: str, kind: str | None) -> str | None:
    if kind == "word":
        return text
    if kind not in ("quoted", "text"):
        return None
    if text[0] == "[":
        return text[1:].removesuffix("]")
    return text[1:].removesuffix(text[0]).replace(text[0] * 2, text[0])
