"""The list of the storages that the tests of this folder try; inside Pyodide they are opened."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from sahpool.storage import Storage
    from sahpool.volume import Volume

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Opened:
    """A storage that databases can be opened in.

    Attributes:
        volume: The storage and its VFS.
        remove: Deletes everything in it.
        reopen: Gives the storage up and opens it again, as another worker would; None where
            nothing outlives the worker.
    """

    volume: Volume
    remove: Callable[[], Awaitable[object]]
    reopen: Callable[[], Awaitable[object]] | None = None


Open = Callable[..., Awaitable[Opened]]


async def pool(name: str, *, room: int = 12, **options: Any) -> Opened:
    """A pool, with so many spare slots."""
    import sahpool
    from sahpool.pool import parts_of

    made = await sahpool.install(name, spare=room, lock_timeout=5.0, **options)

    async def reopen() -> None:
        made.pause_vfs()
        await made.unpause_vfs()

    return Opened(parts_of(made).volume, made.remove_vfs, reopen)


def plain(module: str, make: Callable[[ModuleType, Any], Storage]) -> Open:
    """Opens a storage that needs nothing but files.

    Args:
        module: The module of the storage.
        make: Gets the module and a function that makes a file in memory; returns the storage.
    """

    async def open_it(name: str, **options: Any) -> Opened:
        from sahpool import browser
        from sahpool.volume import Volume, prepare

        options.pop("room", None)
        io = await browser.io_module()
        prepare(io)
        storage = make(import_module(module), partial(browser.memory_file, io))
        volume = Volume(name, storage, io, **options)
        volume.register()

        async def remove() -> None:
            for path in storage.databases:
                volume.delete(path)
            volume.drop_defaults()
            volume.vfs.dispose()

        return Opened(volume, remove)

    return open_it


#: The storages by name. A new one is a package of ``sahpool`` and a line here.
STORAGES: dict[str, Open] = {
    "opfs_pool": pool,
    "memory": plain("sahpool.memory.store", lambda store, make: store.MemoryStore(make)),
}


@contextlib.asynccontextmanager
async def opened(storage: str, **options: Any) -> AsyncIterator[Opened]:
    """A new, empty storage; at the end of the block nothing may be open or lent."""
    made = await STORAGES[storage](f"spec-{next(_numbers)}", **options)
    try:
        yield made
        volume = made.volume
        assert not volume.vfs.open_paths, f"open: {volume.vfs.open_paths}"
        lent = [path for path in volume.storage.paths if path.startswith("/\x01")]
        assert not lent, f"lent: {lent}"
    finally:
        await made.remove()
