"""Names for the tables and databases that are made of files, and for exported files."""

import re
import unicodedata
from pathlib import PurePosixPath

__all__ = ["database_name", "export_name", "table_name"]

# Keywords that are no names without quotes; SQLite's parser takes the others for names as well.
# Source: sqlite.org/lang_keywords.html and %fallback in parse.y; a test tries all keywords.
_KEYWORDS = """
    add all alter and as autoincrement between case check collate commit constraint create cross
    default deferrable delete distinct drop else escape except exists foreign from full group
    having if in index inner insert intersect into is isnull join left limit natural not nothing
    notnull null on or order outer primary references returning right select set table then to
    transaction union unique update using values when where
"""
_RESERVED = frozenset(_KEYWORDS.split())


def table_name(file_name: str, suffixes: tuple[str, ...]) -> str:
    """A table name for a file of a format with these suffixes, which needs no quotes in SQL.

    flights.csv becomes flights, 2024 Sales (final).csv becomes t_2024_Sales_final.
    """
    name = _base(file_name)
    if name.lower().endswith(suffixes):
        name = name.rpartition(".")[0]
    name = re.sub(r"\W+", "_", name).strip("_") or "imported"
    if name[0].isdigit() or name.lower().startswith("sqlite_"):
        name = "t_" + name
    return f"{name}_" if name.lower() in _RESERVED else name


def database_name(file_name: str) -> str:
    """A database name for a file: its own name, without folders and control characters."""
    return _base(file_name) or "imported.sqlite"


def export_name(database: str) -> str:
    """The file name for an exported database: its name, with ``.sqlite`` if it has no suffix."""
    name = _base(database) or "database"
    return name if PurePosixPath(name).suffix else name + ".sqlite"


def _base(name: str) -> str:
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if unicodedata.category(c) != "Cc").strip()
