"""Copies bytes and strings between Python and JavaScript at any address of a heap of up to 4 GiB.

Pyodide's own conversions compute with signed addresses. For data beyond 2 GiB,
``JsBuffer.to_bytes``, ``to_py`` and ``assign_to`` raise a RangeError, while ``to_js`` of bytes,
``assign`` and a string argument of 64 ASCII characters or more silently give **other bytes**
(tried: 314.0.7; ``_python2js_ascii``, ``python2js_buffer_1d_contiguous``). So nothing that is
written, handed to a page or looked up by name may go through them. This module uses Python's
addresses, which have no sign.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from ctypes import c_int, c_ssize_t, c_void_p, py_object
from typing import Any

import js
import pyodide_js
from pyodide.ffi import JsException

from ..errors import UnsupportedError

__all__ = ["Address", "check_callback", "shown", "text", "to_bytes", "to_uint8array"]

_HALF = 1 << 31  #: bytes of heap from which on an address may have the sign bit
_LONG = 64  #: ASCII characters from which on Pyodide decodes a string from the heap


class _Buffer(ctypes.Structure):
    """``Py_buffer`` (docs.python.org/3/c-api/buffer.html)."""

    _fields_ = (
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_void_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    )


@functools.cache  # not on import: after a snapshot of Python's memory their addresses differ
def _functions() -> tuple[Any, Any]:
    """``PyObject_GetBuffer`` and ``PyBuffer_Release`` (docs.python.org/3/c-api/buffer.html)."""
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
    get.argtypes, get.restype = (py_object, c_void_p, c_int), c_int
    release.argtypes, release.restype = (c_void_p,), None
    return get, release


class Address:
    """Address and length of a bytes-like object: ``with Address(data) as (address, length)``.

    The object keeps its buffer in place until the end of the block.

    Raises:
        TypeError, BufferError: The object holds no bytes, or none that lie in one piece.
    """

    __slots__ = ("_buffer", "_data")

    def __init__(self, data: Any) -> None:
        self._data = data
        self._buffer = _Buffer()

    def __enter__(self) -> tuple[int, int]:
        _functions()[0](self._data, ctypes.addressof(self._buffer), 0)
        return self._buffer.buf or 0, self._buffer.len

    def __exit__(self, *_: object) -> None:
        _functions()[1](ctypes.addressof(self._buffer))


def _with_heap(operation: Callable[[Any], Any]) -> Any:
    """Returns the result of ``operation`` on a view of the whole heap.

    Passing arguments to JavaScript may grow the heap, after which the view has length 0; then the
    operation is repeated with a new view.
    """
    while True:
        heap = pyodide_js._module.HEAPU8
        try:
            result = operation(heap)
        except JsException:
            if heap.length:
                raise
        else:
            if heap.length:
                return result


def to_uint8array(data: Any) -> Any:
    """A new Uint8Array of JavaScript's with the bytes of a bytes-like object."""
    with Address(data) as (address, length):
        return _with_heap(lambda heap: heap.slice(address, address + length))


def to_bytes(buffer: Any) -> bytes:
    """The bytes of an ArrayBuffer or Uint8Array of JavaScript's, in one copy."""
    array = buffer if hasattr(buffer, "BYTES_PER_ELEMENT") else js.Uint8Array.new(buffer)
    data = bytes(array.length)
    # Nobody else has a reference to these bytes yet.
    with Address(data) as (address, _):
        _with_heap(lambda heap: heap.set(array, address))
    return data


def _may_be_misread(value: str) -> bool:
    """Whether Pyodide may pass another string than this one to JavaScript."""
    long = len(value) >= _LONG and value.isascii()
    return long and pyodide_js._module.HEAPU8.length > _HALF


def text(value: str) -> Any:
    """The string unchanged, as an argument for JavaScript functions; io.mjs must be loaded."""
    if not _may_be_misread(value):
        return value
    import sahpool_io

    with Address(value.encode()) as (address, length):
        return sahpool_io.text(pyodide_js._module, address, length)


def shown(value: str) -> str:
    """The string for display in JavaScript, perhaps with an invisible character at its end."""
    return value + "\u200b" if _may_be_misread(value) else value


def check_callback(function: Any) -> None:
    """Checks that SQLite can call a ctypes function.

    Raises:
        UnsupportedError: Pyodide's libffi, which computes with signed addresses, did not make it.
    """
    entry = ctypes.cast(function, c_void_p).value or 0
    if not 0 < entry < pyodide_js._module.wasmTable.length:
        raise UnsupportedError(
            "Pyodide's memory has grown beyond 2 GiB, where it cannot make C callbacks.",
            hint="Install the pool before the program needs that much memory.",
        )
