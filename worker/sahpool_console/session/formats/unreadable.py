"""Files that can be neither a database nor a table, recognised by their content or by name.

The error for such a file says what it is. Reading it as text would end in an error about its
encoding, which helps nobody.
"""

import json
import re
from typing import NamedTuple

from ... import protocol
from ..hints import Hint
from ..host import Source
from ..notes import Phrase
from . import containers
from .text import MARKED, marked_encoding

__all__ = ["SCRIPT", "START", "Unreadable", "binary", "text", "what_it_is"]

START = 512
"""How many bytes at the start of a file are read to recognise it."""

_SAMPLE = 64 * 1024
"""How many bytes of a text are looked at."""


class Unreadable(NamedTuple):
    """What a file is: for the page and for logs, and a hint what to do with it."""

    phrase: Phrase
    what: str
    hint: Hint


_SAVE = Hint("save-sheet-as-csv")
_ARCHIVE = Unreadable(Phrase("an-archive"), "a packed archive", Hint("unpack"))
_SPREADSHEET = Unreadable(Phrase("a-spreadsheet"), "a spreadsheet", _SAVE)
_OFFICE = Unreadable(Phrase("an-office-document"), "a document of an office program", _SAVE)
_OFFICE_PERHAPS = Unreadable(
    Phrase("an-office-document-perhaps"),
    "a document of an office program, a spreadsheet perhaps",
    _SAVE,
)
_IMAGE = Unreadable(Phrase("an-image"), "an image", Hint("choose-a-table"))
_PDF = Unreadable(Phrase("a-pdf"), "a PDF document", Hint("no-tables-in-pdf"))
_PARQUET = Unreadable(Phrase("a-parquet-file"), "a Parquet file", Hint("write-as-csv"))
_FOR_PANDAS = Unreadable(
    Phrase("binary-data"), "data in the binary format of another program", Hint("write-as-csv")
)
_HTML = Unreadable(Phrase("an-html-page"), "an HTML page", Hint("perhaps-a-sign-in"))
_XML = Unreadable(Phrase("xml"), "XML", Hint("save-data-as-csv"))
_RTF = Unreadable(Phrase("an-rtf"), "a text document (RTF)", Hint("save-table-as-csv"))
_GEOJSON = Unreadable(Phrase("geojson"), "GeoJSON", Hint("query-geojson"))
SCRIPT = Unreadable(Phrase("a-script"), "a script of SQL", Hint("paste-script"))
_JSON = Unreadable(Phrase("json"), "JSON", Hint("query-json"))

_BESIDE = Hint("open-and-close-there")
_WAL = Unreadable(
    Phrase("a-wal"), "the WAL of a database (…-wal), with its newest changes", _BESIDE
)
_JOURNAL = Unreadable(
    Phrase("a-journal"), "the rollback journal of a database (…-journal)", _BESIDE
)
_WAL_INDEX = Unreadable(
    Phrase("a-wal-index"), "the WAL-index of a database (…-shm), which holds no data", _BESIDE
)

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
    (b"GIF8", _IMAGE),
    (b"BZh9", _ARCHIVE),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"ARROW1\0\0", _FOR_PANDAS),
    (b"Obj\x01", _FOR_PANDAS),
    (b"\x89HDF\r\n\x1a\n", _FOR_PANDAS),
    (b"\0\x01\0\0Standard ", _FOR_PANDAS),
    (b"{\\rtf", _RTF),
    (b"%PDF-", _PDF),
    (b"\x37\x7f\x06\x82", _WAL),
    (b"\x37\x7f\x06\x83", _WAL),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", _JOURNAL),
    (b"\x18\xe2\x2d\0\0\0\0\0", _WAL_INDEX),
    (b"\0\x2d\xe2\x18\0\0\0\0", _WAL_INDEX),
)
_PARQUET_MARK = b"PAR1"

_SUFFIXES = (
    (".sql", SCRIPT),
    (".json", _JSON),
    (".ndjson", _JSON),
    (".jsonl", _JSON),
    (".geojson", _GEOJSON),
    (".html", _HTML),
    (".htm", _HTML),
    (".xml", _XML),
)

_ZIP_NAME = 30
"""Where in a ZIP file the name of its first entry begins (APPNOTE.TXT, section 4.3.7)."""
_OFFICE_ENTRIES = (b"[Content_Types].xml", b"_rels/", b"mimetypeapplication/vnd.oasis")
_SHEETS = ("xl/", "content.xml", "Index/Document.iwa")
_DOCUMENTS = ("[Content_Types].xml", "mimetype", "word/", "ppt/")
_WORKBOOKS = {"Workbook", "Book"}

