"""Makes Python's garbage collection safe while calls are suspended, where Pyodide's is not.

A call that waits in ``run_sync`` (JSPI) is suspended, and other tasks run meanwhile. In Pyodide
314.0.5 to 314.0.7 it keeps a thread state of its own, whose ``current_frame`` points to frames on
an argument stack that other calls overwrite. CPython's incremental collection, the one that runs
automatically, follows that pointer (``mark_stacks`` in Python/gc.c): the worker hangs for good, or
its memory is corrupted.

To find out whether this Pyodide is affected, a call is suspended and its thread state examined. If
so, a function in ``gc.callbacks`` hides the frames of all suspended calls while a collection runs.
The collection need not follow them (a full one does not). So every suspended call is safe, whoever
suspended it; nothing else about ``gc`` changes.

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
_FRAME_OBJECT_S_FRAME = 12  # offset in bytes within a frame object, on wasm32 (pycore_frame.h)
_LOOKED_AT = 64  # words of a thread state that are searched

#: The parts of Pyodide's Emscripten module that io.mjs (SuspendedFrames) uses.
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
    """The finding in this worker, and the protection in use."""

    found: str | None = None
    callback: Callable[[str, object], None] | None = (
        None  # the function in gc.callbacks, while there is one
    )
    task: asyncio.Future[None] | None = None  # finds out whether the protection is needed


_protection = _Protection()


def protect(io: Any) -> None:
    """Makes suspended calls safe in this worker; only the first call has an effect.

    A task then removes the protection if this Pyodide does not need it.

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
    """Puts the protection back if a program has emptied ``gc.callbacks``."""
    if _protection.callback is not None and _protection.callback not in gc.callbacks:
        gc.callbacks.append(_protection.callback)


async def told() -> str:
    """The self-check's text about whether garbage collection is safe for suspended calls here."""
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
    """Whether a suspended call's thread state has frames; None when no call can be suspended."""
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
    function = ctypes.pythonapi[name]  # a new object each time, so the settings affect nobody else
    function.restype = ctypes.c_void_p
    return function


def _word(address: int) -> int:
    return c_uint32.from_address(address).value


def _frame_offset() -> int | None:
    """Offset in bytes of the current frame in a thread state; None when it cannot be determined.

    It is the one word that, in each of two running functions, equals the frame pointer of the
    function's frame object.
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
