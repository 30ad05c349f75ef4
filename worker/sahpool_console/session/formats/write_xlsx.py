"""Writing rows as a workbook of Excel (Office Open XML, ECMA-376 part 1, SpreadsheetML), streamed.

A cell holds a number of 53 bits or at most 32,767 characters, and a sheet 1,048,576 rows: a larger
INTEGER and a BLOB become text, and further rows go on further sheets. Each sheet begins with the
names of the columns.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from math import isinf
from typing import Any

from ..errors import SessionError
from .interfaces import ExportFormat, Value, Writing, as_text, in_utf_8

__all__ = ["FORMAT", "SHEET_ROWS"]

SHEET_ROWS = 1_048_576
"""Rows of a sheet, of which the first has the names of the columns."""

_SHEET_BYTES = 1_500_000_000
"""Bytes from which on a sheet gets no more rows: with 2 GiB it would need ZIP64, which Excel calls
damaged (xlsxwriter.readthedocs.io, use_zip64)."""

_MOST_COLUMNS = 16_384
_LONGEST = 32_767  # characters (UTF-16 units) of a cell
_EXACT = 2**53
_LEVEL = 1  # of zlib: the cells' text is so regular that more gains little and takes thrice as long

# What XML cannot hold, and what would be read as the escape for it (ECMA-376 part 1, 22.9.2.19).
_ESCAPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_NEEDS_CARE = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_x")

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."

_SHEET = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    "</sheetView></sheetViews><sheetData>"
)
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/>'
    '</font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill>'
    '<patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf xfId="0"/><xf fontId="1" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    if len(columns) > _MOST_COLUMNS:
        raise SessionError(
            f"A sheet of Excel has at most {_MOST_COLUMNS} columns, and here are {len(columns)}.",
            code="too-many-columns-for-sheet",
            most=_MOST_COLUMNS,
            count=len(columns),
        )
    file = _Written()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        sheets = 0
        rows: Iterator[Sequence[tuple[Value, ...]]] = batches
        head = _row([_text(name, writing, ' s="1"') for name in columns])
        rest: Sequence[tuple[Value, ...]] = ()
        while not sheets or rest:
            sheets += 1
            with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                size = sheet.write(in_utf_8(_SHEET + head))
                left = SHEET_ROWS - 1
                for batch in _after(rest, rows):
                    rest = batch[left:]
                    text = in_utf_8(_rows(batch[:left], writing))
                    size += sheet.write(text)
                    left -= len(batch) - len(rest)
                    yield file.taken()
                    if rest or size > _SHEET_BYTES:
                        break
                else:
                    rest = ()
                sheet.write(b"</sheetData></worksheet>")
            if not rest:
                rest = next(rows, ())
            if rest:
                writing.note("export-further-sheets")
        for name, content in _package(sheets, writing.table).items():
            archive.writestr(name, content)
    yield file.taken()


def _after(
    first: Sequence[tuple[Value, ...]], rest: Iterator[Sequence[tuple[Value, ...]]]
) -> Iterator[Sequence[tuple[Value, ...]]]:
    if first:
        yield first
    for batch in rest:  # noqa: UP028  ("yield from" would close it where a sheet is full)
        yield batch


def _rows(rows: Sequence[tuple[Value, ...]], writing: Writing) -> str:
    by_column = [_column(values, writing) for values in zip(*rows, strict=True)]
    return "".join(map(_row, zip(*by_column, strict=True)))


def _row(cells: Sequence[str]) -> str:
    return f"<row>{''.join(cells)}</row>"


def _column(values: Sequence[Any], writing: Writing) -> list[str]:
    """The cells of a column; most columns have values of one type, and are done at once."""
    types = set(map(type, values))
    if types == {int} and min(values) >= -_EXACT and max(values) <= _EXACT:
        return [f"<c><v>{value}</v></c>" for value in values]
    if types == {str} and not _NEEDS_CARE.search("\n".join(values)):
        longest = max(map(len, values))
        if longest * 2 <= _LONGEST:
            return [_inline(value) for value in values]
    return [_cell(value, writing) for value in values]


def _cell(value: Value, writing: Writing) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, int):
        if -_EXACT <= value <= _EXACT:
            return f"<c><v>{value}</v></c>"
        writing.note("export-integer-as-text")
        return _text(str(value), writing)
    if isinstance(value, float):
        if isinf(value):
            writing.note("export-infinity-as-text")
            return _text("Infinity" if value > 0 else "-Infinity", writing)
        return f"<c><v>{value!r}</v></c>"
    if isinstance(value, bytes):
        writing.note("export-blob-as-text")
    return _text(as_text(value), writing)


def _text(text: str, writing: Writing, style: str = "") -> str:
    units = (
        len(text) if len(text) * 2 <= _LONGEST else len(text.encode("utf-16-le", "replace")) // 2
    )
    if units > _LONGEST:
        writing.note("export-text-cut")
        text = text.encode("utf-16-le", "surrogatepass")[: 2 * _LONGEST].decode(
            "utf-16-le", "ignore"
        )
    if _NEEDS_CARE.search(text):
        text = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text).translate(_XML)
    return _inline(text, style)


def _inline(text: str, style: str = "") -> str:
    if text[:1] <= " " or text[-1:] <= " ":
        return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c{style} t="inlineStr"><is><t>{text}</t></is></c>'


def _package(sheets: int, table: str) -> dict[str, str]:
    """The files that say what the archive is: last, when the number of sheets is known."""
    name = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", table).strip("'")[:25] or "result"
    name = name.translate(_XML).replace('"', "&quot;")
    titles = [name if index == 1 else f"{name} {index}" for index in range(1, sheets + 1)]
    sheet_list = "".join(
        f'<sheet name="{title}" sheetId="{index}" r:id="rId{index}"/>'
        for index, title in enumerate(titles, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{index}" Type="{_OFFICE}/worksheet" '
        f'Target="worksheets/sheet{index}.xml"/>'
        for index in range(1, sheets + 1)
    )
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{index}.xml" ContentType="{_TYPE}worksheet+xml"/>'
        for index in range(1, sheets + 1)
    )
    return {
        "xl/styles.xml": _STYLES,
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<sheets>{sheet_list}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{relations}<Relationship Id="styles" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}styles+xml"/>'
        f"{overrides}</Types>",
    }


class _Written(io.RawIOBase):
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """The bytes that were written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


FORMAT = ExportFormat(
    "xlsx",
    ".xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    _write,
    is_compressed=True,
)
