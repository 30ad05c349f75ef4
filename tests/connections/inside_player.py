"""Plays scripts inside Pyodide: over a pool, and over files in memory that SQLite's unix VFS opens.

The second is what the first must equal: the very same SQLite, with the locks of os_unix.c.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sahpool_io
from pyodide.code import run_js

import sahpool
from sahpool.opfs_pool.header import SECTOR_SIZE
from tests.connections.script import Folder, Outcome, Player, Step
from tests.harness.inside_pools import assert_nothing_is_open, slot_of, slots_of


class Pooled:
    """The databases of a pool."""

    def __init__(self, pool: sahpool.Pool) -> None:
        self.pool = pool

    def uri(self, name: str, mode: str | None) -> str:
        return self.pool.uri(name, **({"mode": mode} if mode else {}))

    def opened(self, connection: Any, name: str, mode: str | None) -> None:
        """Nothing: the pool has done it."""

    async def killed(self, let_go: Any) -> None:
        slots = slots_of(self.pool)
        kept = []
        for path in slots.paths:
            slot = slot_of(self.pool, path)
            size = slot.handle.size() - SECTOR_SIZE
            kept.append((path, slot.flags, slot.handle.read(size, SECTOR_SIZE)))
        let_go()
        await self.pool.wipe_files()
        for path, flags, data in kept:
            slots.create(path, flags).handle.write(data, SECTOR_SIZE)

    async def emptied(self) -> None:
        """Nothing is left of a script: no file, no lock, no WAL-index."""
        assert_nothing_is_open(self.pool)
        await self.pool.wipe_files()


_place: Pooled | None = None
_player: Player | None = None  # of a script that is played in parts


async def begin(name: str, pragmas: Mapping[str, Any]) -> None:
    """Opens the pool for scripts; after a restart it is the one from before."""
    global _place, _player
    pool = await sahpool.install(name, initial_capacity=16, pragmas=pragmas)
    _place, _player = Pooled(pool), None


async def end() -> None:
    """Removes the pool."""
    assert _place is not None
    await _place.pool.remove_vfs()


async def play(
    steps: list[Step], pragmas: Mapping[str, Any], *, broken: str | None, patient: bool
) -> list[list[Outcome]]:
    """What comes of a script over the pool, and over ordinary files."""
    assert _place is not None
    player = Player(_place, patient=patient)
    with without(broken) if broken else contextlib.nullcontext():
        try:
            there = await player.play(steps)
        finally:
            player.let_go()
            await _place.emptied()
    with tempfile.TemporaryDirectory() as root:
        player = Player(Folder(Path(root) / "unix", pragmas))
        try:
            return [there, await player.play(steps)]
        finally:
            player.let_go()


async def play_part(steps: list[Step], *, patient: bool, last: bool) -> list[Outcome]:
    """What comes of a part of a script; its connections stay for the next one."""
    global _player
    assert _place is not None
    _player = _player or Player(_place, patient=patient)
    outcomes = await _player.play(steps)
    if last:
        _player.let_go()
        _player = None
        await _place.emptied()
    return outcomes


# --- control arms: protections that are taken out -----------------------------------------------


def _file_lock(refuses: str) -> Any:
    """``FileLocks.lock`` of locks.mjs, with another condition; in JavaScript: no Python may run.

    Args:
        refuses: In JavaScript, of ``wanted`` and ``others``, the highest level of others.
    """
    return run_js(f"""
        (function (owner, wanted) {{
          const [NONE, SHARED, RESERVED, PENDING, EXCLUSIVE] = [0, 1, 2, 3, 4];
          const others = this.highest(owner);
          if (this.level(owner) >= wanted) return true;
          if ({refuses}) return false;
          this.levels.set(owner, wanted);
          return true;
        }})
    """)


def _index_lock(refuses: str) -> Any:
    """``IndexLocks.lock`` of locks.mjs, with another condition."""
    return run_js(f"""
        (function (holder, mask, exclusive) {{
          for (const other of this.holders) {{
            if (other !== holder && ({refuses})) return false;
          }}
          if (exclusive) holder.exclusive |= mask;
          else holder.shared |= mask;
          return true;
        }})
    """)


def _unprotected() -> dict[str, tuple[Any, str, Any]]:
    """What each control arm replaces: a method of a prototype."""
    files, index = sahpool_io.FileLocks.prototype, sahpool_io.IndexLocks.prototype
    reader = "wanted === SHARED && others >= PENDING"
    writer = "wanted === RESERVED && others >= RESERVED"
    alone = "wanted === EXCLUSIVE && others > NONE"
    return {
        "no locks at all": (files, "lock", _file_lock("false")),
        "RESERVED is not exclusive": (
            files,
            "lock",
            _file_lock(f"({reader}) || ({alone})"),
        ),
        "PENDING does not keep readers out": (
            files,
            "lock",
            _file_lock(f"(wanted === SHARED && others === EXCLUSIVE) || ({writer}) || ({alone})"),
        ),
        "EXCLUSIVE is granted beside readers": (
            files,
            "lock",
            _file_lock(f"({reader}) || (wanted >= RESERVED && others >= RESERVED)"),
        ),
        "xCheckReservedLock answers 0": (files, "isReserved", run_js("() => false")),
        "xCheckReservedLock answers 1": (files, "isReserved", run_js("() => true")),
        "the index is locked beside its readers": (
            index,
            "lock",
            _index_lock("other.exclusive & mask"),
        ),
        "the index has two writers": (
            index,
            "lock",
            _index_lock("exclusive && other.shared & mask"),
        ),
    }


class without:  # noqa: N801 - reads as a clause
    """A block in which a protection is taken out."""

    def __init__(self, protection: str) -> None:
        self._owner, self._name, self._broken = _unprotected()[protection]

    def __enter__(self) -> None:
        self._whole = getattr(self._owner, self._name)
        setattr(self._owner, self._name, self._broken)

    def __exit__(self, *error: object) -> None:
        setattr(self._owner, self._name, self._whole)
