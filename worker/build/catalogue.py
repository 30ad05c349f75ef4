"""Makes the page's module of texts, messages/en.py, of app/messages/en.toml.

For ``serve.py``, on the developer's machine; this module does not reach the browser. The page reads
a dict that was compiled with its other modules: a parser of TOML would cost time at each start.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["FORMS", "CatalogueError", "Message", "messages", "messages_module", "parameters"]

Message = str | tuple[str, str]
"""A text, or a plural: the text for one and that for other numbers."""

FORMS = {"one", "other"}
"""The forms of a plural in English."""


class CatalogueError(Exception):
    """A catalogue is not as it should be; the message says where."""


def messages(toml: str) -> dict[str, Message]:
    """The texts of a catalogue by their keys, ``section.name``, sorted.

    Raises:
        CatalogueError: It is no TOML, or has something else than texts and plurals.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(str(error)) from error
    found: dict[str, Message] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise CatalogueError(f"{section} is in no section.")
        for key, value in table.items():
            found[f"{section}.{key}"] = _message(value, f"{section}.{key}")
    return dict(sorted(found.items()))


def _message(value: Any, where: str) -> Message:
    if isinstance(value, str):
        forms = [value]
    elif isinstance(value, dict) and value.keys() == FORMS and _are_texts(value.values()):
        forms = [value["one"], value["other"]]
    else:
        raise CatalogueError(
            f"{where} is neither a text nor a table of {' and '.join(sorted(FORMS))}."
        )
    try:
        named = [parameters(form) for form in forms]
    except ValueError as error:
        raise CatalogueError(f"{where}: {error}.") from error
    if any("" in names or not all(map(str.isidentifier, names)) for names in named):
        raise CatalogueError(f"{where} has a parameter without a name.")
    if len(forms) == 1:
        return forms[0]
    if "count" not in named[1]:
        raise CatalogueError(f"{where} is a plural, and has no parameter count.")
    return forms[0], forms[1]


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def parameters(message: Message) -> set[str]:
    """The names of a text's parameters; for a plural those of both forms."""
    forms = (message,) if isinstance(message, str) else message
    return {name for form in forms for name in _names(form)}


def _names(form: str) -> Iterator[str]:
    for _, name, _, conversion in string.Formatter().parse(form):
        if name is not None:
            if conversion:
                raise ValueError(f"{{{name}!{conversion}}} has a conversion")
            yield name


def messages_module(found: Mapping[str, Message]) -> bytes:
    """A module of Python that has the texts as the dict ``TEXTS``."""
    lines = [f"    {key!r}: {message!r},\n" for key, message in found.items()]
    return "".join(["TEXTS = {\n", *lines, "}\n"]).encode()
