"""Python functions on a connection, which a cancel stops as it stops everything else.

SQLite calls its progress handler between its own instructions, and a function is one of them,
however long it takes.  But whoever runs Python may have it raise a signal now and then: for a
Host that has ``functions`` SIGALRM comes every ``TICK_SECONDS`` or so, and Python handles one
between two of its instructions, in loops above all; some long operations of C, regular
expressions among them, look for one too.  While a function runs the handler looks for a cancel as
the progress handler does (``tick``), and raises Cancelled.  Elsewhere it does nothing.

Source: https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers
"""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..errors import Cancelled, FunctionFailed, SessionError
from ..host import Function

__all__ = ["Functions"]

Tick = Callable[[], object]

_running: Tick | None = None
"""Of the function that runs now; None while there is none, or it is suspended."""


class Functions:
    """The Python functions of one connection.

    ``tick`` lets the event loop run and tells whether to stop; it may be called from within any
    of them.
    """

    def __init__(self, con: sqlite3.Connection, tick: Tick) -> None:
        self._con = con
        self.tick = tick
        self.failure: SessionError | None = None
        """Why the last of them that failed did."""

    def register(self, function: Function) -> None:
        """Makes ``function`` one of SQL.  Errors are those of ``create_function``.

        From Python's main thread only: no other one may handle signals (ValueError).
        """
        signal.signal(signal.SIGALRM, _on_alarm)
        self._con.create_function(
            function.name,
            function.arguments,
            _Call(self, function),
            deterministic=function.deterministic,
        )

    @contextmanager
    def naming_failures(self) -> Iterator[None]:
        """Within the block, what a function raises is raised as FunctionFailed or Cancelled.

        sqlite3 itself says only that there was an exception.
        """
        self.failure = None
        try:
            yield
        except sqlite3.OperationalError:
            if self.failure is None:
                raise
            raise self.failure from None


class _Call:
    """What SQLite calls."""

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
            said = f"{self._function.name}: {type(error).__name__}: {error}"
            self._owner.failure = FunctionFailed(said)
            raise
        finally:
            _running = None


def _on_alarm(_signal: int, frame: FrameType | None) -> None:
    global _running
    tick = _running
    # _Call itself is never left by an exception of ours: it says whether a function runs.
    if tick is None or frame is None or frame.f_code is _Call.__call__.__code__:
        return
    # While the function is suspended others run, whose Python may be called by SQLite's file
    # system: nothing can be suspended from there.
    _running = None
    stop = tick()
    _running = tick
    if stop:
        raise Cancelled
