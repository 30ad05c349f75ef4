"""SQLite's default VFS, which opens plain names, as in ``sqlite3.connect("notes.db")``.

A program that calls ``install(default=True)`` relies on its commits being kept. So the default VFS
does not change by itself: while its pool is paused, could not be unpaused or is removed, that VFS
opens temporary files only, and fails with the reason for all others. If it were unregistered,
SQLite would silently use the next VFS of its list, which may be Emscripten's file system in memory.

A registered VFS is never freed and stays in SQLite's list. Each connection keeps the VFS that it
was opened with, connections to ``:memory:`` too: it uses it for temporary files, and looks it up by
name for a VACUUM (``sqlite3.pVfs`` in main.c, attach.c). That costs 19 KB for each removed pool.
"""

from __future__ import annotations

import ctypes

from . import abi
from .vfs import VFS, registered

__all__ = ["make_default", "register", "restore"]

_before: bytes | None = None  # name of the default VFS before a pool's VFS became the default


def register(vfs: VFS, *, default: bool) -> None:
    """Registers a VFS, once; ``default`` makes it the VFS of plain names."""
    if vfs.address in registered:
        return
    if default:
        make_default(vfs)
    else:
        vfs.register(default=False)


def make_default(vfs: VFS) -> None:
    """Registers a VFS as the default, and remembers the default from before all pools."""
    global _before
    default = abi.library().sqlite3_vfs_find(None)
    if ctypes.addressof(default[0]) not in registered:
        _before = default[0].zName
    vfs.register(default=True)


def restore() -> None:
    """Makes the VFS the default again that was so before a pool's VFS."""
    sqlite = abi.library()
    if _before is None or ctypes.addressof(sqlite.sqlite3_vfs_find(None)[0]) not in registered:
        return
    found = sqlite.sqlite3_vfs_find(_before) or sqlite.sqlite3_vfs_find(b"unix")
    sqlite.sqlite3_vfs_register(ctypes.addressof(found[0]), 1)
