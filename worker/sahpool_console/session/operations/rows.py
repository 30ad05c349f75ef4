"""Exporting the rows of a query as a file, in constant memory."""

from collections.abc import Iterator

from ..errors import Hint, SessionError
from ..formats.interfaces import Value
from ..formats.registry import export_format
from ..job import Job
from ..session import Fields, Session
from ..sql.results import Rows
from ..sql.statements import split
from .files import copy_out

__all__ = ["OPERATIONS"]


async def export_rows(session: Session, job: Job) -> Fields:
    """Hands out all rows of one statement that only reads, as one binary part: a file."""
    connection = session.meant_connection(job)
    known = export_format(job.request["format"])
    sql = job.request["sql"].encode()
    statements = [sql[one.start : one.end].decode() for one in split(sql)]
    if len(statements) != 1:
        raise SessionError(
            f"The rows of one statement are exported at a time, and here are {len(statements)}.",
            code="not-one-statement",
            hint=Hint("leave-one"),
            count=len(statements),
        )
    (statement,) = statements
    if not connection.only_reads(statement):
        raise SessionError(
            "Rows are exported of statements that only read.",
            code="not-only-reading",
            hint=Hint("run-then-export"),
        )
    await session.host.storage.prepare()
    execution = await session.patiently(job, lambda: connection.execute(statement))
    if execution is None or execution.rows is None:
        raise SessionError("This statement gives no rows.", code="no-rows")
    batches = _Batches(execution.rows, job)
    try:
        size = copy_out(session, job, known.write(execution.columns, iter(batches)))
    finally:
        execution.rows.close()
    return {
        "name": f"result{known.suffix}",
        "mime": known.mime,
        "size": size,
        "rows": batches.count,
    }


class _Batches:
    """The rows in batches, as formats take them; ``count`` is how many were read so far."""

    def __init__(self, rows: Rows, job: Job) -> None:
        self._rows = rows
        self._job = job
        self.count = 0

    def __iter__(self) -> Iterator[list[tuple[Value, ...]]]:
        for batch in self._rows.batches():
            self.count += len(batch)
            self._job.counted(self.count)
            yield [tuple(map(_plain, row)) for row in batch]


def _plain(value: int | float | bytes | bytearray | None) -> Value:
    if isinstance(value, bytearray):
        return value.decode("utf-8", "surrogateescape")
    return value


OPERATIONS = {"export_rows": export_rows}
