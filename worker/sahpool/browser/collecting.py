"""Python's garbage collection while calls are suspended, in a Pyodide where that is fatal.

A call that waits in ``run_sync`` (JSPI) is suspended, and other tasks run meanwhile. In Pyodide
314.0.5 to 314.0.7 it keeps a thread state of its own, whose ``current_frame`` leads to frames on an
argument stack that others write over. CPython's incremental collection, the one that runs by
itself, follows that pointer (``mark_stacks`` in Python/gc.c): the worker hangs for good, or its
memory is no longer what it was.

Whether this Pyodide is such a one is found out: a call is suspended and its thread state looked at.
If so, a function among ``gc.callbacks`` puts the frames of all suspended calls aside for as long as
a collection runs. It need not follow them (a full one does not). So every suspended call is safe,
whoever suspended it; nothing else about ``gc`` changes.

Source: github.com/pyodide/pyodide, issue 6464 and pull request 6466, which does the same for as
long as a call is suspended.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import sys
from collections.abc import Callable
from ctypes import c_uint32
from typing import Any

import pyodide_js
from pyodide.ffi import JsException, can_run_sync, create_proxy, run_sync

__all__ = ["keep", "protect", "told"]

_CALLBACK = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)
_FRAME_OBJECT_S_FRAME = 12  # bytes from a frame object's begin, on wasm32 (pycore_frame.h)
_LOOKED_AT = 64  # words of a thread state

#: What io.mjs (SuspendedFrames) uses of Pyodide's Emscripten module.
_MODULE_PARTS = (
    "HEAPU32",
    "_PyUnicode_AsUTF8",
    "_PyInterpreterState_Get",
    "_PyInterpreterState_ThreadHead",
    "_PyThreadState_Get",
    "_PyThreadState_Next",
)

_log = logging.getLogger("sahpool")


class _Protection:
    """What was found out in this worker, and what was done about it."""

    found: str | None = None
    callback: Callable[[str, object], None] | None = (
        None  # that of gc.callbacks, while there is one
    )
    task: asyncio.Future[None] | None = None  # which finds out


_protection = _Protection()


def protect(io: Any) -> None:
    """Makes suspended calls safe in this worker, from now on; the first time, later nothing.

    Where they are so by themselves, that is found out soon, and it is undone.

    Args:
        io: The module io.mjs.
    """
    if _protection.found is not None:
        return
    offset = _frame_offset()
    missing = [name for name in _MODULE_PARTS if not hasattr(pyodide_js._module, name)]
    if offset is None or missing:
        _protection.found = f"unknown: {', '.join(missing) or 'no known thread state'}"
        return
    frames = io.SuspendedFrames.new(pyodide_js._module, offset, id(None))
    _protection.callback = _CALLBACK(frames.address)
    _protection.found = "made safe by sahpool"
    keep()
    _protection.task = asyncio.ensure_future(_undo_if_safe(frames, offset))


def keep() -> None:
    """Has the protection in its place again, should something have emptied ``gc.callbacks``."""
    if _protection.callback is not None and _protection.callback not in gc.callbacks:
        gc.callbacks.append(_protection.callback)


async def told() -> str:
    """For the self-check: how a garbage collection and suspended calls get along here."""
    if _protection.task is not None:
        await asyncio.wait([_protection.task])
    if _protection.callback is not None and _protection.callback not in gc.callbacks:
        return "NOT safe: gc.callbacks was emptied"
    return _protection.found or "not looked at"


async def _undo_if_safe(frames: Any, offset: int) -> None:
    kept = await _keeps_frames(offset)
    if kept:
        _log.info("Suspended calls are kept from the garbage collector (pyodide/pyodide#6464).")
        return
    callback, _protection.callback = _protection.callback, None
    _protection.found = "nothing can be suspended" if kept is None else "safe by itself"
    if callback in gc.callbacks:
        gc.callbacks.remove(callback)
    frames.drop()


async def _keeps_frames(offset: int) -> bool | None:
    """Whether the thread state of a suspended call has frames; None where none can be suspended."""
    states: list[int] = []
    suspended, enough = asyncio.Event(), asyncio.Event()

    def wait() -> None:
        if can_run_sync():
            states.append(_thread_state())
            suspended.set()
            run_sync(enough.wait())

    async def call() -> None:
        function = create_proxy(wait)
        try:
            await function.callPromising()
        except JsException:
            states.clear()  # there is no JSPI
        finally:
            function.destroy()

    calling, waiting = asyncio.ensure_future(call()), asyncio.ensure_future(suspended.wait())
    try:
        await asyncio.wait([calling, waiting], return_when=asyncio.FIRST_COMPLETED)
        return bool(_word(states[0] + offset)) if states else None
    finally:
        waiting.cancel()
        enough.set()
        await calling


def _thread_state() -> int:
    return int(_python("PyThreadState_Get")())


def _python(name: str) -> Any:
    """A function of CPython's C interface that takes nothing and returns an address."""
    function = ctypes.pythonapi[name]  # another object each time, which nobody else has set up
    function.restype = ctypes.c_void_p
    return function


def _word(address: int) -> int:
    return c_uint32.from_address(address).value


def _frame_offset() -> int | None:
    """Where a thread state has its current frame, in bytes; None when that is not clear.

    There is one place that has what the running function's frame object has, in each of two
    functions.
    """

    def places() -> set[int]:
        frame = sys._getframe()
        address = _word(id(frame) + _FRAME_OBJECT_S_FRAME)
        words = (c_uint32 * _LOOKED_AT).from_address(_thread_state())
        return {4 * place for place, word in enumerate(words) if word == address}

    def within() -> set[int]:
        return places()

    found = places() & within()
    return found.pop() if len(found) == 1 else None
