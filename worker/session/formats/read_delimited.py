"""Delimited text, CSV above all, as a table.

The file is read once when the types seen in its first rows hold to its end.  When they do not,
what was loaded is rolled back, the types are widened over the rest of the file, and it is loaded
anew.  Each attempt is one transaction.  Memory does not grow with the file, and no Python code
runs per field: rows are read in batches, each column of a batch is checked at once (see
``kinds``), and SQLite itself turns text into integers.

Blocks of plain lines are split as a whole, in a fifth of the time that the csv module takes.  From
the first block on that is not plain the csv module reads the file: it knows where a quoted field
ends, and what is wrong with a line.

An empty field is NULL, quoted or not; so is NA in a column of numbers.  A blank line is a row with
NULL in a file of one column, and nothing in others.
"""

import csv
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain, dropwhile, islice
from sqlite3 import SQLITE_LIMIT_COLUMN
from typing import Any, NamedTuple

from ..errors import DelimitedError, NameExists
from ..host import Source
from ..job import Job
from ..sql.connection import Connection, quoted
from .dialect import column_names, delimiter_of, has_header
from .kinds import DECLARED, MISSING, NONE, REAL, TEXT, widened
from .text import TextReader, lines

__all__ = ["BATCH_ROWS", "MAX_FIELD", "Loaded", "load"]

BATCH_ROWS = 4_000

MAX_FIELD = 16 * 1024 * 1024
"""Characters in one field.  A quotation mark that is never closed would otherwise take the rest
of the file into memory."""

_SAMPLE_LINES = 1_000

_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_ABSENT = frozenset(("", MISSING))

Records = list[list[str]]
Columns = list[Sequence[str]]


class Loaded(NamedTuple):
    """``rows`` in the table, and remarks about what the user may not expect."""

    rows: int
    notes: list[str]


async def load(
    connection: Connection,
    source: Source,
    name: str,
    table: str,
    *,
    replace: bool,
    job: Job,
    begin: Callable[[], Awaitable[None]],
) -> Loaded:
    """Loads ``source``, a file called ``name``, into a new table of the main database.

    ``begin`` is Connection.begin, or something that waits until it succeeds.

    Raises NameExists when the name is taken and not to be replaced, ImportRejected when the file
    is not as it should be, Cancelled, and errors of sqlite3.  After any of them the database is
    as it was.
    """
    if not replace and connection.object_type(table) is not None:
        raise NameExists(table, "table")
    file = _Delimited(source, name)
    limit = connection.con.getlimit(SQLITE_LIMIT_COLUMN)
    if len(file.names) > limit:
        raise DelimitedError(f"{name} has {len(file.names)} columns; a table can have {limit}.")
    kinds = file.kinds
    while True:
        reader = TextReader(source, name)
        batches = file.batches(reader)
        await begin()
        try:
            with connection.transaction():
                dropped = _create(connection, table, file.names, kinds, replace)
                rows = 0
                marked: set[int] = set()
                for columns in batches:
                    _require(kinds, columns)
                    marked |= _insert(connection, table, kinds, columns)
                    rows += len(columns[0])
                    job.progress("reading", reader.done, source.size, rows)
                    await job.breathe()
            if marked:
                missing = ", ".join(file.names[i] for i in sorted(marked))
                file.notes.append(f"{MISSING} became NULL among the numbers of {missing}.")
            if dropped:
                file.notes.append(
                    f"Replacing {table} also dropped what belonged to it: {', '.join(dropped)}."
                )
            return Loaded(rows, file.notes)
        except _DoesNotFit as misfit:
            kinds = misfit.kinds
        for columns in batches:
            kinds = _widened(kinds, columns)
            job.progress("checking", reader.done, source.size)
            await job.breathe()


class _DoesNotFit(Exception):  # noqa: N818  (no error: it starts the second attempt)
    """A batch has values that the types of the table would change; ``kinds`` would not."""

    def __init__(self, kinds: list[int]) -> None:
        super().__init__()
        self.kinds = kinds


