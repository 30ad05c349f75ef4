"""The library's log in the browser's console.

The library logs to Python's logger "sahpool", which a program may configure like any other.
``set_verbosity`` is a shortcut that sets its level and adds a handler that writes to the console.
The root logger is not changed, and records still reach it.
"""

from __future__ import annotations

import logging

import js

from ..sqlite import heap

_log = logging.getLogger("sahpool")
# Otherwise Python would write warnings to standard error that nobody asked for.
_log.addHandler(logging.NullHandler())

#: Level of the logger by verbosity, which has the scale of the reference's option of that name.
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
    """Has the library log to the browser's console from now on.

    Sets the level of the logger "sahpool" and gives it one handler, which writes to
    ``console.error``, ``warn``, ``info`` or ``debug``; the last is hidden in most consoles unless
    their level "verbose" or "debug" is on. No other logger is changed.

    Args:
        level: 0 for nothing; 1 for errors, which are refusals of the storage; 2 for warnings as
            well, among them every failure that SQLite gets as a result code; 3 for everything, down
            to each call by SQLite, which slows it down.

    Raises:
        ValueError: ``level`` is none of these.
    """
    if level not in range(len(_LEVELS)):
        raise ValueError(f"not a verbosity from 0 to {len(_LEVELS) - 1}: {level!r}")
    if level:
        _log.addHandler(_handler)  # ignores a handler that is already attached
    else:
        _log.removeHandler(_handler)
    _log.setLevel(_LEVELS[level])
