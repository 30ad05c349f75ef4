"""Which VFS plain names lead to, as in ``sqlite3.connect("notes.db")``.

A program that has asked for ``install(default=True)`` counts on it that what it commits is kept. So
SQLite's default VFS does not change by itself: while its pool is paused, was not had back or is
removed, that VFS opens temporary files and nothing else, and says why. If it went, SQLite would
take the next one of its list, which may be Emscripten's file system in memory, and say nothing.

A VFS that SQLite has known is kept for good, in its list too. Each connection keeps the one that it
was opened with, those of ``:memory:`` as well, asks it for temporary files, and looks it up by its
name for a VACUUM (``sqlite3.pVfs`` in main.c, attach.c). That is 19 KB for each removed pool.
"""

from __future__ import annotations

import ctypes

from . import abi
from .vfs import VFS, registered

__all__ = ["make_default", "register", "restore"]

_before: bytes | None = None  # name of what was the default before a pool's VFS was


def register(vfs: VFS, *, default: bool) -> None:
    """Makes SQLite know a VFS, once; ``default`` makes it the one for plain names."""
    if vfs.address in registered:
        return
    if default:
        make_default(vfs)
    else:
        vfs.register(default=False)


def make_default(vfs: VFS) -> None:
    """Has plain names lead to a VFS that SQLite knows."""
    global _before
    default = abi.library().sqlite3_vfs_find(None)
    if ctypes.addressof(default[0]) not in registered:
        _before = default[0].zName
    vfs.register(default=True)


def restore() -> None:
    """Has plain names lead where they did before a pool was chosen."""
    sqlite = abi.library()
    if _before is None or ctypes.addressof(sqlite.sqlite3_vfs_find(None)[0]) not in registered:
        return
    found = sqlite.sqlite3_vfs_find(_before) or sqlite.sqlite3_vfs_find(b"unix")
    sqlite.sqlite3_vfs_register(ctypes.addressof(found[0]), 1)
