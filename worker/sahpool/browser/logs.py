"""The library's log in the browser's console.

What is told goes to Python's logger "sahpool" like any library's, and a program may treat it as any
other logger. ``set_verbosity`` is the short way: a level, and a handler that writes to the console.
The root logger is left alone, and records still reach it.
"""

from __future__ import annotations

import logging

import js

from ..sqlite import heap

_log = logging.getLogger("sahpool")
# Or Python would write warnings to standard error of which nobody has asked to be told.
_log.addHandler(logging.NullHandler())

#: Verbosity, on the scale of the reference's option of that name, to the level of the logger.
_LEVELS = (logging.CRITICAL + 1, logging.ERROR, logging.WARNING, logging.DEBUG)

#: The console's method for records of at least that level; consoles colour and filter by it.
_METHODS = (
    (logging.ERROR, "error"),
    (logging.WARNING, "warn"),
    (logging.INFO, "info"),
    (logging.NOTSET, "debug"),
)


class _ConsoleHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        method = next(name for level, name in _METHODS if record.levelno >= level)
        try:
            getattr(js.console, method)(heap.shown(self.format(record)))
        except Exception:  # noqa: BLE001 - what every Handler does: telling must never fail
            self.handleError(record)


_handler = _ConsoleHandler()
_handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))


def set_verbosity(level: int) -> None:
    """Has the library write to the browser's console what it does, from now on.

    Sets the level of the logger "sahpool" and gives it a handler, once, that writes to
    ``console.error``, ``warn``, ``info`` or ``debug``; the last is hidden in most consoles unless
    their level "verbose" or "debug" is on. No other logger is changed.

    Args:
        level: 0 nothing; 1 errors, what the storage refused to do; 2 warnings as well, among them
            every failure that SQLite gets to hear as a result code; 3 everything, down to each call
            of SQLite's, which slows it down.

    Raises:
        ValueError: ``level`` is none of these.
    """
    if level not in range(len(_LEVELS)):
        raise ValueError(f"not a verbosity from 0 to {len(_LEVELS) - 1}: {level!r}")
    if level:
        _log.addHandler(_handler)  # which it is given twice, it keeps once
    else:
        _log.removeHandler(_handler)
    _log.setLevel(_LEVELS[level])
