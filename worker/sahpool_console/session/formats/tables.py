"""Loading the rows of a file into a new table, in one transaction and in constant memory.

The file is read once when the types seen in its first rows hold to its end. When they do not,
the transaction is rolled back, the types are widened over the rest of the file, and the file is
loaded anew. Each attempt is one transaction.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from sqlite3 import SQLITE_LIMIT_COLUMN
from typing import Any, NamedTuple

from ..errors import ImportRejected, NameExists
from ..host import Source
from ..job import Job
from ..notes import Note
from ..sql.connection import Connection
from ..sql.names import quoted

__all__ = ["Columns", "Loaded", "TableFile", "load"]

Columns = Sequence[Sequence[Any]]
"""The values of some rows: one sequence for each column."""


class TableFile:
    """A file that becomes a table; the reader of a format is a subclass of this class.

    Attributes:
        source: The file.
        name: The user's name for it.
        names: The names of the columns, each once for SQLite, which does not tell ``a`` from ``A``.
        types: The declared type of each column.
        notes: What the user may not expect of the table.
        done: How many bytes have been read in this attempt.
    """

    names: Sequence[str]
    types: Sequence[str]

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self.notes: list[Note] = []
        self.done = 0

    def batches(self) -> Iterator[Columns]:
        """All rows from the first on, in batches of some thousands, none of which is empty.

        Called anew for each attempt. Values are int, float, str, bytes or None.
        """
        raise NotImplementedError

    def fits(self, columns: Columns) -> bool:  # noqa: ARG002
        """Whether ``types`` keep every value as it is; if not, it changes them so that they do.

        After False the rows are loaded anew from the first on, so types may be changed a limited
        number of times only.
        """
        return True

    def bound(self, columns: Columns) -> tuple[Sequence[str], Sequence[Iterable[object]]]:
        """For each column the SQL for one value, "?" as a rule, and for each column its values."""
        return ["?"] * len(columns), columns

    def remarks(self) -> list[Note]:
        """``notes``, and remarks that are known only once all rows are loaded."""
        return self.notes


class Loaded(NamedTuple):
    """How many rows the table has, and remarks about what the user may not expect."""

    rows: int
    notes: list[Note]


class _DoesNotFit(Exception):  # noqa: N818  (no error: it starts the second attempt)
    """A batch has values that the types of the table would change."""


async def load(
    connection: Connection,
    file: TableFile,
    table: str,
    *,
    replace: bool,
    job: Job,
    begin: Callable[[], Awaitable[None]],
) -> Loaded:
    """Loads ``file`` into a new table of the main database.

    After any error the database is as it was.

    Args:
        connection: The connection to the database.
        file: The file to load.
        table: The name of the table.
        replace: Whether a table or view of that name may be dropped.
        job: The request, which posts the progress and may be cancelled.
        begin: Connection.begin, or a function that waits until that succeeds.

    Raises:
        NameExists: The name is taken and not to be replaced.
        ImportRejected: The file is not well-formed, or has more columns than a table can have.
        Cancelled: The request was cancelled.
        sqlite3.Error: SQLite or the storage refuses.
    """
    if not replace and connection.object_type(table) is not None:
        raise NameExists(table, "table")
    limit = connection.con.getlimit(SQLITE_LIMIT_COLUMN)
    if len(file.names) > limit:
        raise ImportRejected(
            f"{file.name} has {len(file.names)} columns; a table can have {limit}.",
            code="too-many-columns",
            name=file.name,
            columns=len(file.names),
            limit=limit,
        )
    size = file.source.size
    while True:
        batches = file.batches()
        await begin()
        try:
            with connection.transaction():
                dropped = _create(connection, table, file, replace)
                rows = 0
                for columns in batches:
                    if not file.fits(columns):
                        raise _DoesNotFit
                    _insert(connection, table, file, columns)
                    rows += len(columns[0])
                    job.progress("reading", file.done, size, rows)
                    await job.breathe()
            notes = [*file.remarks()]
            if dropped:
                names = ", ".join(dropped)
                notes.append(Note("replacing-dropped", {"table": table, "dropped": names}))
            return Loaded(rows, notes)
        except _DoesNotFit:
            # The rest of the file may have values that need still wider types.
            for columns in batches:
                file.fits(columns)
                job.progress("checking", file.done, size)
                await job.breathe()


def _create(connection: Connection, table: str, file: TableFile, replace: bool) -> list[str]:
    """Creates the table; returns the indexes and triggers dropped with the table it replaces."""
    dropped: list[str] = []
    connection.may_differ = True
    existing = connection.object_type(table)
    if existing is not None and replace:
        before = _dependents(connection)
        connection.con.execute(f"DROP {existing} main.{quoted(table)}")
        after = set(_dependents(connection))
        dropped = [dependent for dependent in before if dependent not in after]
    columns = ", ".join(
        f"{quoted(name)} {declared}" for name, declared in zip(file.names, file.types, strict=True)
    )
    connection.con.execute(f"CREATE TABLE main.{quoted(table)} ({columns})")
    return dropped


def _dependents(connection: Connection) -> list[str]:
    """The indexes and triggers that SQL has created, each as a remark shows it: "index by_name"."""
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


def _insert(connection: Connection, table: str, file: TableFile, columns: Columns) -> None:
    """Inserts a batch of rows."""
    places, values = file.bound(columns)
    connection.con.executemany(
        f"INSERT INTO main.{quoted(table)} VALUES ({', '.join(places)})",
        zip(*values, strict=True),
    )
