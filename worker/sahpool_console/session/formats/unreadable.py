"""Files that can be neither a database nor a table, recognised by first bytes or by name.

The error for such a file says what it is. Reading it as text would end in an error about its
encoding, which helps nobody.
"""

from typing import NamedTuple

from ..host import Source

__all__ = ["START", "Unreadable", "binary", "text", "what_it_is"]

START = 512
"""How many bytes at the start of a file are read to recognise it."""


class Unreadable(NamedTuple):
    """What a file is, as the error about it says it, and a hint what to do with it."""

    what: str
    hint: str


_ARCHIVE = Unreadable("a packed archive", "Unpack it and import the file inside.")
_OFFICE = Unreadable(
    "a document of an office program, a spreadsheet perhaps",
    "Open it in the program it comes from and save the sheet as CSV (UTF-8).",
)
_IMAGE = Unreadable("an image", "Choose a database or a table in text form (CSV).")
_PDF = Unreadable(
    "a PDF document", "Look for its data as CSV; tables cannot be read out of a PDF here."
)
_PARQUET = Unreadable(
    "a Parquet file", "Write it as CSV with the tool it comes from (pandas, DuckDB)."
)
_SCRIPT = Unreadable("a script of SQL", "Paste its text into the editor and run it.")
_JSON = Unreadable(
    "JSON",
    "Save the data as CSV where it comes from, or paste the text into a query: "
    "SELECT * FROM json_each('[…]').",
)

_BESIDE = (
    "Open the database that it belongs to with the program that it comes from, and close it there: "
    "then the file of the database has everything, and can be imported."
)
_WAL = Unreadable("the WAL of a database (…-wal), with its newest changes", _BESIDE)
_JOURNAL = Unreadable("the rollback journal of a database (…-journal)", _BESIDE)
_WAL_INDEX = Unreadable("the WAL-index of a database (…-shm), which holds no data", _BESIDE)

# Only signatures that no text begins with.
# Source: https://en.wikipedia.org/wiki/List_of_file_signatures ; for SQLite's own files
# https://sqlite.org/fileformat2.html, sections 3 and 4.1, and
# https://sqlite.org/walformat.html, section 2.1, in either byte order.
_MAGIC: tuple[tuple[bytes, Unreadable], ...] = (
    (b"\x89PNG\r\n\x1a\n", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"\xfd7zXZ\0", _ARCHIVE),
    (b"(\xb5/\xfd", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE),
    (b"%PDF-", _PDF),
    (b"\x37\x7f\x06\x82", _WAL),
    (b"\x37\x7f\x06\x83", _WAL),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", _JOURNAL),
    (b"\x18\xe2\x2d\0\0\0\0\0", _WAL_INDEX),
    (b"\0\x2d\xe2\x18\0\0\0\0", _WAL_INDEX),
)
_ZIP = b"PK\x03\x04"
_ZIP_NAME = 30
"""Where in a ZIP file the name of its first entry begins (APPNOTE.TXT, section 4.3.7)."""
_OFFICE_ENTRIES = (b"[Content_Types].xml", b"_rels/", b"mimetypeapplication/vnd.oasis")
_PARQUET_MARK = b"PAR1"

_SUFFIXES = ((".sql", _SCRIPT), (".json", _JSON), (".ndjson", _JSON), (".jsonl", _JSON))


def binary(source: Source) -> Unreadable | None:
    """What a file in a known binary format is; None for text, databases and anything else."""
    start = source.read(0, START)
    if start.startswith(_ZIP):
        return _OFFICE if start.startswith(_OFFICE_ENTRIES, _ZIP_NAME) else _ARCHIVE
    # PAR1 may be the name of a column in a text, but a Parquet file ends with it, too.
    if start.startswith(_PARQUET_MARK) and source.read(source.size - 4, 4) == _PARQUET_MARK:
        return _PARQUET
    return next((known for magic, known in _MAGIC if start.startswith(magic)), None)


def text(name: str) -> Unreadable | None:
    """What a text file is, if its name says that it is no table; else None."""
    return next((known for suffix, known in _SUFFIXES if name.lower().endswith(suffix)), None)


def what_it_is(source: Source, name: str) -> Unreadable | None:
    """What a file is by its bytes or else by its name; None: it may be a database or a table."""
    return binary(source) or text(name)
