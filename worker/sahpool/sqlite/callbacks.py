"""C functions that call Python, and what they answer when Python does not come to its end.

SQLite calls a VFS through function pointers. Behind each is a closure that ctypes makes, which
answers what lies on the stack when its Python code ends in an exception; and a Python function may
be ended by one anywhere, before its own ``try`` and within its ``except`` too. So the code leaves
its answer in a place of memory, as the last thing that it does, and callbacks.mjs, through which
SQLite calls it, takes the failure of the method where there is none.

What strikes is held back meanwhile (callbacks.mjs): signals and asynchronous exceptions come up
once SQLite has returned, and at the recursion limit there is room for a callback.
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
        failed: A byte that is 1 while there are failures of which nobody was told.
        watched: Whether ``called`` is told of calls that are not logged.
    """

    def __init__(
        self,
        io: Any,
        module: Any,
        *,
        tell: Callable[[str, tuple[Any, ...], int, BaseException], None],
        called: Callable[[str, tuple[Any, ...], int], None] = lambda *_: None,
    ) -> None:
        """Prepares functions; none is made yet.

        Args:
            io: The module io.mjs.
            module: Pyodide's Emscripten module.
            tell: Told of a method that failed: its name, its arguments, the result code, and why.
            called: Told of every call while calls are logged or ``watched``: the method's name,
                its arguments, the result code.
        """
        self.watched = False
        self.failed = ctypes.c_ubyte(0)
        self._module = module
        self._tell = tell
        self._called = called
        self._closures: list[Any] = []  # kept: SQLite calls through their addresses
        self._addresses: list[int] = []
        known = io.knowsThreadState(module, sys.getrecursionlimit(), id(KeyboardInterrupt))
        #: One more than the result of what has come to its end.
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
            prototype: Its type, made by ``ctypes.CFUNCTYPE``; the result is an ``int``.
            method: Returns a result code of SQLite, or another number that is not negative.
            failure: What SQLite is answered when the method raises, unless the exception has a
                result code of its own, or does not come to its end.
            is_owed: Whether it gives something back: it is called until it returns, at most twice
                more at once and then before whatever is called next. Another is called again only
                where it has neither returned nor raised.
            tally: Where calls are counted and timed.

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
            # Behind the answer: what strikes here changes nothing of it.
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
        """The result code of a method that raised, which is remembered as its cause."""
        code = sqlite_code(error, failure)
        self._tell(method, arguments, code, error)
        # Its frames would keep those of the program, and the connections in them, for as long as
        # SQLite does not tell of it.
        error.__traceback__ = None
        causes.remember(code, error)
        self.failed.value = 1
        return code

    def take_unfinished(self) -> list[tuple[int, BaseException]]:
        """What is known of calls that did not come to their ends, by result code; forgets it."""
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
        """Gives the function table's entries back; SQLite must not call them any more."""
        while self._addresses:
            self._module.removeFunction(self._addresses.pop())
