"""Functions that stand in FROM: eponymous virtual tables whose rows Python makes.

SQLite calls the methods through ``Callbacks``, as it calls those of a VFS, so an exception that
strikes anywhere ends the statement with an error. xEof cannot report one: it fetches the row that
xNext has asked for, and if that fails, the method that SQLite calls next does report it.

Source: sqlite.org/vtab.html, c3ref/module.html, c3ref/index_info.html.
"""

from __future__ import annotations

import ctypes
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ctypes import CFUNCTYPE, c_char_p, c_double, c_int, c_int64, c_ubyte, c_uint64, c_void_p
from typing import Any, Protocol

from . import abi, causes
from .callbacks import Callbacks
from .layout import check_layout

__all__ = ["TableFunction", "VirtualTables"]

_log = logging.getLogger("sahpool")

Value = int | float | str | bytes | None

_INTEGER, _FLOAT, _TEXT, _BLOB = 1, 2, 3, 4  # sqlite.org/c3ref/c_blob.html
_EQUAL = 2  # SQLITE_INDEX_CONSTRAINT_EQ
_CONSTRAINT = 19  # SQLITE_CONSTRAINT: this plan cannot be used
_TRANSIENT = -1  # SQLite copies the bytes

_XCONNECT = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_void_p, c_void_p, c_void_p)
_TWO = CFUNCTYPE(c_int, c_void_p, c_void_p)  # xBestIndex, xOpen, xRowid
_ONE = CFUNCTYPE(c_int, c_void_p)  # xDisconnect, xClose, xNext, xEof
_XFILTER = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p, c_int, c_void_p)
_XCOLUMN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)

_SIGNATURES: Mapping[str, tuple[Any, list[Any]]] = {
    "sqlite3_create_module": (c_int, [c_void_p, c_char_p, c_void_p, c_void_p]),
    "sqlite3_declare_vtab": (c_int, [c_void_p, c_char_p]),
    "sqlite3_value_type": (c_int, [c_void_p]),
    "sqlite3_value_int64": (c_int64, [c_void_p]),
    "sqlite3_value_double": (c_double, [c_void_p]),
    "sqlite3_value_text": (c_void_p, [c_void_p]),
    "sqlite3_value_blob": (c_void_p, [c_void_p]),
    "sqlite3_value_bytes": (c_int, [c_void_p]),
    "sqlite3_result_null": (None, [c_void_p]),
    "sqlite3_result_int64": (None, [c_void_p, c_int64]),
    "sqlite3_result_double": (None, [c_void_p, c_double]),
    "sqlite3_result_text": (None, [c_void_p, c_char_p, c_int, c_void_p]),
    "sqlite3_result_blob": (None, [c_void_p, c_char_p, c_int, c_void_p]),
}


class _Module(ctypes.Structure):
    """``sqlite3_module``, version 0: without the methods that write."""

    _fields_ = (
        ("iVersion", c_int),
        *((name, c_void_p) for name in ("xCreate", "xConnect", "xBestIndex", "xDisconnect")),
        *((name, c_void_p) for name in ("xDestroy", "xOpen", "xClose", "xFilter", "xNext")),
        *((name, c_void_p) for name in ("xEof", "xColumn", "xRowid", "xUpdate", "xBegin")),
        *((name, c_void_p) for name in ("xSync", "xCommit", "xRollback", "xFindFunction")),
        ("xRename", c_void_p),
    )


class _Table(ctypes.Structure):
    """``sqlite3_vtab``."""

    _fields_ = (("pModule", c_void_p), ("nRef", c_int), ("zErrMsg", c_void_p))


class _Constraint(ctypes.Structure):
    """``sqlite3_index_constraint``."""

    _fields_ = (
        ("iColumn", c_int),
        ("op", c_ubyte),
        ("usable", c_ubyte),
        ("iTermOffset", c_int),
    )


class _Usage(ctypes.Structure):
    """``sqlite3_index_constraint_usage``."""

    _fields_ = (("argvIndex", c_int), ("omit", c_ubyte))


class _Index(ctypes.Structure):
    """``sqlite3_index_info``."""

    _fields_ = (
        ("nConstraint", c_int),
        ("aConstraint", ctypes.POINTER(_Constraint)),
        ("nOrderBy", c_int),
        ("aOrderBy", c_void_p),
        ("aConstraintUsage", ctypes.POINTER(_Usage)),
        ("idxNum", c_int),
        ("idxStr", c_void_p),
        ("needToFreeIdxStr", c_int),
        ("orderByConsumed", c_int),
        ("estimatedCost", c_double),
        ("estimatedRows", c_int64),
        ("idxFlags", c_int),
        ("colUsed", c_uint64),
    )


class TableFunction(Protocol):
    """What a table needs to be; ``functions.registry.Table`` is one."""

    @property
    def name(self) -> str:
        """Its name in SQL."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arguments."""

    @property
    def required(self) -> int:
        """How many of the arguments must be given."""

    @property
    def rows(self) -> Callable[..., Iterable[Sequence[Value]]]:
        """Takes the arguments that are given, by name; returns the rows."""


