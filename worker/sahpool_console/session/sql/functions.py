"""SQL functions that are written in Python, and how a cancel stops one that is running.

SQLite calls its progress handler between two instructions of its own, and the call of a function
is one instruction, however long it takes. So a signal does the same work: a Host that has
``functions`` makes Python see SIGALRM several times within ``TICK_SECONDS`` (``job``). Python
handles a signal between two of its instructions, in loops above all; some long operations in C,
regular expressions among them, check for signals too. While a function runs, the signal handler
asks ``tick`` whether to stop, as the progress handler does, and if so raises Cancelled. While none
runs, it does nothing.

Source: https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers
"""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from ..errors import Cancelled, FunctionFailed, SessionError
from ..host import Aggregate, Function

__all__ = ["Functions"]

Tick = Callable[[], object]

_running: Tick | None = None
"""The ``tick`` of the function that runs now; None while none runs, or it is suspended."""


class Functions:
    """The Python functions of one connection.

    Attributes:
        tick: Lets the event loop run and returns whether to stop; called while a function runs.
        failure: The error of the function that failed last; None: none has.
    """

    def __init__(self, con: sqlite3.Connection, tick: Tick) -> None:
        self._con = con
        self.tick = tick
        self.failure: SessionError | None = None

    def register(self, function: Function) -> None:
        """Makes ``function`` callable from the SQL of this connection.

        Raises:
            ValueError: This is not Python's main thread, the only one that may handle signals.
            sqlite3.Error: As ``sqlite3.Connection.create_function`` raises it.
        """
        signal.signal(signal.SIGALRM, _on_alarm)
        self._con.create_function(
            function.name,
            function.arguments,
            _Call(self, function),
            deterministic=function.deterministic,
        )

    def register_aggregate(self, aggregate: Aggregate) -> None:
        """Makes ``aggregate`` callable from the SQL of this connection; raises as register()."""
        signal.signal(signal.SIGALRM, _on_alarm)
        make: Any = partial(_Group, self, aggregate)
        self._con.create_window_function(aggregate.name, aggregate.arguments, make)

    @contextmanager
    def naming_failures(self) -> Iterator[None]:
        """Within the block, what a function raises surfaces as FunctionFailed or Cancelled.

        sqlite3 alone reports only that a user-defined function raised an exception.
        """
        self.failure = None
        try:
            yield
        except sqlite3.OperationalError:
            if self.failure is None:
                raise
            raise self.failure from None


class _Call:
    """The callable that SQLite is given for one function."""

    def __init__(self, owner: Functions, function: Function) -> None:
        self._owner = owner
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        global _running
        try:
            _running = self._owner.tick
            return self._function.call(*arguments)
        except Cancelled as error:
            self._owner.failure = error
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            self._owner.failure = FunctionFailed(
                f"{self._function.name}: {said}",
                code="function-failed",
                function=self._function.name,
                error=said,
            )
            raise
        finally:
            _running = None


class _Group:
    """What SQLite is given for one group of an aggregate, or for one window."""

    def __init__(self, owner: Functions, aggregate: Aggregate) -> None:
        state = aggregate.make()
        for method in ("step", "inverse", "value", "finalize"):
            call = Function(aggregate.name, -1, getattr(state, method), deterministic=False)
            setattr(self, method, _Call(owner, call))


def _on_alarm(_signal: int, frame: FrameType | None) -> None:
    global _running
    tick = _running
    # Cancelled is never raised in _Call itself, which keeps account of whether a function runs.
    if tick is None or frame is None or frame.f_code is _Call.__call__.__code__:
        return
    # While tick() suspends the function, other statements run, and SQLite calls the VFS, which is
    # Python too: an alarm there must not call tick(), for nothing can be suspended from a VFS.
    _running = None
    stop = tick()
    _running = tick
    if stop:
        raise Cancelled
