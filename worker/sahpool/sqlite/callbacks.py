"""C functions that call Python, and their answer when the Python function does not finish.

SQLite calls a VFS through function pointers. Behind each is a closure made by ctypes. When the
Python code of a closure ends in an exception, the closure returns whatever lies on the stack; and
an exception may end a Python function anywhere, also before its own ``try`` and within its
``except``. So the Python code stores its answer in memory as its last step. SQLite calls it through
callbacks.mjs, which answers the failure code of the method where no answer was stored.

Meanwhile callbacks.mjs holds interruptions back: signals and asynchronous exceptions are raised
after SQLite has returned, and at the recursion limit a callback gets extra frames.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from ..errors import StorageError, sqlite_code
from . import abi, causes, heap
from .stats import Tally

__all__ = ["Callbacks"]

_log = logging.getLogger("sahpool")


class Callbacks:
    """The C functions of one VFS.

    Attributes:
        failed: A byte that is 1 while there are failures that nobody has fetched.
        watched: Whether ``called`` is called although logging is off.
    """

    def __init__(
        self,
        io: Any,
        module: Any,
        *,
        tell: Callable[[str, tuple[Any, ...], int, BaseException], None],
        called: Callable[[str, tuple[Any, ...], int], None] = lambda *_: None,
    ) -> None:
        """Makes no function yet; :meth:`bind` does.

        Args:
            io: The module io.mjs.
            module: Pyodide's Emscripten module.
            tell: Called for a method that failed, with its name, its arguments, the result code
                and the exception.
            called: Called for every call while calls are logged or ``watched``, with the method's
                name, its arguments and the result code.
        """
        self.watched = False
        self.failed = ctypes.c_ubyte(0)
        self._module = module
        self._tell = tell
        self._called = called
        self._closures: list[Any] = []  # kept: SQLite calls through their addresses
        self._addresses: list[int] = []
        known = io.knowsThreadState(module, sys.getrecursionlimit(), id(KeyboardInterrupt))
        #: The result of the closure plus one; 0 while none has stored a result.
        self._answer = ctypes.c_int(0)
        self._shield = io.Callbacks.new(
            module, known, ctypes.addressof(self._answer), ctypes.addressof(self.failed)
        )

    def bind(
        self,
        prototype: Any,
        method: Callable[..., int],
        failure: int,
        *,
        is_owed: bool = False,
        tally: Tally | None = None,
    ) -> int:
        """Address of a C function that calls ``method`` and never lets an exception out.

        Args:
            prototype: Type of the function, made by ``ctypes.CFUNCTYPE``; the result is an ``int``.
            method: Returns a result code of SQLite, or another number that is not negative.
            failure: The answer to SQLite when the method does not finish, or when it raises an
                exception without a result code of its own.
            is_owed: Whether the method releases something. Then it is called until it returns: up
                to two more times at once, and after that before each later callback. Any other
                method is called again only if it neither returned nor raised.
            tally: Counts and times the calls.

        Raises:
            UnsupportedError: The heap has grown beyond 2 GiB.
        """
        answer, is_logged = self._answer, _log.isEnabledFor

        def call(*arguments: Any) -> int:
            began = time.perf_counter() if tally is not None else 0.0
            try:
                code = method(*arguments)
            except BaseException as error:  # noqa: BLE001 - C cannot be thrown through
                code = self._failure(method.__name__, arguments, failure, error)
                if is_owed:
                    return 0
            if is_logged(logging.DEBUG) or self.watched:
                self._called(method.__name__, arguments, code)
            answer.value = code + 1
            # After the answer is stored, so that an exception here does not change it.
            if tally is not None:
                tally.add(time.perf_counter() - began)
            return 0

        closure = prototype(call)
        self._closures.append(closure)
        heap.check_callback(closure)
        address = ctypes.cast(closure, ctypes.c_void_p).value
        signature = abi.signature(prototype)
        function = int(self._shield.add(address, signature, method.__name__, failure, is_owed))
        self._addresses.append(function)
        return function

    def _failure(
        self, method: str, arguments: tuple[Any, ...], failure: int, error: BaseException
    ) -> int:
        """The result code of a method that raised; remembers the exception as the cause."""
        code = sqlite_code(error, failure)
        self._tell(method, arguments, code, error)
        # The traceback's frames would keep the program's frames alive, and the connections in
        # them, until SQLite reports the failure.
        error.__traceback__ = None
        causes.remember(code, error)
        self.failed.value = 1
        return code

    def take_unfinished(self) -> list[tuple[int, BaseException]]:
        """(result code, exception) of the calls that did not finish; forgets them."""
        return [
            (
                int(code),
                StorageError(
                    f"Python did not come to the end of {method}.",
                    hint="It ran out of memory or stack, or was stopped; the console tells more.",
                ),
            )
            for method, code in self._shield.takeUnfinished()
            if not causes.is_remembered(int(code))
        ]

    def dispose(self) -> None:
        """Frees the entries of the function table; SQLite must not call them any more."""
        while self._addresses:
            self._module.removeFunction(self._addresses.pop())