class _Cursor:
    """One pass over a table.

    Attributes:
        memory: The ``sqlite3_vtab_cursor``, one pointer, which SQLite fills in.
        current: Number of the row that is read now, from 1, and the row; None behind the last.
        wanted: Number of the row that xEof has to fetch.
    """

    def __init__(self, table: TableFunction) -> None:
        self.memory = c_void_p()
        self.table = table
        self.given: dict[str, Value] = {}
        self.current: tuple[int, Sequence[Value] | None] = (0, None)
        self.wanted = 0
        self._rows: Iterator[Sequence[Value]] = iter(())

    def begin(self, given: dict[str, Value]) -> None:
        """Starts at the first row for these arguments."""
        missing = [
            name for name in self.table.arguments[: self.table.required] if name not in given
        ]
        if missing:
            raise ValueError(f"{self.table.name}() needs the argument {missing[0]}")
        self.given = given
        self._rows = iter(self.table.rows(**given))
        self.current = (0, None)
        self.wanted = 1

    @property
    def is_there(self) -> bool:
        """Whether the row that is wanted was fetched: making it may have failed in xEof."""
        return self.current[0] == self.wanted

    def fetch(self) -> None:
        """Goes on to the row that is wanted, unless it is there."""
        number = self.current[0]
        if number < self.wanted:
            self.current = (number + 1, next(self._rows, None))

    def value(self, column: int) -> Value:
        """A value of the current row; the columns are followed by the arguments."""
        row = self.current[1]
        if row is None or not self.is_there:
            raise ValueError(f"{self.table.name}() has not made the row")
        table = self.table
        if column < len(table.columns):
            return row[column]
        return self.given.get(table.arguments[column - len(table.columns)])