class _Delimited:
    """A delimited file, and what its beginning says about it."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        # The limit of the csv module is global, and too low for texts and geometries.
        csv.field_size_limit(MAX_FIELD)
        lines = list(islice(TextReader(source, name).lines(), _SAMPLE_LINES))
        if not any(line.strip() for line in lines):
            raise DelimitedError(f"{name} is empty.", hint="Choose a file with at least one line.")
        self._delimiter = delimiter_of(lines)
        first = self._first_record()
        self._width = len(first)
        self._has_header = False
        columns = next(self.batches(TextReader(source, name)))
        below = [values[1:] for values in columns]
        self._has_header = has_header(first, below)
        if self._has_header:
            self.names, self.notes = column_names(first)
            columns = below
        else:
            self.names = [f"column{number}" for number in range(1, self._width + 1)]
            self.notes = ["The first line looks like data, so the columns are numbered."]
        self.kinds = _widened([NONE] * self._width, columns)

    def batches(self, reader: TextReader) -> Iterator[Columns]:
        """The values below the header as columns, a batch of rows at a time."""
        blocks = reader.blocks()
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

    def _split(self, block: str) -> Columns | None:
        """The columns of a block of plain lines; None if it has anything else in it."""
        if '"' in block or len(block) > MAX_FIELD:
            return None
        if "\r" in block:
            block = block.replace("\r\n", "\n")
            if "\r" in block:
                return None
        if block and block[-1] != "\n":
            block += "\n"
        # Each line end becomes a field of its own, which must be where the width says.
        delimiter, width = self._delimiter, self._width
        fields = block.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        rows = len(fields) // (width + 1)
        if len(fields) != rows * (width + 1) + 1 or fields[width :: width + 1].count("\n") != rows:
            return None
        fields.pop()
        return [fields[column :: width + 1] for column in range(width)]

    def _parsed(self, blocks: Iterable[str], started: bool) -> Iterator[Columns]:
        """The columns of blocks of any lines; ``started`` if there were rows before them."""
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
            # Reading once more, a record at a time, meets it again and tells its line.
            deque(self._numbered(), maxlen=0)
            raise

    def _first_record(self) -> list[str]:
        return next(record for _, record in self._numbered() if record)

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Every record with the line it begins in.  Slow: for the first one and for messages."""
        records = self._records(TextReader(self._source, self._name).lines())
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
            f"{self._name}: in the row that begins in line {line}, {message}.",
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
            f"{self._name}, line {line}: this row has {found} field{'s' * (found != 1)}, the "
            f"first one has {wanted}.",
            hint=f"Fields are separated by {_DELIMITER_NAMES[self._delimiter]} here; one that "
            "contains the separator needs quotation marks around it.",
            line=line,
            found=found,
            expected=wanted,
        )


def _is_blank(record: list[str]) -> bool:
    return not record


def _widened(kinds: Sequence[int], columns: Columns) -> list[int]:
    return list(map(widened, kinds, columns))


def _require(kinds: list[int], columns: Columns) -> None:
    """Raises _DoesNotFit unless the declared types keep every value of the batch."""
    wider = _widened(kinds, columns)
    if [DECLARED[kind] for kind in wider] != [DECLARED[kind] for kind in kinds]:
        raise _DoesNotFit(wider)
    # BIG instead of SMALL is declared alike, but it must not become REAL later.
    kinds[:] = wider


def _create(
    connection: Connection, table: str, names: list[str], kinds: list[int], replace: bool
) -> list[str]:
    """Creates the table.  Returns the indexes and triggers that went with one it replaces."""
    dropped: list[str] = []
    connection.may_differ = True
    existing = connection.object_type(table)
    if existing is not None and replace:
        before = _dependents(connection)
        connection.con.execute(f"DROP {existing} main.{quoted(table)}")
        after = set(_dependents(connection))
        dropped = [dependent for dependent in before if dependent not in after]
    columns = ", ".join(
        f"{quoted(name)} {DECLARED[kind]}" for name, kind in zip(names, kinds, strict=True)
    )
    connection.con.execute(f"CREATE TABLE main.{quoted(table)} ({columns})")
    return dropped


def _dependents(connection: Connection) -> list[str]:
    """The indexes and triggers that somebody created, in the words of a remark."""
    found: list[str] = []
    # A temporary trigger may belong to a table of the main database.
    for (schema,) in connection.query(
        "SELECT name FROM pragma_database_list WHERE name IN ('main', 'temp') ORDER BY seq"
    ):
        found += (
            f"{kind} {name}"
            for kind, name in connection.query(
                f"SELECT type, name FROM {quoted(schema)}.sqlite_schema"
                " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name"
            )
        )
    return found


def _insert(connection: Connection, table: str, kinds: list[int], columns: Columns) -> set[int]:
    """Adds a batch.  Returns the columns of numbers in which MISSING became NULL.

    Integers are left to SQLite, which is exact for those that fit the kinds.  Decimal numbers are
    not: its rounding in the last digit depends on how it was compiled.
    """
    marked: set[int] = set()
    values: list[str] = []
    converted: list[Iterable[object]] = []
    for i, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
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
            # Only where needed: a function call for every value of a file takes its time.
            if has_empty:
                value = f"nullif({value}, '')"
            if i in marked:
                value = f"nullif({value}, '{MISSING}')"
        values.append(value)
    connection.con.executemany(
        f"INSERT INTO main.{quoted(table)} VALUES ({', '.join(values)})",
        zip(*converted, strict=True),
    )
    return marked


def _is_number(kind: int) -> bool:
    return kind not in (NONE, TEXT)
