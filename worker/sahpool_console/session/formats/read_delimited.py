"""Reading delimited text, CSV above all, as a table.

Memory does not grow with the file, and no Python code runs per field: rows are read in batches,
each column of a batch is checked at once (see ``kinds``), and SQLite itself turns text into
integers.

A block of plain lines, without quotation marks, is split as a whole, in a fifth of the time that
the csv module takes. From the first block on that is not plain the csv module reads the file: it
knows where a quoted field ends, and what is wrong with a line.

An empty field is NULL, quoted or not; so is a mark of a missing value in a column of numbers. A
blank line is a row with NULL in a file of one column, and is ignored in others. Where the last
fields of a row are missing they are NULL, and empty fields too many are left out.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, dropwhile, islice
from pathlib import PurePosixPath
from typing import Any

from ..errors import DelimitedError, EncodingError, ImportDoubtful, told
from ..hints import Hint
from ..host import Source
from ..notes import Note, Phrase
from . import unreadable
from .dialect import delimiter_phrase, filled_length, find_dialect
from .encodings import ENCODINGS, guessed_encodings, telling_bytes
from .interfaces import Imported, ImportFormat, Incoming
from .kinds import DECLARED, MARKS, NONE, REAL, TEXT, Column
from .layout import Layout, find_layout
from .numerals import PLAIN
from .options import NO_OPTIONS, TextOptions
from .tables import TableFile
from .text import TextReader, below, encoding_name, lines
from .typed import as_type

__all__ = ["BATCH_ROWS", "FORMAT", "MAX_FIELD", "Delimited"]

BATCH_ROWS = 4_000

MAX_FIELD = 16 * 1024 * 1024
"""Characters in one field. A quotation mark that is never closed would otherwise take the rest
of the file into memory."""

PREVIEW_ROWS, PREVIEW_VALUES, PREVIEW_LENGTH = 20, 4_000, 200
"""The most rows and values of a preview, and the most characters of one value."""

MAX_MISFITS = 5
"""Columns about which a note says why they stayed text."""

MAX_SEARCHED = 100_000
"""Records that are read again to find the line that a note names."""

_SAMPLE_LINES, _SAMPLE_CHARACTERS = 1_000, 4_000_000

Records = list[list[str]]
Columns = Sequence[Sequence[str]]


class Delimited(TableFile):
    """A delimited file; how it is written and its types are found from its first lines.

    ``is_lenient``: an error among its first rows is a doubt, for a preview.

    Attributes:
        doubts: Why what has been found may be wrong: notes, and an error in its first rows.
        layout: Where the table is, and how it is written.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        options: TextOptions = NO_OPTIONS,
        *,
        is_lenient: bool = False,
    ) -> None:
        super().__init__(source, name)
        self._options = options
        self._marks = (
            MARKS if options.nulls is None else tuple(mark for mark in options.nulls if mark)
        )
        self._absent = frozenset(("", *self._marks))
        self._short = self._long = 0
        self._marked: dict[str, set[int]] = {}
        self._no_numbers: dict[int, int] = {}
        self._literal = False
        # The limit of the csv module is global, and too low for texts and geometries.
        csv.field_size_limit(MAX_FIELD)
        reader = TextReader(source, name, options.encoding)
        self.encoding, self.codec = reader.encoding, reader.codec
        first, whole = _sample(lines(below(reader.blocks(), 0)))
        if not any(line.strip() for line in first):
            raise DelimitedError(
                f"{name} is empty.", code="no-lines", hint=Hint("choose-a-line"), name=name
            )
        suffix = PurePosixPath(name.lower()).suffix
        self.layout: Layout = find_layout(first, suffix, options, whole=whole)
        self._dialect = self.layout.dialect
        self._may_quote = options.quote is not None or any('"' in line for line in first)
        self.names: list[str] = list(self.layout.names)
        self.notes = list(self.layout.notes)
        self.doubts: list[Note | DelimitedError] = list(self.layout.doubts)
        self._spare = self.layout.spare
        self._fields = self.layout.fields
        self._width = len(self.names)
        self._columns = [self._column(i) for i in range(self._width)]
        try:
            columns: Columns = next(self.batches(), [[] for _ in self.names])
        except DelimitedError as error:
            if not is_lenient:
                raise
            self.doubts.insert(0, error)
            columns = self._before_error()
        self.sample = columns
        self._widen(columns)
        self._judge_points(columns)
        self.doubts += self._ambiguous()

    def _column(self, at: int) -> Column:
        column = Column(self._marks, self._options.decimal)
        if self._chosen_type(at) is not None:
            column.kind = TEXT  # as_type() converts the values of a column whose type is chosen
        return column

    def _chosen_type(self, at: int) -> str | None:
        types = self._options.types
        return (types[at] or None) if types is not None and at < len(types) else None

    def batches(self) -> Iterator[Columns]:
        """The values below the header as columns, one batch of rows at a time."""
        self._marked = {}
        self._no_numbers = {}
        self._short = self._long = 0
        self._dialect, self._literal = self.layout.dialect, False
        reader = TextReader(self.source, self.name, self._options.encoding)
        for columns in self._columns_of(below(reader.blocks(), self.layout.skip)):
            self.done = reader.done
            yield columns

    def _columns_of(self, blocks: Iterator[str]) -> Iterator[Columns]:
        started = False
        may_quote = self._may_quote
        for block in blocks:
            if not may_quote and '"' in block:
                self._decide_quotes(block)
                may_quote = True
            columns = self._split(block) if started or not block.startswith(("\n", "\r")) else None
            if columns is None:
                yield from self._parsed(chain((block,), blocks), started)
                return
            if not started and self.layout.header:
                columns = [values[1:] for values in columns]
            started = True
            if columns[0]:
                yield columns

    def _decide_quotes(self, block: str) -> None:
        """Finds what a quotation mark is in this file: the first lines have none."""
        some = list(islice(lines((block,)), _SAMPLE_LINES))
        found = find_dialect(some, delimiter=self._dialect.delimiter, whole=False).dialect
        self._literal = not found.quote
        self._dialect = self._dialect._replace(quote=found.quote, backslash=found.backslash)

    def fits(self, columns: Columns) -> bool:
        """Whether ``types`` keep these values; if not, it widens them as far as they need it."""
        before = list(self.types)
        self._widen(columns)
        return self.types == before

    def _widen(self, columns: Columns) -> None:
        for column, values in zip(self._columns, columns, strict=True):
            column.widen(values)
        self.types = [
            self._chosen_type(at) or DECLARED[column.kind]
            for at, column in enumerate(self._columns)
        ]

    def _judge_points(self, columns: Columns) -> None:
        """Makes numbers like 1.234 text where others have a decimal comma: it may be 1234."""
        if any(column.numerals.decimal == "," for column in self._columns):
            for column, values in zip(self._columns, columns, strict=True):
                column.doubt_points(values)
            self._widen([[] for _ in columns])

    def _ambiguous(self) -> list[Note]:
        return [
            Note("number-ambiguous", {"value": column.misfit.value, "column": name})
            for name, column in zip(self.names, self._columns, strict=True)
            if column.misfit is not None and column.misfit.is_ambiguous
        ]

    def bound(self, columns: Columns) -> tuple[list[str], list[Iterable[object]]]:
        """For each column the SQL for one value, and for each column its values.

        SQLite turns text into integers, and does so exactly for integers of these kinds. Python
        turns text into floats, for SQLite's rounding in the last digit depends on how it was
        compiled.
        """
        places: list[str] = []
        converted: list[Iterable[object]] = []
        for at, (column, values) in enumerate(zip(self._columns, columns, strict=True)):
            place, bound = self._bound(at, column, values)
            places.append(place)
            converted.append(bound)
        return places, converted

    def _bound(
        self, at: int, column: Column, values: Sequence[str]
    ) -> tuple[str, Iterable[object]]:
        chosen = self._chosen_type(at)
        if chosen is not None and chosen != "TEXT":
            found = [as_type(v, chosen, self._absent, self._options.decimal) for v in values]
            strange = sum(isinstance(value, str) for value in found)
            self._no_numbers[at] = self._no_numbers.get(at, 0) + strange
            return "?", found
        marks: frozenset[str] = frozenset()
        is_number = _is_number(column.kind)
        if (is_number and column.may_be_missing) or self._options.nulls is not None:
            marks = self._absent.intersection(values) - {""}
            for mark in marks:
                self._marked.setdefault(mark, set()).add(at)
        if is_number and column.numerals is not PLAIN:
            values = column.plain(["" if value in marks else value for value in values])
        has_empty = "" in values
        if column.kind == REAL:
            if has_empty or marks:
                return "?", [None if v in self._absent else float(v) for v in values]
            return "?", map(float, values)
        place = "?"
        # Only where a value needs it: a call of nullif() for every value of a file is slow.
        for mark in sorted(marks, reverse=True) + [""] * has_empty:
            quoted = mark.replace("'", "''")
            place = f"nullif({place}, '{quoted}')"
        return place, values

    def remarks(self) -> list[Note]:
        """``notes``, and what became of values and rows."""
        notes = list(self.notes)
        if self.encoding != "UTF-8":
            notes.append(Note("read-as", {"encoding": self.encoding}))
        if self._literal or not (self._dialect.quote or self._options.quote is not None):
            notes.append(Note("quotes-ordinary"))
        if self._dialect.backslash and self._options.backslash is None:
            notes.append(Note("backslash-escapes"))
        if self._short:
            notes.append(Note("fields-missing", {"count": self._short}))
        if self._long:
            notes.append(Note("fields-left-out", {"count": self._long}))
        if self._options.nulls is None:
            for mark, at in self._marked.items():
                columns = ", ".join(self.names[i] for i in sorted(at))
                notes.append(Note("mark-became-null", {"mark": mark, "columns": columns}))
        return notes + self._about_types()

    def _about_types(self) -> list[Note]:
        """How unusual numbers were read, and which columns just miss being numbers."""
        notes: list[Note] = []
        misfits: list[int] = []
        for at, (name, column) in enumerate(zip(self.names, self._columns, strict=True)):
            if column.example is not None and _is_number(column.kind):
                number = column.plain([column.example])[0]
                notes.append(
                    Note("number-read", {"value": column.example, "column": name, "number": number})
                )
            if column.misfit is not None and self._chosen_type(at) is None:
                misfits.append(at)
            if strange := self._no_numbers.get(at):
                notes.append(Note("no-numbers", {"count": strange, "column": name}))
        notes += [self._about_misfit(at) for at in misfits[:MAX_MISFITS]]
        if len(misfits) > MAX_MISFITS:
            notes.append(Note("stayed-text-more", {"count": len(misfits) - MAX_MISFITS}))
        return notes

    def _about_misfit(self, at: int) -> Note:
        misfit = self._columns[at].misfit
        assert misfit is not None  # the caller asks for columns that have one
        line = self._line_of(at, misfit.value)
        return Note(
            "stayed-text",
            {
                "column": self.names[at],
                "value": misfit.value,
                "where": "" if line is None else Phrase("in-line", {"line": line}),
                "reason": misfit.reason or _unseen(misfit.value),
            },
        )

    def _line_of(self, at: int, value: str) -> int | None:
        """The first line in which a column has this value; None: it is too far down to look."""
        for line, record in islice(self._numbered(), MAX_SEARCHED):
            if len(record) > at and record[at] == value:
                return line
        return None

    def _before_error(self) -> Columns:
        """The columns of the first rows, as far as they can be read."""
        rows: Records = []
        with suppress(DelimitedError):
            for _, record in islice(self._numbered(), PREVIEW_ROWS + 1):
                rows.append(record[: self._width] + [""] * (self._width - len(record)))
        del rows[: int(self.layout.header)]
        return list(zip(*rows, strict=True)) or [[] for _ in self.names]

    def preview(self) -> dict[str, Any]:
        """How the file is read, and its first rows, as the operation ``preview`` returns them."""
        dialect = self._dialect
        rows = min(PREVIEW_ROWS, max(1, PREVIEW_VALUES // self._width))
        return {
            "encoding": self.codec,
            "delimiter": dialect.delimiter,
            "quote": dialect.quote,
            "backslash": dialect.backslash,
            "skip": self.layout.skip,
            "header": self.layout.header,
            "decimal": "," if any(c.numerals.decimal == "," for c in self._columns) else ".",
            "nulls": list(self._marks),
            "names": self.names,
            "types": self.types,
            "rows": list(zip(*map(self._shown(rows), range(self._width)), strict=True)),
            "notes": told(self.remarks()),
            "doubts": told(self.doubts),
        }

    def _shown(self, rows: int) -> Callable[[int], list[str | None]]:
        """For a column the first values of it, cut to what can be shown; None for NULL."""

        def shown(at: int) -> list[str | None]:
            everywhere = self._options.nulls is not None or _is_number(self._columns[at].kind)
            absent = self._absent if everywhere else ("",)
            return [
                None if value in absent else value[:PREVIEW_LENGTH]
                for value in self.sample[at][:rows]
            ]

        return shown

    def _split(self, block: str) -> Columns | None:
        """The columns of a block of plain lines; None if the csv module has to read it."""
        dialect = self._dialect
        if dialect.backslash or (dialect.quote and dialect.quote in block):
            return None
        if len(block) > MAX_FIELD or dialect.delimiter == " ":
            return None
        if "\r" in block:
            block = block.replace("\r\n", "\n")
            if "\r" in block:
                return None
        if block and block[-1] != "\n":
            block += "\n"
        # Each line end becomes a field of its own. If each is the field that ends a row of
        # ``usual`` fields, all rows have that many.
        delimiter, usual = dialect.delimiter, self._fields
        fields = block.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        rows = len(fields) // (usual + 1)
        if len(fields) != rows * (usual + 1) + 1 or fields[usual :: usual + 1].count("\n") != rows:
            return None
        fields.pop()
        columns = [fields[column :: usual + 1] for column in range(usual)]
        if dialect.blanks:
            columns = [[value.lstrip(" ") for value in values] for values in columns]
        if usual > self._width:
            if any(map(any, columns[self._width :])):
                return None
            del columns[self._width :]
            if usual > self._width + self._spare:
                self._long += rows
        return columns

    def _parsed(self, blocks: Iterable[str], started: bool) -> Iterator[Columns]:
        """The columns of blocks of any lines; ``started``: there were rows before them."""
        records = self._dialect.records(lines(blocks))
        while batch := self._take(records):
            if not started:
                batch = list(dropwhile(_is_blank, batch))
                started = bool(batch)
                if started and self.layout.header:
                    del batch[0]
            if self._width == 1:
                batch = [record or [""] for record in batch]
            else:
                batch = list(filter(None, batch))
            if batch:
                yield list(zip(*self._even(batch), strict=True))

    def _even(self, batch: Records) -> Records:
        """Rows of as many fields as there are columns."""
        width = self._width
        lengths = set(map(len, batch))
        if lengths == {width}:
            return batch
        if max(lengths) > width:
            needed = max(map(filled_length, batch))
            if needed > width:
                self._grow(needed)
                width = self._width
            self._long += sum(len(record) > width + self._spare for record in batch)
        self._short += sum(len(record) < width for record in batch)
        return [record[:width] + [""] * (width - len(record)) for record in batch]

    def _grow(self, width: int) -> None:
        """Adds columns that have no name in the file, and no value in the rows above."""
        if width > self._width + self._spare:
            raise self._ragged()
        for number in range(self._width + 1, width + 1):
            taken = {name.lower() for name in self.names}
            name = f"column{number}"
            while name.lower() in taken:
                name += "_2"
            self.names.append(name)
            self.notes.append(Note("column-unnamed", {"column": number, "name": name}))
            self._columns.append(self._column(number - 1))
        self._spare -= width - self._width
        self._width = width

    def _take(self, records: Any) -> Records:
        try:
            return list(islice(records, BATCH_ROWS))
        except csv.Error:
            # Reading the file again, a record at a time, meets the error again with its line.
            deque(self._numbered(), maxlen=0)
            raise

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Every record with the line it begins in, the header included.

        Slow, so only for notes and for error messages.
        """
        reader = TextReader(self.source, self.name, self._options.encoding)
        records = self._dialect.records(lines(below(reader.blocks(), self.layout.skip)))
        while True:
            line = self.layout.skip + records.line_num + 1
            try:
                record = next(records, None)
            except csv.Error as error:
                raise self._malformed(line, str(error)) from None
            if record is None:
                return
            yield line, record

    def _malformed(self, line: int, reason: str) -> DelimitedError:
        hint = Hint("close-quotes")
        if "unexpected end" in reason:
            what, phrase = (
                "there is a quotation mark that is never closed",
                Phrase("quote-unclosed"),
            )
        elif "field limit" in reason:
            what = f"a field is longer than {MAX_FIELD:,} characters, the most that is taken"
            phrase = Phrase("field-too-long", {"most": MAX_FIELD})
            hint = Hint("quote-unclosed-perhaps")
        elif "expected after" in reason:
            what = "there is text after the closing quotation mark of a field"
            phrase = Phrase("text-after-quote")
        else:
            what, phrase = reason, Phrase("csv-says", {"reason": reason})
        return DelimitedError(
            f"{self.name}: in the row that begins in line {line}, {what}.",
            code="row-malformed",
            hint=hint,
            name=self.name,
            line=line,
            what=phrase,
        )

    def _ragged(self) -> DelimitedError:
        wanted = self._width + self._spare
        line, found = next(
            (line, filled_length(record))
            for line, record in self._numbered()
            if filled_length(record) > wanted
        )
        return DelimitedError(
            f"{self.name}, line {line}: this row has {found:,} fields, the first one has "
            f"{wanted:,}.",
            code="row-too-long",
            hint=Hint("quote-separator", {"delimiter": delimiter_phrase(self._dialect.delimiter)}),
            name=self.name,
            line=line,
            found=found,
            expected=wanted,
        )


def _sample(text: Iterator[str]) -> tuple[list[str], bool]:
    """The first lines of a text, and whether these are all."""
    first: list[str] = []
    size = 0
    for line in text:
        if len(first) == _SAMPLE_LINES or size > _SAMPLE_CHARACTERS:
            return first, False
        first.append(line)
        size += len(line)
    return first, True


def _is_blank(record: list[str]) -> bool:
    return not record


def _is_number(kind: int) -> bool:
    return kind not in (NONE, TEXT)


def _unseen(value: str) -> Phrase | str:
    """What is to be said of a value that looks like a number and has a character without a form."""
    found = next((each for each in value if not each.isprintable()), None)
    return "" if found is None else Phrase("with-unseen", {"point": f"{ord(found):04X}"})


def _may_be_table(source: Source, name: str) -> bool:
    """Whether a file may be a table: it is not known to be something else."""
    return unreadable.what_it_is(source, name) is None


async def _opened(incoming: Incoming, *, is_lenient: bool = False) -> tuple[Delimited, str | None]:
    """The file, and the encoding that was guessed for it; None: none had to be."""
    source, name, options = incoming.source, incoming.name, incoming.options
    try:
        return Delimited(source, name, options, is_lenient=is_lenient), None
    except EncodingError as error:
        return await _guessed(incoming, error, is_lenient=is_lenient)


async def _guessed(
    incoming: Incoming, error: EncodingError, *, is_lenient: bool
) -> tuple[Delimited, str]:
    """The file in the encoding that its bytes look like.

    Raises:
        EncodingError: ``error``, where an encoding was chosen or none can be found.
    """
    if incoming.options.encoding is not None:
        raise error
    try:
        library = await incoming.library("charset_normalizer")
    except OSError:
        raise error from None
    at = max(0, int(str(error.params["byte"])) - 10_000)
    for encoding in guessed_encodings(library, telling_bytes(incoming.source, at)):
        options = incoming.options._replace(encoding=encoding)
        try:
            file = Delimited(incoming.source, incoming.name, options, is_lenient=is_lenient)
        except EncodingError:
            continue
        file.doubts.append(Note("looks-like", {"encoding": file.encoding}))
        return file, encoding
    raise error


async def _read(incoming: Incoming) -> Imported:
    file, encoding = await _opened(incoming, is_lenient=incoming.only_if_sure)
    if incoming.only_if_sure and file.doubts:
        raise ImportDoubtful(incoming.name, file.doubts, encoding)
    try:
        return await incoming.as_table(file)
    except EncodingError as error:
        # The first lines were UTF-8, and a later one is not.
        if encoding is not None:
            raise
        file, encoding = await _guessed(incoming, error, is_lenient=incoming.only_if_sure)
        if incoming.only_if_sure:
            raise ImportDoubtful(incoming.name, file.doubts, encoding) from error
        return await incoming.as_table(file)


async def _preview(incoming: Incoming) -> dict[str, Any]:
    file, encoding = await _opened(incoming, is_lenient=True)
    return file.preview() | {
        "encodings": [{"name": name, "title": encoding_name(name)} for name in ENCODINGS],
        "guessed": encoding is not None,
    }


FORMAT = ImportFormat(
    "csv", (".csv", ".tsv", ".tab", ".txt", ".psv"), _may_be_table, _read, _preview
)
