"""The parts of the browser and of Pyodide that the pool uses, and the errors without them."""

from __future__ import annotations

import ctypes
import logging
import signal
from pathlib import Path
from typing import Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import JsBuffer, JsException, JsProxy, register_js_module, to_js

from ..errors import StorageError, UnsupportedError
from ..sqlite import abi, heap

PYODIDE_VERSION = "314.0.7"  #: the Pyodide whose undocumented parts (addFunction) were tested

#: The parts of Pyodide's Emscripten module that io.mjs uses.
_MODULE_PARTS = (
    "addFunction",
    "removeFunction",
    "HEAPU8",
    "HEAP8",
    "HEAP32",
    "HEAPU32",
    "wasmTable",
    "_Py_EMSCRIPTEN_SIGNAL_HANDLING",
    "_PyThreadState_Get",
    "_PyThreadState_SetAsyncExc",
    "_PyThread_get_thread_ident",
    "_PyGILState_Ensure",
    "_PyGILState_Release",
    "_PyErr_GetRaisedException",
    "_PyErr_SetRaisedException",
)

_IO_MODULE = "sahpool_io"
#: The modules that io.mjs imports; each imports only those before it.
_IO_PARTS = (
    "locks.mjs",
    "memory_handle.mjs",
    "callbacks.mjs",
    "contents.mjs",
    "first_table.mjs",
)

_log = logging.getLogger("sahpool")


class SyncHandle:
    """A FileSystemSyncAccessHandle, or an object with its methods, in Python's terms.

    Source: fs.spec.whatwg.org, section 2.6.

    Attributes:
        raw: The object itself.
        start: 0: seen as a file (storage.File), it has no header.
    """

    start = 0

    def __init__(self, raw: Any, io: Any) -> None:
        """Wraps ``raw``; ``io`` is the module io.mjs."""
        self.raw = raw
        self._call = io.call
        self._move = io.move
        self._at = js.Object.new()

    def read(self, size: int, at: int) -> bytes:
        """Up to ``size`` bytes from offset ``at``; fewer at the end of the file.

        Raises:
            StorageError: The browser returned fewer bytes than the file has there.
        """
        data = bytes(size)
        # The browser reads into the bytes object itself, to which nobody else has a reference yet.
        with heap.Address(data) as (address, _):
            count = self._move(pyodide_js._module, self.raw, "read", address, size, at)
        if count == size:
            return data
        if count != max(0, min(size, self.size() - at)):
            raise StorageError(f"The storage gave {count} of {size} bytes at {at}.")
        return data[:count]

    def write(self, data: Any, at: int) -> int:
        """Writes ``data`` at offset ``at``; returns how many bytes the browser says it took.

        Args:
            data: A bytes-like object, or a Uint8Array of JavaScript's. Neither is copied.
            at: Offset in bytes.
        """
        if isinstance(data, JsProxy):
            self._at.at = at
            return int(self._call(self.raw, "write", data, self._at))
        with heap.Address(data) as (address, length):
            module = pyodide_js._module
            return int(self._move(module, self.raw, "write", address, length, at))

    def truncate(self, size: int) -> None:
        """Cuts or extends the file to ``size`` bytes."""
        self._call(self.raw, "truncate", size)

    def size(self) -> int:
        """Bytes in the file, header included."""
        return int(self._call(self.raw, "getSize"))

    def flush(self) -> None:
        """Returns when everything written is on the disk."""
        self._call(self.raw, "flush")

    def close(self) -> None:
        """Closes the handle; by the specification this cannot fail."""
        try:
            self._call(self.raw, "close")
        except JsException as error:
            # Logged only, so that the remaining handles are closed as well.
            _log.warning("A handle could not be closed: %s", error)


def _navigator(part: str) -> Any:
    """A property of ``navigator``; None when it is missing, as on pages that are not secure."""
    return getattr(getattr(js, "navigator", None), part, None)


def _private_file_system() -> Any:
    """``navigator.storage``, which gives access to the private file system.

    Raises:
        UnsupportedError: The browser has no private file system here.
    """
    storage = _navigator("storage")
    if not hasattr(storage, "getDirectory"):
        raise UnsupportedError(
            "This browser offers no private file system (OPFS) here.",
            hint="Use a current browser, no private window, and a page served over https "
            "or from localhost.",
        )
    return storage


def memory_file(io: Any) -> SyncHandle:
    """A new, empty file in the worker's memory; ``io`` is the module io.mjs."""
    return SyncHandle(io.MemoryHandle.new(), io)


async def lock_holders(prefix: str) -> dict[str, str]:
    """The holders of the Web Locks with a name prefix: rest of the name → the browser's id."""
    locks = _navigator("locks")
    if locks is None:
        return {}
    held = (await locks.query()).held
    return {
        lock.name.removeprefix(prefix): lock.clientId
        for lock in held
        if lock.name.startswith(prefix)
    }


def check_pyodide() -> None:
    """Checks everything that a VFS needs of Pyodide, over any storage.

    Raises:
        UnsupportedError: A part is missing; the message names it.
    """
    abi.library()
    module = getattr(pyodide_js, "_module", None)
    for part in _MODULE_PARTS:
        if not hasattr(module, part):
            raise UnsupportedError(
                f"Pyodide {pyodide_js.version} does not offer _module.{part}.",
                hint=f"sahpool needs Pyodide {PYODIDE_VERSION}.",
            )


