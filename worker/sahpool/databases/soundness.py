"""Checks that a file is a sound SQLite database that can be opened without harm.

A file of unknown origin may have been made to do harm: with pages that refer to one another in a
cycle, a schema that takes hours to compile, expressions that compute for days. Nothing in a worker
can stop SQLite there, and a stack overflow in SQLite crashes the worker. So the time of every step
here is bounded by the size of the file, and no expression of the file is computed for longer than a
moment.

Source: sqlite.org/security.html, section 1.2; sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import re
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

from ..errors import ImportRejectedError, NewerSchemaWarning, StorageError, is_storage_failure
from ..fileformat.database import FILE_HEADER_SIZE, page_size_of
from ..sqlite import causes, newer
from ..sqlite.abi import SQLITE_ERROR
from ..sqlite.newer import quoted
from .expansion import excess

__all__ = ["check_content"]

#: Result codes (sqlite.org/rescode.html).
SQLITE_TOOBIG, SQLITE_MISMATCH, SQLITE_MISUSE = 18, 20, 21

#: Reads from the file up to a number of bytes (first argument) at an offset (second).
Read = Callable[[int, int], bytes]

#: First bytes of the pages that have children: interior pages of indexes and of tables.
_INTERIOR = (b"\2", b"\5")
_ANY_INTERIOR = re.compile(b"[\2\5]")

#: SQLite's own limit on the depth of a tree (BTCURSOR_MAX_DEPTH in btreeInt.h). Its integrity check
#: recurses once a level and ignores that limit: some thousands of levels crash the worker.
_MAX_TREE_DEPTH = 20

#: A recursion of this depth does no harm, and a tree with fewer interior pages is not deeper.
_FEW_INTERIOR = 500

#: Bytes of one read.
_PIECE = 1 << 20

#: The longest statement of a schema that SQLite parses before the schema is checked, in bytes:
#: SQLite's own statement for the table sqlite_schema has 67, and must be parsed.
_SHORTEST = 80
_ENTRIES = "SELECT type, name, tbl_name, sql FROM sqlite_schema"

#: Seconds for reading these entries, and instructions between two looks at the clock. A hundred
#: thousand tables take one second.
_SECONDS, _LOOKS = 20.0, 10_000

#: Virtual machine instructions allowed for each byte of the file. Of the databases measured, rows
#: of 300 NOT NULL columns of a byte each took most: 1.9.
_STEPS_PER_BYTE = 16

#: The instructions of quick_check for a schema that has it compute nothing.
_PLAIN_STEPS = frozenset(
    {"Init", "Transaction", "Goto", "Halt", "Noop", "Explain", "Expire", "VerifyCookie"}
    | {"IntegrityCk", "ResultRow", "OpenRead", "ReopenIdx", "Rewind", "Next", "Column", "Rowid"}
    | {"Integer", "Int64", "Real", "Blob", "String8", "Null", "Copy", "SCopy", "AddImm", "Concat"}
    | {"IsNull", "NotNull", "IfPos", "IfNotZero", "IsType", "TypeCheck", "Affinity"}
    | {"RealAffinity"}
)

#: The longest value of a computed column during the check, in bytes: enough for the messages of the
#: check itself. The limit is higher when the schema has a longer value, as long as all computations
#: together copy no more than the second number of bytes.
_LONGEST_COMPUTED, _COPIED = 2000, 4_000_000_000
_BYTES = 4  # the most bytes of a character

#: A quoted name, a string literal, or a long name.
_MARKED = re.compile(
    r"""'(?:[^']|'')*+(?:'|\Z)|"(?:[^"]|"")*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)|\w{400,}+"""
)

#: The most collations, and the most functions, of its own application that a file may use; and the
#: most that are found only by SQLite's errors, after each of which SQLite starts again.
_MOST_IN_ADVANCE, _MOST_STAND_INS = 5_000, 100

_CALLED = re.compile(r"\b([^\W\d][\w$]*+)\s*+\(")
_COLLATIONS = frozenset({"BINARY", "NOCASE", "RTRIM"})  #: SQLite's own
_COLLATED = re.compile(r"\bCOLLATE\s++[\"`\[]?([\w$]++)", re.IGNORECASE)

#: Start of a message of quick_check about the trees, in distinction to the rows.
_OF_TREES = "***"

#: Result codes of an expression that fails because of a value or its length.
_OF_EXPRESSIONS = (SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_MISMATCH)

_NO_COLLATION = re.compile(r"no such collation sequence: (.+)", re.DOTALL)
_NO_FUNCTION = re.compile(r"unknown function: (.+)\(\)", re.DOTALL)

#: The most characters of SQLite's message about an unsound file in the error message.
_QUOTED = 200


