"""Steps of the tests over storages; inside Pyodide."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sahpool.storage import Storage
    from sahpool.volume import Volume

MODES = ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF", "WAL")

FILL = "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


def connect(volume: Volume, name: str, mode: str = "", **options: Any) -> Any:
    """A connection in autocommit mode, and in a journal mode; for ``with``."""
    con = volume.connect(name, isolation_level=None, **options)
    if mode:
        ((found,),) = con.execute(f"PRAGMA journal_mode={mode}").fetchall()
        assert found == mode.lower(), f"{found} instead of {mode}"
    return contextlib.closing(con)


def fill(con: sqlite3.Connection, rows: int, mark: str = "old") -> None:
    """Adds rows of about 500 bytes to t, in one transaction."""
    con.execute(FILL.format(rows) + " SELECT ?, i, zeroblob(500) FROM n", (mark,))


def make(con: sqlite3.Connection) -> None:
    """Makes the table t."""
    con.execute("CREATE TABLE t (mark TEXT, i INTEGER, filling BLOB)")


def marks(con: sqlite3.Connection) -> dict[str, int]:
    """How many rows of t have each mark; the database has to be sound."""
    ((sound,),) = con.execute("PRAGMA integrity_check").fetchall()
    assert sound == "ok", sound
    return dict(con.execute("SELECT mark, count(*) FROM t GROUP BY mark"))


def content(storage: Storage, path: str) -> bytes | None:
    """The bytes of a file; None when there is none of that path."""
    stored = storage.find(path)
    return None if stored is None else stored.file.read(stored.file.size(), 0)


def copy_as_killed(storage: Storage, old: str, new: str, cut: int | None = None) -> None:
    """Makes of a database and its journals copies as a worker leaves them that is killed now.

    Args:
        storage: The storage.
        old: Path of the database.
        new: Path of the copy, which must not exist.
        cut: How many bytes of a WAL are there; None for all of them.
    """
    kinds = {"": 0x100, "-journal": 0x800, "-wal": 0x80000}
    for suffix, kind in kinds.items():
        found = content(storage, old + suffix)
        if found is not None:
            if suffix == "-wal" and cut is not None:
                found = found[:cut]
            file = storage.create(new + suffix, kind | 0x6).file
            assert file.write(found, 0) == len(found)
            file.flush()


class Breaking:
    """Makes calls of the objects fail that a storage keeps its bytes in.

    Attributes:
        failed: How many calls have failed since the last ``fail``.
    """

    def __init__(self, storage: Storage) -> None:
        from pyodide.code import run_js

        lent = storage.lend("/\x01breaking")
        self._control = run_js(_BREAKING)(lent.file.raw)
        storage.take_back("/\x01breaking")

    @property
    def failed(self) -> int:
        return int(self._control.failed())

    def fail(self, method: str, nth: int, *, sticky: bool) -> None:
        """The nth call of a method from now on fails, and all after it when ``sticky``."""
        self._control.fail(method, nth, sticky)

    def heal(self) -> None:
        """From now on nothing fails."""
        self._control.heal()

    def restore(self) -> None:
        """Undoes everything."""
        self._control.restore()


_BREAKING = """
(raw) => {
  const methods = ["read", "write", "truncate", "flush"];
  const prototype = Object.getPrototypeOf(raw);
  const own = Object.fromEntries(methods.map((name) => [name, prototype[name]]));
  let told = null;
  let failed = 0;
  for (const name of methods) {
    prototype[name] = function (...args) {
      const mayFail = told !== null && told.name === name && --told.left <= 0;
      if (mayFail && (told.sticky || failed === 0)) {
        failed++;
        throw new DOMException("told to fail", "QuotaExceededError");
      }
      return own[name].apply(this, args);
    };
  }
  return {
    fail: (name, left, sticky) => { told = { name, left, sticky }; failed = 0; },
    heal: () => { told = null; },
    failed: () => failed,
    restore: () => Object.assign(prototype, own),
  };
}
"""


@contextlib.contextmanager
def breaking(storage: Storage) -> Iterator[Breaking]:
    """Within the block calls can be made to fail."""
    made = Breaking(storage)
    try:
        yield made
    finally:
        made.restore()


def exported(volume: Volume, name: str) -> bytes:
    """What an export hands out."""
    from sahpool.databases.transfer import export_chunks

    return b"".join(export_chunks(volume.access, volume.existing(name), 10_000))


async def bring(volume: Volume, name: str, data: bytes, **options: Any) -> int:
    """Imports a database, in pieces; ``options`` are ``replace``, ``wal`` and ``journal``."""
    from sahpool.databases import beside, sources
    from sahpool.names import check_path

    replace = options.pop("replace", False)
    pieces = [data[at : at + 5000] for at in range(0, len(data), 5000)]
    given = sources.those_given(**options)
    source = sources.opened(pieces)
    return await beside.import_db(volume.access, check_path(name), source, replace, given)
