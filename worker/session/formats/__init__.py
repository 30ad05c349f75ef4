"""Files that can be taken in: what kind a file is, and what to call what comes of it."""

import re
import unicodedata
from pathlib import PurePosixPath

import protocol

from ..errors import ImportRejected
from ..host import Source
from . import unreadable
from .read_sqlite import MAGIC, not_a_database

__all__ = ["KINDS", "database_name", "export_name", "kind_of", "table_name"]

KINDS = ("auto", "sqlite", "csv")

_DATABASE_SUFFIXES = (".sqlite", ".sqlite3", ".db", ".db3")
_TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".psv")


def kind_of(source: Source, name: str, asked: str) -> str:
    """The kind, "sqlite" or "csv": as asked or, for "auto", by content.

    A file that is named like a database and is none is NotADatabase, rather than taken for text.
    Without a byte it is an empty database, unless it is named like something else.
    What is known to be something else, a script or a spreadsheet say, is ImportRejected.
    """
    if asked not in KINDS:
        raise protocol.ProtocolError(f"The kind of an import is one of {', '.join(KINDS)}.")
    if asked != "auto":
        return asked
    if source.read(0, len(MAGIC)) == MAGIC:
        return "sqlite"
    if not source.size and not (name.lower().endswith(_TEXT_SUFFIXES) or unreadable.text(name)):
        return "sqlite"
    if name.lower().endswith(_DATABASE_SUFFIXES):
        raise not_a_database(source, name)
    other = unreadable.binary(source) or unreadable.text(name)
    if other is not None:
        raise ImportRejected(
            f"{name} is neither a SQLite database nor a table in text form, but {other.what}.",
            hint=other.hint,
        )
    return "csv"


def table_name(file_name: str) -> str:
    """A table name for a file, made such that it needs no quotes.

    flights.csv becomes flights, 2024 Sales (final).csv becomes t_2024_Sales_final.
    """
    name = _base(file_name)
    if name.lower().endswith(_TEXT_SUFFIXES):
        name = name.rpartition(".")[0]
    name = re.sub(r"\W+", "_", name).strip("_") or "imported"
    if name[0].isdigit() or name.lower().startswith("sqlite_"):
        name = "t_" + name
    return name


def database_name(file_name: str) -> str:
    """A database name for a file: its own, without folders and control characters."""
    return _base(file_name) or "imported.sqlite"


def export_name(database: str) -> str:
    """The file name under which a database is exported: with a suffix that programs know."""
    name = _base(database) or "database"
    return name if PurePosixPath(name).suffix else name + ".sqlite"


def _base(name: str) -> str:
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if unicodedata.category(c) != "Cc").strip()