_MARKUP = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|title|meta|script|div|style)\b",
    re.IGNORECASE | re.DOTALL,
)
_PROLOG = re.compile(r"\s*<(?:\?xml|!DOCTYPE|kml|svg|rss|feed|gpx)\b")
_SQL = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/;?)\s*)*(?:PRAGMA foreign_keys|BEGIN TRANSACTION;|BEGIN;\s*\n"
    r"|CREATE TABLE\s|DROP TABLE\s|INSERT INTO\s[^,;\t]+\sVALUES|SET [A-Z_]+\s*=)",
    re.DOTALL,
)
_BRACKETS = re.compile(r"[\[\]{}]")
_GEO = re.compile(r'"type"\s*:\s*"(?:FeatureCollection|Feature|Topology)"')


def binary(source: Source) -> Unreadable | None:
    """What a file in a known binary format is; None for text, databases and anything else."""
    start = source.read(0, START)
    if start.startswith(containers.ZIP):
        names = containers.names_in_zip(source)
        if any(name.startswith(_SHEETS) for name in names):
            return _SPREADSHEET
        if not names and start[_ZIP_NAME:].startswith(_OFFICE_ENTRIES):
            return _OFFICE_PERHAPS
        return _OFFICE if any(name.startswith(_DOCUMENTS) for name in names) else _ARCHIVE
    if start.startswith(containers.OLE):
        names = containers.names_in_ole(source)
        if _WORKBOOKS.intersection(names):
            return _SPREADSHEET
        return _OFFICE if "Root Entry" in names else _OFFICE_PERHAPS
    # PAR1 may be the name of a column in a text, but a Parquet file ends with it, too.
    if start.startswith(_PARQUET_MARK) and source.read(source.size - 4, 4) == _PARQUET_MARK:
        return _PARQUET
    return next((known for magic, known in _MAGIC if start.startswith(magic)), None)


def text(name: str) -> Unreadable | None:
    """What a text file is, if its name says that it is no table; else None."""
    return next((known for suffix, known in _SUFFIXES if name.lower().endswith(suffix)), None)


def text_by_content(source: Source) -> Unreadable | None:
    """What a text is that is no table, by its first characters; None: it may be one."""
    data = source.read(0, _SAMPLE)
    encoding, length = marked_encoding(data[:MARKED]) or ("utf-8", 0)
    start = data[length:].decode(encoding, "replace").lstrip("\ufeff")
    if _MARKUP.match(start):
        return _HTML
    if _PROLOG.match(start):
        return _SPREADSHEET if "urn:schemas-microsoft-com:office:spreadsheet" in start else _XML
    if _SQL.match(start):
        return SCRIPT
    if _is_json(start, whole=len(data) == source.size):
        return _GEOJSON if _GEO.search(start[:2_000]) else _JSON
    return None


def _is_json(start: str, *, whole: bool) -> bool:
    """Whether a text is JSON, or one JSON object on each line."""
    begin = start.lstrip()
    if begin[:1] not in ("{", "["):
        return False
    if _depth(begin) > protocol.MAX_DEPTH:
        return True  # the JSON reader would call itself so often that the browser's stack ends
    try:
        value, end = json.JSONDecoder().raw_decode(begin)
    except json.JSONDecodeError as error:
        # The sample ends within the text, and the reader came to its end; an unfinished string is
        # told by its start.
        rest = begin[error.pos :]
        return not whole and (len(rest) < 100 or error.msg.startswith("Unterminated string"))
    rest = begin[end:].lstrip(" \t")
    if isinstance(value, list) and rest.strip():
        return _is_list(rest.strip().splitlines()[0]) and rest.startswith(("\n", "\r"))
    return not rest.strip() or rest.startswith(("\n", "\r"))


def _is_list(line: str) -> bool:
    """Whether a line is a list of JSON by itself."""
    try:
        return isinstance(json.loads(line), list)
    except (json.JSONDecodeError, RecursionError):
        return False


def _depth(text: str) -> int:
    """How deep brackets are nested in a text, those in strings included."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def what_it_is(source: Source, name: str) -> Unreadable | None:
    """What a file is by its bytes or else by its name; None: it may be a database or a table."""
    return binary(source) or text_by_content(source) or text(name)
