"""The formats that there are; a new one is a module and a line here."""

import protocol

from ..errors import ImportRejected, SessionError
from ..host import Source
from . import (
    read_delimited,
    read_sqlite,
    unreadable,
    write_csv,
    write_jsonl,
)
from .interfaces import ExportFormat, ImportFormat

__all__ = ["AUTO", "EXPORTS", "IMPORTS", "export_format", "import_format"]

IMPORTS: tuple[ImportFormat, ...] = (
    # The first one that takes a file for one of its own has it; the last one takes any text.
    read_sqlite.FORMAT,
    read_delimited.FORMAT,
)

EXPORTS: tuple[ExportFormat, ...] = (
    write_csv.FORMAT,
    write_jsonl.FORMAT,
)

AUTO = "auto"
"""In a request: whatever the file is."""


def import_format(source: Source, name: str, asked: str) -> ImportFormat:
    """The format of a file called ``name``: as asked or, for AUTO, by its content.

    A file that is named like a database and is none is read as one, which says what it is, rather
    than taken for text. Without a byte it is an empty database, unless it is named like something
    else. What is known to be something else, a script or a spreadsheet say, is ImportRejected.
    """
    if asked != AUTO:
        return _asked(asked)
    if not source.size:
        return _empty(name)
    for known in IMPORTS:
        if known.sniff(source, name):
            return known
    other = unreadable.what_it_is(source, name)
    raise ImportRejected(
        f"{name} is neither a SQLite database nor a table in text form"
        + (f", but {other.what}." if other else "."),
        hint=other.hint if other else None,
    )


def _asked(name: str) -> ImportFormat:
    for known in IMPORTS:
        if known.name == name:
            return known
    names = ", ".join([AUTO, *(known.name for known in IMPORTS)])
    raise protocol.ProtocolError(f"The kind of an import is one of {names}.")


def _empty(name: str) -> ImportFormat:
    for known in IMPORTS:
        if name.lower().endswith(known.suffixes):
            return known
    return read_sqlite.FORMAT if unreadable.text(name) is None else read_delimited.FORMAT


def export_format(name: str) -> ExportFormat:
    """The format of that name; SessionError where there is none."""
    for known in EXPORTS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in EXPORTS)
    raise SessionError(f"There is no format {name!r} to export rows in; there are {names}.")
