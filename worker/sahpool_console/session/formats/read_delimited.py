"""Reading delimited text, CSV above all, as a table.

Memory does not grow with the file, and no Python code runs per field: rows are read in batches,
each column of a batch is checked at once (see ``kinds``), and SQLite itself turns text into
integers.

A block of plain lines, without quotation marks, is split as a whole, in a fifth of the time that
the csv module takes. From the first block on that is not plain the csv module reads the file: it
knows where a quoted field ends, and what is wrong with a line.

An empty field is NULL, quoted or not; so is NA in a column of numbers. A blank line is a row with
NULL in a file of one column, and is ignored in others.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, dropwhile, islice
from typing import Any

from ..errors import DelimitedError
from ..host import Source
from . import unreadable
from .dialect import column_names, delimiter_of, has_header
from .interfaces import Imported, ImportFormat, Incoming
from .kinds import DECLARED, MISSING, NONE, REAL, TEXT, widened
from .tables import TableFile
from .text import TextReader, lines

__all__ = ["BATCH_ROWS", "FORMAT", "MAX_FIELD", "Delimited"]

BATCH_ROWS = 4_000

MAX_FIELD = 16 * 1024 * 1024
"""Characters in one field. A quotation mark that is never closed would otherwise take the rest
of the file into memory."""

_SAMPLE_LINES = 1_000

_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_ABSENT = frozenset(("", MISSING))

Records = list[list[str]]
Columns = Sequence[Sequence[str]]


class Delimited(TableFile):
    """A delimited file; its delimiter, header and types are found from its first lines."""

    def __init__(self, source: Source, name: str) -> None:
        super().__init__(source, name)
        self._marked: set[int] = set()
        # The limit of the csv module is global, and too low for texts and geometries.
        csv.field_size_limit(MAX_FIELD)
        lines = list(islice(TextReader(source, name).lines(), _SAMPLE_LINES))
        if not any(line.strip() for line in lines):
            raise DelimitedError(f"{name} is empty.", hint="Choose a file with at least one line.")
        self._delimiter = delimiter_of(lines)
        first = self._first_record()
        self._width = len(first)
        self._has_header = False
        columns: Columns = next(self.batches())
        below = [values[1:] for values in columns]
        self._has_header = has_header(first, below)
        if self._has_header:
            self.names, self.notes = column_names(first)
            columns = below
        else:
            self.names = [f"column{number}" for number in range(1, self._width + 1)]
            self.notes = ["The first line looks like data, so the columns are numbered."]
        self._widen([NONE] * self._width, columns)

    def batches(self) -> Iterator[Columns]:
        """The values below the header as columns, one batch of rows at a time."""
        self._marked = set()
        reader = TextReader(self.source, self.name)
        for columns in self._columns_of(reader.blocks()):
            self.done = reader.done
            yield columns

    def _columns_of(self, blocks: Iterator[str]) -> Iterator[Columns]:
        started = False
        for block in blocks:
            columns = self._split(block) if started or not block.startswith(("\n", "\r")) else None
            if columns is None:
                yield from self._parsed(chain((block,), blocks), started)
                return
            if not started and self._has_header:
                columns = [values[1:] for values in columns]
            started = True
            if columns[0]:
                yield columns

    def fits(self, columns: Columns) -> bool:
        """Whether ``types`` keep these values; if not, it widens them as far as they need it."""
        before = self.types
        self._widen(self._kinds, columns)
        return self.types == before

    def _widen(self, kinds: Sequence[int], columns: Columns) -> None:
        # SMALL and BIG have the same declared type, but a column of BIG must not become REAL later.
        self._kinds = list(map(widened, kinds, columns))
        self.types = [DECLARED[kind] for kind in self._kinds]

    def bound(self, columns: Columns) -> tuple[list[str], list[Iterable[object]]]:
        """For each column the SQL for one value, and for each column its values.

        SQLite turns text into integers, and does so exactly for integers of these kinds. Python
        turns text into floats, for SQLite's rounding in the last digit depends on how it was
        compiled.
        """
        marked: set[int] = set()
        values: list[str] = []
        converted: list[Iterable[object]] = []
        for i, (kind, column) in enumerate(zip(self._kinds, columns, strict=True)):
            value = "?"
            has_empty = "" in column
            if _is_number(kind) and MISSING in column:
                marked.add(i)
            if kind == REAL:
                if has_empty or i in marked:
                    converted.append([None if v in _ABSENT else float(v) for v in column])
                else:
                    converted.append(map(float, column))
            else:
                converted.append(column)
                # Only where a value needs it: a call of nullif() for every value of a file is slow.
                if has_empty:
                    value = f"nullif({value}, '')"
                if i in marked:
                    value = f"nullif({value}, '{MISSING}')"
            values.append(value)
        self._marked |= marked
        return values, converted

    def remarks(self) -> list[str]:
        """``notes``, and in which columns of numbers MISSING became NULL."""
        if not self._marked:
            return self.notes
        missing = ", ".join(self.names[i] for i in sorted(self._marked))
        return [*self.notes, f"{MISSING} became NULL among the numbers of {missing}."]

    def _split(self, block: str) -> Columns | None:
        """The columns of a block of plain lines; None if the csv module has to read it."""
        if '"' in block or len(block) > MAX_FIELD:
            return None
        if "\r" in block:
            block = block.replace("\r\n", "\n")
            if "\r" in block:
                return None
        if block and block[-1] != "\n":
            block += "\n"
        # Each line end becomes a field of its own. If each is the field that ends a row of
        # ``width`` fields, all rows have that many.
        delimiter, width = self._delimiter, self._width
        fields = block.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        rows = len(fields) // (width + 1)
        if len(fields) != rows * (width + 1) + 1 or fields[width :: width + 1].count("\n") != rows:
            return None
        fields.pop()
        return [fields[column :: width + 1] for column in range(width)]

    def _parsed(self, blocks: Iterable[str], started: bool) -> Iterator[Columns]:
        """The columns of blocks of any lines; ``started``: there were rows before them."""
        records = self._records(lines(blocks))
        while batch := self._take(records):
            if not started:
                batch = list(dropwhile(_is_blank, batch))
                started = bool(batch)
                if started and self._has_header:
                    del batch[0]
            if self._width == 1:
                batch = [record or [""] for record in batch]
            else:
                batch = list(filter(None, batch))
            if not batch:
                continue
            if set(map(len, batch)) != {self._width}:
                raise self._ragged()
            yield list(zip(*batch, strict=True))

    def _records(self, text: Iterable[str]) -> Any:
        return csv.reader(text, delimiter=self._delimiter, strict=True)

    def _take(self, records: Any) -> Records:
        try:
            return list(islice(records, BATCH_ROWS))
        except csv.Error:
            # Reading the file again, a record at a time, meets the error again with its line.
            deque(self._numbered(), maxlen=0)
            raise

    def _first_record(self) -> list[str]:
        return next(record for _, record in self._numbered() if record)

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Every record with the line it begins in.

        Slow, so only for the first record and for error messages.
        """
        records = self._records(TextReader(self.source, self.name).lines())
        while True:
            line = records.line_num + 1
            try:
                record = next(records, None)
            except csv.Error as error:
                raise self._malformed(line, str(error)) from None
            if record is None:
                return
            yield line, record

    def _malformed(self, line: int, reason: str) -> DelimitedError:
        hint = "A field in quotation marks ends with one; a quotation mark within it is doubled."
        if "unexpected end" in reason:
            message = "there is a quotation mark that is never closed"
        elif "field limit" in reason:
            message = f"a field is longer than {MAX_FIELD:,} characters, the most that is taken"
            hint = f"Perhaps a quotation mark is never closed. {hint}"
        elif "expected after" in reason:
            message = "there is text after the closing quotation mark of a field"
        else:
            message = reason
        return DelimitedError(
            f"{self.name}: in the row that begins in line {line}, {message}.",
            hint=hint,
            line=line,
        )

    def _ragged(self) -> DelimitedError:
        wanted = self._width
        line, found = next(
            (line, len(record))
            for line, record in self._numbered()
            if record and len(record) != wanted
        )
        return DelimitedError(
            f"{self.name}, line {line}: this row has {found} field{'s' * (found != 1)}, the "
            f"first one has {wanted}.",
            hint=f"Fields are separated by {_DELIMITER_NAMES[self._delimiter]} here; one that "
            "contains the separator needs quotation marks around it.",
            line=line,
            found=found,
            expected=wanted,
        )


def _is_blank(record: list[str]) -> bool:
    return not record


def _is_number(kind: int) -> bool:
    return kind not in (NONE, TEXT)


def _may_be_table(source: Source, name: str) -> bool:
    """Whether a file may be a table: it is not known to be something else."""
    return unreadable.what_it_is(source, name) is None


async def _read(incoming: Incoming) -> Imported:
    return await incoming.as_table(Delimited(incoming.source, incoming.name))


FORMAT = ImportFormat("csv", (".csv", ".tsv", ".tab", ".txt", ".psv"), _may_be_table, _read)