class VirtualTables:
    """The module whose methods SQLite calls for all table functions of this process."""

    def __init__(self, io: Any, module: Any) -> None:
        """Makes the C functions.

        Args:
            io: The module io.mjs.
            module: Pyodide's Emscripten module.

        Raises:
            UnsupportedError: The heap has grown beyond 2 GiB, or the layout of CPython's
                connections is not known.
        """
        self._sqlite = _library()
        self._functions: list[TableFunction] = []
        self._tables: dict[int, tuple[TableFunction, _Table]] = {}
        self._cursors: dict[int, _Cursor] = {}
        self._callbacks = Callbacks(io, module, tell=_tell)
        check_layout(self._callbacks)
        bind, failed = self._callbacks.bind, abi.SQLITE_ERROR
        self._module = _Module(
            iVersion=0,
            xConnect=bind(_XCONNECT, self._connect, failed),
            xBestIndex=bind(_TWO, self._best_index, failed),
            xDisconnect=bind(_ONE, self._disconnect, failed, is_owed=True),
            xOpen=bind(_TWO, self._open, failed),
            xClose=bind(_ONE, self._close, failed, is_owed=True),
            xFilter=bind(_XFILTER, self._filter, failed),
            xNext=bind(_ONE, self._next, failed),
            # Not the end: an answer that is not zero would end the rows without an error.
            xEof=bind(_ONE, self._eof, 0),
            xColumn=bind(_XCOLUMN, self._column, failed),
            xRowid=bind(_TWO, self._rowid, failed),
        )
        causes.add_source(self._callbacks.take_unfinished)

    def register(self, connection: sqlite3.Connection, functions: Sequence[TableFunction]) -> None:
        """Makes the functions available in the SQL of a connection."""
        database = abi.connection_pointer(connection)
        for function in functions:
            if function not in self._functions:
                self._functions.append(function)
            code = self._sqlite.sqlite3_create_module(
                database,
                function.name.encode(),
                ctypes.addressof(self._module),
                self._functions.index(function) + 1,
            )
            if code != abi.SQLITE_OK:
                raise sqlite3.OperationalError(f"{function.name}() could not be registered: {code}")

    def _connect(
        self, database: int, number: int, _count: int, _words: int, table: int, _error: int
    ) -> int:
        if _pointer(table) in self._tables:
            return abi.SQLITE_OK  # called again
        function = self._functions[number - 1]
        hidden = (f"{name} HIDDEN" for name in function.arguments)
        declared = f"CREATE TABLE x({', '.join((*function.columns, *hidden))})"
        code = self._sqlite.sqlite3_declare_vtab(database, declared.encode())
        if code != abi.SQLITE_OK:
            return int(code)
        made = _Table()
        return self._hand_over(table, made, self._tables, (function, made))

    def _hand_over(self, target: int, memory: Any, kept: dict[int, Any], what: Any) -> int:
        """Gives SQLite the address of a structure, and keeps what belongs to it, or does neither.

        SQLite ignores the address if the answer is an error.
        """
        address = ctypes.addressof(memory)
        try:
            abi.write_pointer(target, address)
            kept[address] = what
            return abi.SQLITE_OK
        except BaseException:
            kept.pop(address, None)
            raise

    def _disconnect(self, table: int) -> int:
        self._tables.pop(table, None)
        return abi.SQLITE_OK

    def _best_index(self, table: int, index: int) -> int:
        """Hands every argument that is given to xFilter; idxNum has a bit for each."""
        function = self._tables[table][0]
        info = _Index.from_address(index)
        first = len(function.columns)
        found: dict[int, int] = {}
        for at in range(info.nConstraint):
            constraint = info.aConstraint[at]
            argument = constraint.iColumn - first
            if argument < 0 or constraint.op != _EQUAL:
                continue
            if not constraint.usable:
                return _CONSTRAINT
            found.setdefault(argument, at)
        for place, argument in enumerate(sorted(found), 1):
            usage = info.aConstraintUsage[found[argument]]
            usage.argvIndex = place
            usage.omit = 1
        info.idxNum = sum(1 << argument for argument in found)
        info.estimatedCost = 1000.0 / (1 + len(found))
        info.estimatedRows = 1000
        return abi.SQLITE_OK

    def _open(self, table: int, cursor: int) -> int:
        if _pointer(cursor) in self._cursors:
            return abi.SQLITE_OK  # called again
        made = _Cursor(self._tables[table][0])
        return self._hand_over(cursor, made.memory, self._cursors, made)

    def _close(self, cursor: int) -> int:
        self._cursors.pop(cursor, None)
        return abi.SQLITE_OK

    def _filter(self, cursor: int, bits: int, _text: int, count: int, values: int) -> int:
        found = self._cursors[cursor]
        names = [name for at, name in enumerate(found.table.arguments) if bits >> at & 1]
        addresses = (c_void_p * count).from_address(values) if count else ()
        given = {name: self._value(address) for name, address in zip(names, addresses, strict=True)}
        try:
            found.begin(given)
            found.fetch()
        except ValueError as error:
            self._complain(found, str(error))
            raise
        return abi.SQLITE_OK

    def _next(self, cursor: int) -> int:
        found = self._cursors[cursor]
        if not found.is_there:
            raise ValueError(f"{found.table.name}() has not made the row")
        found.wanted += 1
        return abi.SQLITE_OK

    def _eof(self, cursor: int) -> int:
        found = self._cursors[cursor]
        found.fetch()
        return 1 if found.current[1] is None else 0

    def _column(self, cursor: int, context: int, column: int) -> int:
        self._answer(context, self._cursors[cursor].value(column))
        return abi.SQLITE_OK

    def _rowid(self, cursor: int, rowid: int) -> int:
        c_int64.from_address(rowid).value = self._cursors[cursor].current[0]
        return abi.SQLITE_OK

    def _complain(self, cursor: _Cursor, message: str) -> None:
        """Sets the error message of the statement; SQLite frees it."""
        text = message.encode() + b"\0"
        address = self._sqlite.sqlite3_malloc(len(text))
        if address and cursor.memory.value:
            ctypes.memmove(address, text, len(text))
            table = _Table.from_address(cursor.memory.value)
            self._sqlite.sqlite3_free(table.zErrMsg)
            table.zErrMsg = address

    def _value(self, address: int) -> Value:
        sqlite, kind = self._sqlite, self._sqlite.sqlite3_value_type(address)
        if kind == _INTEGER:
            return int(sqlite.sqlite3_value_int64(address))
        if kind == _FLOAT:
            return float(sqlite.sqlite3_value_double(address))
        if kind not in (_TEXT, _BLOB):
            return None
        read = sqlite.sqlite3_value_text if kind == _TEXT else sqlite.sqlite3_value_blob
        start = read(address)
        data = ctypes.string_at(start, sqlite.sqlite3_value_bytes(address)) if start else b""
        return data.decode("utf-8", "replace") if kind == _TEXT else data

    def _answer(self, context: int, value: Value) -> None:
        sqlite = self._sqlite
        if value is None:
            sqlite.sqlite3_result_null(context)
        elif isinstance(value, int):
            sqlite.sqlite3_result_int64(context, value)
        elif isinstance(value, float):
            sqlite.sqlite3_result_double(context, value)
        elif isinstance(value, str):
            data = value.encode()
            sqlite.sqlite3_result_text(context, data, len(data), _TRANSIENT)
        else:
            sqlite.sqlite3_result_blob(context, value, len(value), _TRANSIENT)


def _pointer(address: int) -> int:
    """``*(void**)address``."""
    return c_void_p.from_address(address).value or 0


def _library() -> ctypes.CDLL:
    sqlite = abi.library()
    abi.declare(_SIGNATURES)
    return sqlite


def _tell(method: str, _arguments: tuple[Any, ...], _code: int, error: BaseException) -> None:
    _log.debug("A table function ended in its method %s: %s", method, error)
