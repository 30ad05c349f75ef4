"""Whether a file is a sound SQLite database that can be opened without harm.

A file from anywhere may have been made to harm whoever opens it: pages that lead into one another
for ever, a schema that takes hours to compile, expressions that compute for days. Nothing in a
worker can stop SQLite there, and one that falls over its stack takes the worker with it. So all
that is done here is bounded by the size of the file, and no expression of the file's own is
computed for longer than a moment.

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

#: Reads up to so many bytes of the file (first argument) at an offset (second).
Read = Callable[[int, int], bytes]

#: First bytes of the pages that have children: interior pages of indexes and of tables.
_INTERIOR = (b"\2", b"\5")
_ANY_INTERIOR = re.compile(b"[\2\5]")

#: SQLite's own limit on the depth of a tree (BTCURSOR_MAX_DEPTH in btreeInt.h). Its integrity check
#: calls itself once a level and does not know that limit: some thousands end the worker.
_MAX_TREE_DEPTH = 20

#: So many calls within one another do no harm, and fewer interior pages have no deeper tree.
_FEW_INTERIOR = 500

#: Bytes that are read at once.
_PIECE = 1 << 20

#: The longest statement of a schema that is parsed before it has been looked at, in bytes: SQLite's
#: own for the table sqlite_schema has 67, and must be.
_SHORTEST = 80
_ENTRIES = "SELECT type, name, tbl_name, sql FROM sqlite_schema"

#: Seconds for that, and instructions after which is looked. A hundred thousand tables take one.
_SECONDS, _LOOKS = 20.0, 10_000

#: Virtual machine instructions for each byte of the file. Of the databases that were measured, rows
#: of 300 NOT NULL columns of a byte each took most: 1.9.
_STEPS_PER_BYTE = 16

#: What quick_check runs where the schema has it compute nothing.
_PLAIN_STEPS = frozenset(
    {"Init", "Transaction", "Goto", "Halt", "Noop", "Explain", "Expire", "VerifyCookie"}
    | {"IntegrityCk", "ResultRow", "OpenRead", "ReopenIdx", "Rewind", "Next", "Column", "Rowid"}
    | {"Integer", "Int64", "Real", "Blob", "String8", "Null", "Copy", "SCopy", "AddImm", "Concat"}
    | {"IsNull", "NotNull", "IfPos", "IfNotZero", "IsType", "TypeCheck", "Affinity"}
    | {"RealAffinity"}
)

#: The longest value that a computed column may have while it is checked, in bytes: enough for what
#: the check itself has to say. It is more where the schema has something longer, as far as all that
#: is computed copies no more than so many bytes.
_LONGEST_COMPUTED, _COPIED = 2000, 4_000_000_000
_BYTES = 4  # that a character has at most

#: A quoted name or a text, or a name.
_MARKED = re.compile(
    r"""'(?:[^']|'')*+(?:'|\Z)|"(?:[^"]|"")*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)|\w{400,}+"""
)

#: Collations and functions of its own application that a file may use, of each kind, and those of
#: them that only SQLite finds in it, which begins anew for each.
_MOST_IN_ADVANCE, _MOST_STAND_INS = 5_000, 100

_CALLED = re.compile(r"\b([^\W\d][\w$]*+)\s*+\(")
_COLLATIONS = frozenset({"BINARY", "NOCASE", "RTRIM"})  #: SQLite's own
_COLLATED = re.compile(r"\bCOLLATE\s++[\"`\[]?([\w$]++)", re.IGNORECASE)

#: How what is wrong with the trees is told, and not with the rows.
_OF_TREES = "***"

#: What computing an expression may end in, of a value or of its length.
_OF_EXPRESSIONS = (SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_MISMATCH)

_NO_COLLATION = re.compile(r"no such collation sequence: (.+)", re.DOTALL)
_NO_FUNCTION = re.compile(r"unknown function: (.+)\(\)", re.DOTALL)

#: What is quoted of an unsound file in the error message, in characters.
_QUOTED = 200


