"""The list of all formats; a new one is a module, its import here, and a line in a tuple."""

from ... import protocol
from ..errors import ImportRejected, SessionError
from ..host import Source
from . import (
    read_delimited,
    read_sqlite,
    unreadable,
    write_csv,
    write_html,
    write_json,
    write_list,
    write_markdown,
    write_sql,
    write_xlsx,
)
from .interfaces import ExportFormat, ImportFormat

__all__ = ["AUTO", "COPIES", "EXPORTS", "IMPORTS", "export_format", "import_format"]

IMPORTS: tuple[ImportFormat, ...] = (
    # The first format whose sniff() accepts a file reads it; the last one accepts any text.
    read_sqlite.FORMAT,
    read_delimited.FORMAT,
)

EXPORTS: tuple[ExportFormat, ...] = (
    write_csv.CSV,
    write_csv.TSV,
    write_xlsx.FORMAT,
    write_json.ARRAY,
    write_json.LINES,
    write_sql.FORMAT,
    write_markdown.FORMAT,
    write_html.FORMAT,
)

COPIES: tuple[ExportFormat, ...] = (write_list.FORMAT,)
"""Further formats, for the clipboard rather than for a file."""

AUTO = "auto"
"""In a request: the format is found by the file's content and name."""


def import_format(source: Source, name: str, asked: str) -> ImportFormat:
    """The format of a file called ``name``: the one asked for or, for AUTO, found by its content.

    A file with a database's suffix that is none counts as one all the same: its reader's error says
    what it is. An empty file is an empty database, unless its name says something else.

    Raises:
        ImportRejected: The file is known to be something else, a script or a spreadsheet say.
        protocol.ProtocolError: There is no format of the name that was asked for.
    """
    if asked != AUTO:
        return _asked(asked)
    if not source.size:
        return _empty(name)
    for known in IMPORTS:
        if known.sniff(source, name):
            return known
    other = unreadable.what_it_is(source, name)
    if other is None:
        raise ImportRejected(
            f"{name} is neither a SQLite database nor a table in text form.",
            code="no-data",
            name=name,
        )
    raise ImportRejected(
        f"{name} is neither a SQLite database nor a table in text form, but {other.what}.",
        code="no-data-but",
        hint=other.hint,
        name=name,
        what=other.phrase,
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
    """The format of that name; raises SessionError where there is none."""
    for known in (*EXPORTS, *COPIES):
        if known.name == name:
            return known
    names = ", ".join(known.name for known in EXPORTS)
    raise SessionError(f"There is no format {name!r} to export rows in; there are {names}.")
