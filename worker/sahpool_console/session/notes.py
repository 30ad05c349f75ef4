"""Notes and phrases: what is to be said about an import, in codes for which the page has the words.

A note is a sentence of its own (``[note]`` in app/messages/en.toml). A phrase (``[phrase]``) stands
for a parameter of a note, of an error or of a hint: what a file is, or why a column stayed text.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["Note", "Phrase", "as_fields"]


class Note(NamedTuple):
    """A sentence: its code, and the parameters of its text."""

    code: str
    params: Mapping[str, object] = MappingProxyType({})


class Phrase(NamedTuple):
    """A part of a sentence, as Note."""

    code: str
    params: Mapping[str, object] = MappingProxyType({})


def as_fields(value: object) -> Any:
    """Notes and phrases, in lists and parameters too, as replies have them; others as they are."""
    if isinstance(value, Note | Phrase):
        return {"code": value.code, "params": as_fields(value.params)}
    if isinstance(value, Mapping):
        return {name: as_fields(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_fields(each) for each in value]
    return value
