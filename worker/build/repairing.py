"""Repairs the pinned Pyodide for the site: a fix that no release of Pyodide has yet.

For ``serve.py``, on the developer's machine; this module does not reach the browser.

From Pyodide 314.0.5 on each suspended call keeps a thread state of its own. Its ``current_frame``
points to frames on an argument stack that other calls overwrite meanwhile. CPython's incremental
garbage collection, which runs by itself, follows that pointer (``mark_stacks`` in Python/gc.c), and
so do ``sys.settrace`` and ``sys._current_frames``: the worker hangs for good, or its memory is
corrupted. Pyodide's main branch puts the pointer aside for as long as a call is suspended, and so
does this repair.

Source: github.com/pyodide/pyodide, issue 6464 and pull request 6466.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .packing import StepError, read

__all__ = ["repaired"]

CURRENT_FRAME = 52
"""Byte of PyThreadState at which ``current_frame`` lies (CPython 3.14, 32 bits)."""

_WORD = f"HEAPU32[{{}}+{CURRENT_FRAME}>>>2>>>0]"

PLACES = (
    # saveState: from here on another thread state runs.
    (
        "const stackState=new StackState;return{threadState,stackState,",
        f"const stackState=new StackState;const currentFrame={_WORD.format('threadState')};"
        f"{_WORD.format('threadState')}=0;return{{threadState,stackState,currentFrame,",
    ),
    # restoreState: the frames are on the argument stack again.
    (
        "state.stackState.restore();_restoreThreadState(state.threadState);",
        f"state.stackState.restore();{_WORD.format('state.threadState')}=state.currentFrame;"
        "_restoreThreadState(state.threadState);",
    ),
)
"""Pairs of a text in pyodide.asm.mjs and the text that replaces it."""

REMEDY = (
    "If this release of Pyodide has the repair of its issue 6464 by itself, take this step out of "
    "the build; docs/upgrading.md says how to find out."
)


def repaired(folder: Path) -> bytes:
    """The ``pyodide.asm.mjs`` of the Pyodide in ``folder``, repaired.

    Raises:
        StepError: The repair does not fit this release of Pyodide.
    """
    script = read(folder / "pyodide.asm.mjs")
    for place, instead in PLACES:
        count = script.count(place.encode())
        if count != 1:
            raise StepError(
                f"pyodide.asm.mjs has a place to be repaired {count} times instead of once: "
                f"{place}\n{REMEDY}"
            )
        script = script.replace(place.encode(), instead.encode())
    found = frame_offset(read(folder / "pyodide.asm.wasm"))
    if found != CURRENT_FRAME:
        raise StepError(
            f"pyodide.asm.wasm has PyThreadState.current_frame at byte {found}, and not at "
            f"{CURRENT_FRAME}, which worker/build/repairing.py sets to 0.\n{REMEDY}"
        )
    return script


# The offset of current_frame in PyThreadState, read from the WebAssembly code --------------------

READER = b"PyThreadState_GetFrame"
"""The C function that first of all reads ``current_frame`` of its argument, a thread state."""

# Sections, a kind of import, and instructions (webassembly.github.io/spec/core/binary).
IMPORTS, EXPORTS, CODE = 2, 7, 10
FUNCTION = 0
LOCAL_GET_0, I32_LOAD = b"\x20\x00", 0x28


def frame_offset(wasm: bytes) -> int | None:
    """The byte in its argument that PyThreadState_GetFrame reads first; None when unclear."""
    try:
        sections = dict(_sections(wasm))
        index = _exported(wasm, *sections[EXPORTS]) - _imported(wasm, sections[IMPORTS][0])
        start, _ = sections[CODE]
        count, at = _number(wasm, start)
        if not 0 <= index < count:
            return None
        for _ in range(index):
            size, at = _number(wasm, at)
            at += size
        size, at = _number(wasm, at)
        return _first_load(wasm[at : at + size])
    except (KeyError, IndexError, ValueError):
        return None


def _first_load(body: bytes) -> int | None:
    groups, at = _number(body, 0)  # of local variables
    for _ in range(groups):
        at = _number(body, at)[1] + 1
    at = body.index(LOCAL_GET_0, at) + len(LOCAL_GET_0)
    if body[at] != I32_LOAD:
        return None
    return _number(body, _number(body, at + 1)[1])[0]  # behind the alignment


def _sections(wasm: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    at = 8  # behind magic and version
    while at < len(wasm):
        kind = wasm[at]
        size, at = _number(wasm, at + 1)
        if at + size > len(wasm):
            raise IndexError("the file was cut off")
        yield kind, (at, at + size)
        at += size


def _exported(wasm: bytes, start: int, end: int) -> int:
    """The index of READER among all functions."""
    named = bytes([len(READER)]) + READER + bytes([FUNCTION])
    at = wasm.find(named, start, end)
    if at < 0:
        raise KeyError("the function is not exported")
    return _number(wasm, at + len(named))[0]


def _imported(wasm: bytes, start: int) -> int:
    """How many functions are imported; function indexes count these first."""
    count, at = _number(wasm, start)
    functions = 0
    for _ in range(count):
        for _ in range(2):  # module and name
            size, at = _number(wasm, at)
            at += size
        kind, at = wasm[at], at + 1
        if kind == FUNCTION:
            functions += 1
            at = _number(wasm, at)[1]
        else:
            at = _skipped(wasm, kind, at)
    return functions


def _skipped(wasm: bytes, kind: int, at: int) -> int:
    """Where the description of an import that is not a function ends."""
    table, memory, tag = 1, 2, 4
    if kind == tag:
        return _number(wasm, at + 1)[1]
    if kind in (table, memory):
        at += kind == table  # the type of its elements
        has_maximum = wasm[at] & 1
        at = _number(wasm, at + 1)[1]
        return _number(wasm, at)[1] if has_maximum else at
    return at + 2  # a global: its type, and whether it is mutable


def _number(wasm: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = wasm[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