def check_environment() -> None:
    """Checks everything that ``install`` needs of the browser and of Pyodide.

    Raises:
        UnsupportedError: A part is missing; the message names it.
    """
    check_pyodide()
    _private_file_system()
    file_handle = getattr(js, "FileSystemFileHandle", None)
    if not hasattr(getattr(file_handle, "prototype", None), "createSyncAccessHandle"):
        raise UnsupportedError(
            "There are no synchronous file handles here.",
            hint="Run sahpool in a dedicated worker; pages do not have them.",
        )
    if _navigator("locks") is None:
        raise UnsupportedError(
            "This browser has no Web Locks here.",
            hint="Serve the page over https or from localhost.",
        )


def emscripten() -> Any:
    """Pyodide's Emscripten module, whose parts :func:`check_environment` checks."""
    return pyodide_js._module


class StopsHeld:
    """Postpones a stop (KeyboardInterrupt) to the end of the block, where the caller gets it.

    For moments in which the event loop runs: without it, the stop would be raised in whatever
    Python code runs next, perhaps in a task that nobody waits for.
    """

    def __enter__(self) -> None:
        address = emscripten()._Py_EMSCRIPTEN_SIGNAL_HANDLING
        self._handling = ctypes.c_byte.from_address(address)
        self._before = self._handling.value
        self._handling.value = 0

    def __exit__(self, *_: object) -> None:
        self._handling.value = self._before


def pass_on_stop() -> None:
    """Requests a stop again that was raised in a task that nobody waits for."""
    buffer = getattr(emscripten(), "Py_EmscriptenSignalBuffer", None)
    if buffer is not None:
        buffer[0] = int(signal.SIGINT)


def loaded_io_module() -> Any:
    """The module io.mjs if it is registered, as :func:`io_module` leaves it; else None."""
    try:
        import sahpool_io
    except ImportError:
        return None
    return sahpool_io


async def io_module() -> Any:
    """The module io.mjs, as registered by the page, or else loaded from the package by Blob URL."""
    try:
        import sahpool_io
    except ImportError:
        urls: list[str] = []
        try:
            # A module loaded from a Blob URL can import another one by its full URL only.
            for name in (*_IO_PARTS, "io.mjs"):
                source = _source(name)
                for part, url in zip(_IO_PARTS, urls, strict=False):
                    source = source.replace(f'"./{part}"', f'"{url}"')
                urls.append(_blob_url(source))
            module = await run_js("(url) => import(url)")(urls[-1])
        except JsException as error:
            raise UnsupportedError(
                "The page's content security policy forbids loading io.mjs from the package.",
                hint=f"Serve io.mjs, {' and '.join(_IO_PARTS)}, which are in the wheel's folder "
                "sahpool/sqlite, beside your worker, import io.mjs there and "
                f"pyodide.registerJsModule({_IO_MODULE!r}, it) before sahpool.install(); "
                "or allow blob: and 'unsafe-eval' in the worker.",
            ) from error
        finally:
            for url in urls:
                js.URL.revokeObjectURL(url)
        register_js_module(_IO_MODULE, module)
        return module
    return sahpool_io


def _source(name: str) -> str:
    return (Path(__file__).parents[1] / "sqlite" / name).read_text(encoding="utf-8")


def _blob_url(source: str) -> str:
    blob = js.Blob.new(to_js([source]), js_object(type="text/javascript"))
    return str(js.URL.createObjectURL(blob))


async def directory(path: str) -> Any:
    """The directory handle of a path below the origin's root; missing directories are created.

    Raises:
        UnsupportedError: The browser has no private file system here, or refuses it.
    """
    storage = _private_file_system()
    try:
        folder = await storage.getDirectory()
    except JsException as error:
        raise UnsupportedError(
            f"The browser refuses its private file system (OPFS): {error}",
            hint="Private windows of some browsers have none; use an ordinary window.",
        ) from error
    for part in path.split("/"):
        if part:
            folder = await folder.getDirectoryHandle(heap.text(part), js_object(create=True))
    return folder


def kind(value: Any) -> str | None:
    """The type of a JavaScript value ("Blob", "ReadableStream", …); None for a Python value."""
    if not isinstance(value, JsProxy):
        return None
    return str(js.Object.prototype.toString.call(value))[len("[object ") : -1]


def byte_array(value: Any) -> JsBuffer | None:
    """A Uint8Array over the bytes of an ArrayBuffer or of a view of one; None for other values."""
    if not isinstance(value, JsProxy):
        return None
    if js.ArrayBuffer.isView(value):
        return js.Uint8Array.new(value.buffer, value.byteOffset, value.byteLength)
    if kind(value) in ("ArrayBuffer", "SharedArrayBuffer"):
        return js.Uint8Array.new(value)
    return None


def reader_of(stream: Any) -> tuple[Any, bool]:
    """A reader of a ReadableStream, and whether it reads into buffers that the caller provides.

    Byte streams can do so (streams.spec.whatwg.org, section 4.5), other streams cannot.
    """
    try:
        return stream.getReader(js_object(mode="byob")), True
    except JsException:
        return stream.getReader(), False


def new_buffer(size: int) -> Any:
    """A new ArrayBuffer of ``size`` bytes."""
    return js.ArrayBuffer.new(size)


def cancel(reader: Any, reason: BaseException) -> None:
    """Cancels a ReadableStream through its reader, with the exception as the reason.

    It does not wait for the result, and ignores a stream that cannot be cancelled any more.
    """
    told = heap.shown(f"{type(reason).__name__}: {reason}")
    reader.cancel(js.Error.new(told)).catch(lambda _error: None)


def js_object(**fields: Any) -> Any:
    """A JavaScript object with these fields, for the options of a browser function."""
    return to_js(fields, dict_converter=js.Object.fromEntries)