def check_content(
    uri: str, read: Read | None = None, head: bytes | None = None
) -> NewerSchemaWarning | None:
    """Whether a file with a sound header holds a sound database; nothing is written to it.

    The depth of its trees, what its schema makes of itself, and ``PRAGMA quick_check``. It takes
    time in proportion to the size; a sound file never fails because that is long.

    Args:
        uri: The file for ``sqlite3.connect(…, uri=True)``, read-only.
        read: Reads the same bytes. None where a WAL belongs to them; then the depth is not known.
        head: The first bytes of the file where it cannot be read.

    Returns:
        What to tell of a schema that is a newer SQLite's; None where all of it was read.

    Raises:
        ImportRejectedError: It holds none; the message says why.
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
            # A CHECK is the application's: none is computed, and so none need be compiled.
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
            raise  # the browser's failure: a file cannot bring that about
        raise _damaged(str(error) or "it asks for more memory than there is") from error
    if failure is not None:  # quick_check takes a page that it cannot read for a damaged one
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
    """The trees of a file, read without SQLite as far as they have children.

    SQLite's integrity check calls itself once a level and knows no limit, and reading a schema
    whose pages belong to several others takes exponential time.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._page_size = page_size_of(read(FILE_HEADER_SIZE, 0))

    def check_schema(self) -> None:
        """As :meth:`check` for the schema's own tree, before SQLite reads it."""
        self._check({1}, lambda page: self._read(1, self._start(page)) in _INTERIOR)

    def check(self, roots: set[int]) -> None:
        """That the trees of these roots are trees, and no deeper than SQLite makes them.

        Raises:
            ImportRejectedError: They are not.
        """
        if not self._read(1, _FEW_INTERIOR * self._page_size):
            return  # there are not so many pages in all
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
        """The pages that begin as one with children does, whatever they are."""
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
        """What an interior page leads to (sqlite.org/fileformat2.html, section 1.6)."""
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
    """That reading the schema, and compiling what it defines, comes to an end.

    SQLite parses all of a schema before it answers anything. So it is first made to pass over
    whatever is longer than its own statement for it: a long one may take it minutes.

    Raises:
        ImportRejectedError: It would not.
    """
    connection.execute("PRAGMA writable_schema=ON")  # what cannot be parsed is passed over
    most = connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _SHORTEST)
    connection.text_factory = _readable  # a comment in some old encoding does no harm
    # Short statements may be many, of which each index is compared with all those of its table.
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
    connection.execute("PRAGMA writable_schema=RESET")  # and forget what was parsed


def _load_schema(connection: sqlite3.Connection, head: bytes) -> NewerSchemaWarning | None:
    """Has SQLite read the schema; trusted where it uses what SQLite 3.39 takes for unsafe.

    That is SQLite's own JSON functions, in an index or a generated column. There are no functions
    here that do anything, and no virtual table is opened, so that trust cannot be abused.

    Returns:
        What to tell of what this SQLite does not know and a newer one may.
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
    """``"ok"``, or the first thing that is wrong with the trees and the rows."""
    if unread is None or not unread.has_pages:
        return _quick_check(connection)
    # To SQLite, pages of a table or index that it could not read are pages that nothing uses.
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    for (name,) in connection.execute(tables).fetchall():
        if isinstance(name, str) and name not in unread.objects:
            found = _quick_check(connection, quoted(name))
            if found != "ok":
                return found
    return "ok"


def _quick_check(connection: sqlite3.Connection, of: str = "1") -> str:
    """``"ok"``, or the first thing that is wrong, of ``PRAGMA quick_check``.

    It goes through the trees first and then looks for NULLs in the rows, for which it computes
    generated columns. The first part always comes to its end, and in time in proportion to the
    size; the second part is cut off where it has taken more steps than rows can, or at once where
    something is computed. What a file says is never run for long, and a sound file never fails.

    Args:
        connection: To the database.
        of: The one table that is looked at; or how many things may be wrong.
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
    # Each instruction before the trees is run once at most: so they have been gone through by then.
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
        # Of rows, the values of which may be a stand-in's, nothing counts.
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
    """A progress handler that ends a statement.

    sqlite3 drops what a handler raises, a KeyboardInterrupt for example, and ends the statement all
    the same: which must not be taken for the bound.
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
        """Whether it was it that has ended the statement, which failed with an error.

        Raises:
            BaseException: What the handler raised, if it did.
        """
        if self._raised is not None:
            raise self._raised from None
        code = getattr(error, "sqlite_errorcode", SQLITE_MISUSE) & 0xFF
        return self._has_ended and code == sqlite3.SQLITE_INTERRUPT


class _Program(NamedTuple):
    """What is known of quick_check's program.

    Attributes:
        steps: How many instructions it has.
        computes: How many of them compute something.
        prepares: Whether some do so before the trees are gone through.
        literals: Bytes of the constants that are there before the trees are gone through.
        longest: Bytes of the longest value that is made of what the schema says, or more.
    """

    steps: int
    computes: int
    prepares: bool
    literals: int
    longest: int


def _program(connection: sqlite3.Connection, check: str) -> _Program:
    """Of quick_check's program: its length, and what it computes.

    A sound database may use what only its own application defines. Collations are stood in for
    (quick_check compares no keys), and functions, whose results then do not count. Where anything
    is computed, SQLite's own functions are stood in for as well: of one of them a single call may
    take hours, and what fails for every row is done before the trees are gone through.
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
    """Stands in for whatever looks like a function, or a collation that nobody knows.

    SQLite names one at a time, and compiles everything anew for the next one.

    Returns:
        Bytes of all quoted and long names and texts in the definition of a table, in any encoding,
        of that which has most; 1 at least.
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
    # In a schema that is not trusted SQLite would not have one of ours.
    connection.execute("PRAGMA trusted_schema=ON")
    connection.create_function(function, -1, _nothing, deterministic=True)


def _length(program: Iterable[tuple[Any, ...]]) -> _Program:
    length, begin, literals, computing = 0, 0, 0, []
    for address, step, first, target, _, text, *_ in program:
        if step == "Init":
            begin = target  # what is done before all else stands last
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
