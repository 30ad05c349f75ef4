"""Checks of the arguments of ``install`` and of a pool's methods; needs no browser.

All arguments are checked before anything is opened or changed.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping

#: A keyword or a number, as SQLite takes them without quotes: a value cannot be another statement.
_PRAGMA_VALUE = re.compile(r"-?[A-Za-z0-9]+", re.ASCII)

_SMALLEST_CHUNK = 512  # bytes


def check_name(name: str) -> None:
    """Checks that a VFS and its pool may have this name.

    Raises:
        TypeError, ValueError: It may not.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a pool is a string, not {name!r}")
    if not name or not all(map(_is_file_name, f".{name}".split("/"))):
        raise ValueError(
            f"{name!r} cannot be the name of a pool: it must be one that a directory can have, "
            "without '.' or '..' in its path and without backslash or NUL"
        )


def checked_directory(directory: str | None, name: str) -> str:
    """Returns the path of a pool's directory in one spelling: without superfluous slashes.

    Args:
        directory: The path as given; None for the default, that of the reference (header.py).
        name: Name of the pool.

    Raises:
        TypeError, ValueError: There can be no such directory below the origin's root.
    """
    if directory is None:
        return "." + name
    if not isinstance(directory, str):
        raise TypeError(f"directory must be a path, as a string, not {directory!r}")
    parts = [part for part in directory.split("/") if part]
    if not parts or not all(map(_is_file_name, parts)):
        raise ValueError(
            f"{directory!r} is no directory for a pool: it must be a path below the origin's root, "
            "such as 'data/pool', without '.' or '..' and without backslash or NUL"
        )
    return "/".join(parts)


def _is_file_name(part: str) -> bool:
    """Whether browsers accept a name (fs.spec.whatwg.org, "valid file name"), and SQLite's URIs."""
    if part in ("", ".", "..") or "\\" in part or "\0" in part:
        return False
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_counts(**counts: int) -> None:
    """Checks numbers of slots or bytes, given by the names of their arguments.

    Raises:
        TypeError, ValueError: One is not a whole number of 0 or more.
    """
    for what, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool):
            raise TypeError(f"{what} must be a whole number, not {count!r}")
        if count < 0:
            raise ValueError(f"{what} must be 0 or more, not {count}")


def check_chunks(size: int) -> None:
    """Checks the size of an export's chunks, in bytes.

    Raises:
        ValueError: It is less than 512, so that the database's header may not fit into one chunk.
    """
    if size < _SMALLEST_CHUNK:
        raise ValueError(f"chunks of {size} bytes are too small: at least {_SMALLEST_CHUNK}")


def check_seconds(what: str, seconds: float) -> None:
    """Checks a time to wait.

    Raises:
        TypeError, ValueError: It is not a finite number of 0 or more.
    """
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"{what} must be a number of seconds, not {seconds!r}")
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{what} must be a finite number of seconds, 0 or more, not {seconds}")


def check_pragmas(pragmas: Mapping[str, str | int]) -> None:
    """Checks the PRAGMAs for every connection.

    Raises:
        TypeError, ValueError: SQLite has no PRAGMA of that name, or a value is not one word or
            number.
    """
    if not isinstance(pragmas, Mapping):
        raise TypeError(f"pragmas must map names to values, not be {pragmas!r}")
    connection = sqlite3.connect(":memory:")
    known = {name for (name,) in connection.execute("PRAGMA pragma_list")}
    connection.close()
    for name, value in pragmas.items():
        if name not in known:
            raise ValueError(f"pragmas: SQLite {sqlite3.sqlite_version} has no PRAGMA {name!r}")
        if name == "wal_autocheckpoint":
            raise ValueError(
                "pragmas: SQLite sets wal_autocheckpoint to 1000 itself once a connection has "
                "opened: give it to each connection, with connection.execute"
            )
        if not isinstance(value, str | int):
            raise TypeError(f"pragmas: {name} must be a word or a whole number, not {value!r}")
        if not _PRAGMA_VALUE.fullmatch(str(value)):
            raise ValueError(f"pragmas: {name} must be one word or number, not {value!r}")