def check_content(
    uri: str, read: Read | None = None, head: bytes | None = None
) -> NewerSchemaWarning | None:
    """Checks that a file with a sound header is a sound database; writes nothing to it.

    It checks the depth of the trees, the expansion of the schema (expansion.py), and runs ``PRAGMA
    quick_check``. The time is proportional to the size; a sound file never fails for its size.

    Args:
        uri: The file for ``sqlite3.connect(…, uri=True)``, read-only.
        read: Reads the same file. None when it has a WAL; then the depth is not checked.
        head: The first bytes of the file, when ``read`` is None.

    Returns:
        The warning for a schema that a newer SQLite wrote; None when all of it was read.

    Raises:
        ImportRejectedError: It is not a sound database; the message says why.
        sqlite3.OperationalError, StorageError: The storage failed; ``__cause__`` says how.
    """
    trees = None if read is None else _Trees(read)
    if trees:
        trees.check_schema()
    first = read(FILE_HEADER_SIZE, 0) if read is not None else head or b""
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            # CHECK constraints are the application's matter: none is compiled or computed here.
            connection.execute("PRAGMA ignore_check_constraints=ON")
            _check_schema(connection)
            unread = _load_schema(connection, first)
            if trees:
                entries = connection.execute("SELECT rootpage FROM sqlite_schema")
                trees.check({root for (root,) in entries if isinstance(root, int)})
            causes.forget()
            found = _check_pages(connection, unread)
            failure = causes.take_any()
    except (sqlite3.Error, UnicodeDecodeError, MemoryError) as error:
        if error.__cause__ is not None and is_storage_failure(error):
            raise  # a failure of the browser, which the content of a file cannot cause
        raise _damaged(str(error) or "it asks for more memory than there is") from error
    if failure is not None:  # quick_check reports a page that it cannot read as damaged
        raise StorageError(f"The storage failed during the check: {failure}") from failure
    if found != "ok":
        raise ImportRejectedError(
            f"The database is damaged: {found[:_QUOTED]}",
            hint="Get the file again from where it came, or repair it with sqlite3's .recover.",
        )
    return unread


def _damaged(why: str) -> ImportRejectedError:
    return ImportRejectedError(
        f"The database is damaged: {why[:_QUOTED]}", hint="Get the file again from where it came."
    )


# --- the depth of the trees ---------------------------------------------------------------------


