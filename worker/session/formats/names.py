"""What to call what comes of a file, and the file that is made of something."""

import re
import unicodedata
from pathlib import PurePosixPath

__all__ = ["database_name", "export_name", "table_name"]


def table_name(file_name: str, suffixes: tuple[str, ...]) -> str:
    """A table name for a file of a format with these suffixes, made such that it needs no quotes.

    flights.csv becomes flights, 2024 Sales (final).csv becomes t_2024_Sales_final.
    """
    name = _base(file_name)
    if name.lower().endswith(suffixes):
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
