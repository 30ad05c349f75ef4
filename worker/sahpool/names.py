"""The names that files of a pool may have, and SQLite's names for the companions of a database."""

from __future__ import annotations

import hashlib
import re

from .errors import InvalidNameError

#: Suffixes of the companions of a database that may outlive a worker.
COMPANION_SUFFIXES = ("-journal", "-wal")

#: Prefix of the paths of lent slots, for imports, exports and checks; never written to a header.
LENT = "/\x01"

#: Prefix of the name of a pool's Web Lock; the pool's directory follows.
LOCK_PREFIX = "sahpool:"

MAX_PATH_BYTES = 510  #: longest path that a storage keeps, in bytes of UTF-8

#: Suffixes that SQLite adds to a database's name for its journal, WAL and super-journal
#: (``main.c``, ``vdbeaux.c``).
_COMPANION = re.compile(r"-(?:journal|wal|mj[0-9A-F]{9})$")
_SUPER_JOURNAL = re.compile(r"-mj[0-9A-F]{9}$")


def check_path(path: str) -> str:
    """Returns the path in the pool of a file whose name a user has given.

    Characters are taken as they are, ``?``, ``#``, spaces and non-ASCII included. ``.`` and ``..``
    and empty parts are resolved, as os_unix.c and the reference do it: a program that asks for
    ``./notes.db`` today and for ``notes.db`` tomorrow means one database.

    Raises:
        InvalidNameError: The name is empty, holds a NUL or is too long.
    """
    if "\0" in path:
        raise InvalidNameError(
            f"The name {path!r} holds a NUL character.", hint="Choose a name without it."
        )
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise InvalidNameError(
            "A database needs a name.", hint="Give it one, for example notes.db."
        )
    path = "/" + "/".join(parts)
    try:
        length = len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise InvalidNameError(
            f"The name {path!r} cannot be written as UTF-8.", hint="Choose another one."
        ) from error
    if length > MAX_PATH_BYTES:
        raise _too_long(path, length)
    return path


def check_new_database(path: str) -> None:
    """Checks that a new database may have this path.

    Raises:
        InvalidNameError: SQLite would take the file for a companion of another database, and delete
            it; or the path is one of those for lent slots.
    """
    if path.startswith(LENT):
        raise InvalidNameError(
            f"A database cannot be called {path!r}: the pool keeps names that begin with the "
            "character U+0001 for files of its own.",
            hint="Choose another name.",
        )
    found = _COMPANION.search(path)
    if found is not None:
        raise InvalidNameError(
            f"A database cannot be called {path}: SQLite keeps names that end in {found[0]} "
            "for its own journals.",
            hint="Choose another ending.",
        )


def database_of(path: str) -> str:
    """The path of the database that a journal or WAL belongs to by name; other paths unchanged."""
    for suffix in COMPANION_SUFFIXES:
        if path.endswith(suffix):
            return path.removesuffix(suffix)
    return path


def is_companion(path: str) -> bool:
    """Whether the name is one that SQLite gives to a journal, a WAL or a super-journal."""
    return _COMPANION.search(path) is not None


def is_super_journal(path: str) -> bool:
    """Whether the name is one that SQLite gives to a super-journal."""
    return _SUPER_JOURNAL.search(path) is not None


def stored_path(path: str) -> str:
    """The path that a header has for ``path``.

    It is the same path, except for a companion whose suffix does not fit behind the database's
    path: that one gets a hash of the database's path, so that a database may use all 510 bytes. The
    reference cannot open such a database at all, so compatibility loses nothing.

    Raises:
        InvalidNameError: The path is too long and not that of a companion.
    """
    raw = path.encode("utf-8", "surrogateescape")
    if len(raw) <= MAX_PATH_BYTES:
        return path
    found = _COMPANION.search(path)
    if found is not None:
        base = path[: found.start()].encode("utf-8", "surrogateescape")
        return f"/.{hashlib.sha256(base).hexdigest()}{found[0]}"
    raise _too_long(path, len(raw))


def _too_long(path: str, length: int) -> InvalidNameError:
    return InvalidNameError(
        f"The name {path[:24]}… is {length} bytes long; "
        f"a name may have at most {MAX_PATH_BYTES} bytes.",
        hint="Choose a shorter name.",
    )