class _Trees:
    """The interior pages of a file's trees, read without SQLite.

    SQLite's integrity check recurses once a level without a limit, and reading a schema whose pages
    have several parents takes exponential time.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._page_size = page_size_of(read(FILE_HEADER_SIZE, 0))

    def check_schema(self) -> None:
        """As :meth:`check`, for the tree of the schema, before SQLite reads it."""
        self._check({1}, lambda page: self._read(1, self._start(page)) in _INTERIOR)

    def check(self, roots: set[int]) -> None:
        """Checks that the pages below these roots form trees, no deeper than SQLite makes them.

        Raises:
            ImportRejectedError: They do not.
        """
        if not self._read(1, _FEW_INTERIOR * self._page_size):
            return  # the file has no more pages than that in all
        interior = self._interior()
        if len(interior) > _FEW_INTERIOR:
            self._check(roots, interior.__contains__)

    def _check(self, roots: set[int], has_children: Callable[[int], bool]) -> None:
        level = [root for root in roots if has_children(root)]
        seen = set(level)
        for _ in range(_MAX_TREE_DEPTH):
            level = [
                child
                for page in level
                for child in self._children(page)
                if child and has_children(child)
            ]
            if not level:
                return
            known = len(seen)
            seen.update(level)
            if len(seen) != known + len(level):
                raise _damaged("one of its pages belongs to two others")
        raise _damaged("its pages lead from one to the next without an end")

    def _interior(self) -> set[int]:
        """The pages whose first byte is that of an interior page, whatever they are."""
        found: set[int] = set()
        piece = max(_PIECE, self._page_size)
        at = 0
        while kinds := self._read(piece, at)[:: self._page_size]:
            first = at // self._page_size + 1
            at += piece
            found.update(first + match.start() for match in _ANY_INTERIOR.finditer(kinds))
        return found

    def _start(self, page: int) -> int:
        return FILE_HEADER_SIZE if page == 1 else (page - 1) * self._page_size

    def _children(self, page: int) -> list[int]:
        """The child pages of an interior page (sqlite.org/fileformat2.html, section 1.6)."""
        begin, start = (page - 1) * self._page_size, self._start(page)
        content = self._read(self._page_size, begin).ljust(self._page_size + 4, b"\0")
        cells, right = struct.unpack_from(">xxxHxxxI", content, start - begin)
        first = start - begin + 12
        cells = min(cells, (self._page_size - first) // 2)
        pointers = struct.unpack_from(f">{cells}H", content, first)
        number = struct.Struct(">I").unpack_from
        return [right, *(number(content, min(each, self._page_size))[0] for each in pointers)]


# --- the schema ---------------------------------------------------------------------------------


def _check_schema(connection: sqlite3.Connection) -> None:
    """Checks that reading the schema and compiling its definitions ends in reasonable time.

    SQLite parses a whole schema before it answers any statement, and a long definition may take
    minutes. So SQLite is first made to skip every definition longer than that of sqlite_schema.

    Raises:
        ImportRejectedError: It would take too long or fail.
    """
    connection.execute("PRAGMA writable_schema=ON")  # skips definitions that cannot be parsed
    most = connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _SHORTEST)
    connection.text_factory = _readable  # a comment in some old encoding does no harm
    # Short statements may be many, and each index is compared with all others of its table.
    late = time.monotonic() + _SECONDS
    bound = _Bound(lambda: time.monotonic() > late)
    connection.set_progress_handler(bound, _LOOKS)
    try:
        entries = connection.execute(_ENTRIES)
        told = excess(entry for entry in entries if all(isinstance(each, str) for each in entry))
    except sqlite3.OperationalError as error:
        if not bound.has_ended(error):
            raise
        told = "SQLite takes very long to read its schema"
    finally:
        connection.set_progress_handler(None, 0)
        connection.text_factory = str
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, most)
    if told:
        raise ImportRejectedError(
            f"The database cannot be opened safely: {told}.",
            hint="Was it made to do harm? If not, drop what it speaks of.",
        )
    connection.execute("PRAGMA writable_schema=RESET")  # also forgets the parsed schema


def _load_schema(connection: sqlite3.Connection, head: bytes) -> NewerSchemaWarning | None:
    """Has SQLite read the schema, as a trusted one if it uses functions SQLite 3.39 calls unsafe.

    These are SQLite's own JSON functions, in an index or a generated column. No function with side
    effects exists here, and no virtual table is opened, so the trust cannot be abused.

    Returns:
        The warning about definitions of a newer SQLite; None when all were read.
    """
    for setting in ("trusted_schema=OFF", "trusted_schema=ON"):
        connection.execute(f"PRAGMA {setting}")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return None
        except sqlite3.DatabaseError as error:
            if "unsafe use of" not in str(error):
                if is_storage_failure(error):
                    raise
                failed = error
    return newer.tolerate(connection, head, failed)


def _readable(text: bytes) -> str:
    return text.decode("utf-8", "replace")


# --- quick_check --------------------------------------------------------------------------------


def _check_pages(connection: sqlite3.Connection, unread: NewerSchemaWarning | None) -> str:
    """``"ok"``, or the first error in the trees and rows."""
    if unread is None or not unread.has_pages:
        return _quick_check(connection)
    # SQLite would report the pages of a table or index that it could not read as unused, so each
    # known table is checked by itself.
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    for (name,) in connection.execute(tables).fetchall():
        if isinstance(name, str) and name not in unread.objects:
            found = _quick_check(connection, quoted(name))
            if found != "ok":
                return found
    return "ok"


def _quick_check(connection: sqlite3.Connection, of: str = "1") -> str:
    """``"ok"``, or the first error that ``PRAGMA quick_check`` reports.

    The PRAGMA goes through the trees first and then looks for NULLs in the rows, for which it
    computes generated columns. The first part is always completed, in time proportional to the
    size. The second part is ended after more steps than sound rows can take, or at once if
    something is computed. So expressions of the file never run for long, and a sound file never
    fails.

    Args:
        connection: A connection to the database.
        of: The argument of the PRAGMA: a table, or the number of errors after which it stops.
    """
    check = f"PRAGMA quick_check({of})"
    program = _program(connection, check)
    steps = program.steps
    if not program.computes:
        pages, page_size = (
            connection.execute(f"PRAGMA {each}").fetchone()[0]
            for each in ("page_count", "page_size")
        )
        steps += _STEPS_PER_BYTE * pages * page_size
    # Each instruction before the end of the trees runs once at most, so the trees are complete when
    # the handler ends the statement.
    interval = min(steps, 1_000_000)  # a C int
    left = iter(range(-(-steps // interval) - 1))
    most = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
    bound = _Bound(lambda: next(left, None) is None)
    connection.set_progress_handler(bound, interval)
    prepares = program.prepares
    if program.computes:
        longest = max(_LONGEST_COMPUTED, min(program.longest, _COPIED // program.computes))
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        prepares = prepares or program.literals > longest
    try:
        found = str(connection.execute(check).fetchone()[0])
        # Ignore row errors when generated columns were computed by our stand-in functions.
        return "ok" if program.computes and not found.startswith(_OF_TREES) else found
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", SQLITE_MISUSE) & 0xFF
        is_of_rows = program.computes and not prepares and code in _OF_EXPRESSIONS
        if bound.has_ended(error) or is_of_rows:
            return "ok"
        raise
    finally:
        connection.set_progress_handler(None, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most)


class _Bound:
    """A progress handler that ends a statement at a bound.

    When a handler raises, for example a KeyboardInterrupt, sqlite3 drops the exception and ends the
    statement too; that must not be taken for the bound.
    """

    def __init__(self, is_reached: Callable[[], bool]) -> None:
        self._is_reached = is_reached
        self._has_ended = False
        self._raised: BaseException | None = None

    def __call__(self) -> bool:
        try:
            self._has_ended = self._is_reached()
        except BaseException as error:  # noqa: BLE001 - see has_ended()
            self._raised = error
            return True
        return self._has_ended

    def has_ended(self, error: sqlite3.Error) -> bool:
        """Whether the bound has ended the statement that failed with ``error``.

        Raises:
            BaseException: The exception that the handler raised, if it did.
        """
        if self._raised is not None:
            raise self._raised from None
        code = getattr(error, "sqlite_errorcode", SQLITE_MISUSE) & 0xFF
        return self._has_ended and code == sqlite3.SQLITE_INTERRUPT


class _Program(NamedTuple):
    """Properties of quick_check's program.

    Attributes:
        steps: Number of instructions.
        computes: Number of instructions that compute something.
        prepares: Whether some of these run before the trees are checked.
        literals: Bytes of the constants that are loaded before the trees are checked.
        longest: An upper bound for the bytes of the longest value made of texts of the schema.
    """

    steps: int
    computes: int
    prepares: bool
    literals: int
    longest: int


def _program(connection: sqlite3.Connection, check: str) -> _Program:
    """The properties of quick_check's program, after stand-ins for unknown functions were added.

    A sound database may use functions and collations that only its own application defines. They
    get stand-ins: quick_check compares no keys, and the results of functions are then ignored. If
    anything is computed, SQLite's own functions get stand-ins as well: a single call of one of them
    may take hours, and an expression that fails for every row runs before the trees are checked.
    """
    stand_ins: set[str] = set()
    longest = 0
    while True:
        try:
            found = _length(connection.execute(f"EXPLAIN {check}"))
        except sqlite3.OperationalError as error:
            text = str(error)
            collation, function = _NO_COLLATION.match(text), _NO_FUNCTION.match(text)
            if text in stand_ins or len(stand_ins) == _MOST_STAND_INS:
                raise
            if not (collation or function):
                raise
            stand_ins.add(text)
            if collation:
                connection.create_collation(collation[1], _equal)
            elif function:
                _stand_in(connection, function[1])
        else:
            if not found.computes or longest:
                return found._replace(longest=longest)
        if not longest:
            longest = _stand_in_for_all(connection)


def _stand_in_for_all(connection: sqlite3.Connection) -> int:
    """Adds stand-ins for all names in the schema that look like functions or unknown collations.

    SQLite's errors name only one at a time, and SQLite compiles everything again for the next one.

    Returns:
        An upper bound for the bytes, in any encoding, of all quoted or long names and string
        literals in one table's definition, for the table with the most; 1 at least.
    """
    connection.text_factory = _readable
    texts = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND typeof(sql) = 'text'"
    definitions = [text for (text,) in connection.execute(texts)]
    schema = "\n".join(definitions)
    connection.text_factory = str
    for name in islice(set(_CALLED.findall(schema)), _MOST_IN_ADVANCE):
        _stand_in(connection, name)
    for name in islice(set(_COLLATED.findall(schema)), _MOST_IN_ADVANCE):
        if name.upper() not in _COLLATIONS:
            connection.create_collation(name, _equal)
    marked = (sum(map(len, _MARKED.findall(text))) for text in definitions)
    return 1 + 2 * _BYTES * max(marked, default=0)


def _stand_in(connection: sqlite3.Connection, function: str) -> None:
    # In an untrusted schema SQLite would refuse our functions.
    connection.execute("PRAGMA trusted_schema=ON")
    connection.create_function(function, -1, _nothing, deterministic=True)


def _length(program: Iterable[tuple[Any, ...]]) -> _Program:
    length, begin, literals, computing = 0, 0, 0, []
    for address, step, first, target, _, text, *_ in program:
        if step == "Init":
            begin = target  # the instructions that run first are the last ones of the program
        elif step not in _PLAIN_STEPS:
            computing.append(address)
        elif begin and address >= begin and step in ("String8", "Blob"):
            literals += first if step == "Blob" else len(text or "")
        length += 1
    prepares = any(address >= begin for address in computing)
    return _Program(length, len(computing), prepares, literals * _BYTES, 0)


def _equal(_one: str, _two: str) -> int:
    return 0


def _nothing(*_arguments: object) -> None:
    return None
