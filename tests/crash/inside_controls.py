"""Control arms: the library with one protection taken out. Each of them must fail."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import js
import sahpool_io
from pyodide.code import run_js
from pyodide.ffi import JsProxy

import sahpool
from sahpool import browser, names, pool
from sahpool.databases import transfer
from sahpool.opfs_pool import header, slot, slots
from sahpool.sqlite import abi
from tests.crash import inside_workloads as workloads
from tests.crash.inside_lab import Live, Step, Workload, content, discard
from tests.harness.inside_modules import io_methods_changed
from tests.harness.inside_pools import slots_of


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute of a class or module is another one within the block."""
    before = getattr(owner, name) if isinstance(owner, JsProxy) else owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _nothing(*_arguments: Any) -> None:
    pass


def no_reserved_lock() -> AbstractContextManager[None]:
    """0 is what xCheckReservedLock answers, as wa-sqlite's and sqlite-wasm-rs's do."""
    return replaced(sahpool_io.FileLocks.prototype, "isReserved", run_js("() => false"))


def always_reserved() -> AbstractContextManager[None]:
    """1 is what xCheckReservedLock answers, as the official package's does up to 3.53.4."""
    return replaced(sahpool_io.FileLocks.prototype, "isReserved", run_js("() => true"))


@contextmanager
def no_locks() -> Iterator[None]:
    """0 is what xCheckReservedLock answers and no lock is ever refused, as in wa-sqlite's pool."""
    granting = replaced(sahpool_io.FileLocks.prototype, "lock", run_js("() => true"))
    with no_reserved_lock(), granting:
        yield


def no_sync() -> AbstractContextManager[None]:
    """Nothing is what xSync does."""

    def without(methods: abi.sqlite3_io_methods, callbacks: Any) -> None:
        methods.xSync = callbacks.bind(abi.XFILE_INT, lambda _file, _flags: 0, 0)

    return io_methods_changed(without)


def no_flush_in_delete() -> AbstractContextManager[None]:
    """A deletion is on the disk some time later."""
    delete = slots.SlotTable.delete

    def lazily(table: slots.SlotTable, path: str) -> bool:
        with replaced(browser.SyncHandle, "flush", _nothing):
            return delete(table, path)

    return replaced(slots.SlotTable, "delete", lazily)


@contextmanager
def old_content_forgotten() -> Iterator[None]:
    """A slot gets a name while its old content may still be on the disk."""
    forgotten = property(lambda _slot: False, _nothing)
    with replaced(slot.Slot, "unsynced", forgotten):
        yield


def _rename_without(flush_number: int) -> AbstractContextManager[None]:
    """One of the flushes of an import's last step is left out."""
    rename, flush = slots.SlotTable.rename, browser.SyncHandle.flush

    def hastily(table: slots.SlotTable, *arguments: Any) -> None:
        calls = itertools.count()

        def some(handle: browser.SyncHandle) -> None:
            if next(calls) != flush_number:
                flush(handle)

        with replaced(browser.SyncHandle, "flush", some):
            rename(table, *arguments)

    return replaced(slots.SlotTable, "rename", hastily)


def name_before_content() -> AbstractContextManager[None]:
    """An import gets its name before its content is on the disk."""
    return _rename_without(0)


def old_freed_before_name() -> AbstractContextManager[None]:
    """What an import replaces is freed before the new one has its name on the disk."""
    return _rename_without(1)


def journal_deleted_first() -> AbstractContextManager[None]:
    """A deletion begins with the journal and the WAL."""

    def unlink(self: sahpool.Pool, name: str) -> bool:
        for suffix in names.COMPANION_SUFFIXES:
            slots_of(self).delete(name + suffix)
        return slots_of(self).delete(name)

    return replaced(pool.Pool, "unlink", unlink)


def old_journal_kept() -> AbstractContextManager[None]:
    """An import leaves the journal and the WAL of the database that it replaces."""
    return replaced(transfer, "settle", _nothing)


def no_second_copy() -> AbstractContextManager[None]:
    """Headers have one copy, as the reference writes them."""
    encode = header.encode

    def once(*arguments: Any, **options: Any) -> bytes:
        return encode(*arguments, **options)[:1024].ljust(header.SECTOR_SIZE, b"\0")

    return replaced(header, "encode", once)


def damaged_is_free() -> AbstractContextManager[None]:
    """A slot whose header cannot be trusted is taken for a free one, as by the reference."""
    decode = header.decode

    def carelessly(*arguments: Any, **options: Any) -> header.Header | header.Damaged:
        found = decode(*arguments, **options)
        return header.Header("", 0) if isinstance(found, header.Damaged) else found

    return replaced(header, "decode", carelessly)


@dataclass(frozen=True)
class Control:
    """A control arm with crashes, of which some must leave a database corrupt or lose rows.

    Attributes:
        patch: Takes the protection out.
        workload: What is done without it, in the journal mode ``mode``.
        within: How the labels of the steps begin to which the crashes are limited.
        before: How many operations before the end of a step the crashes come; 0 for no limit.
    """

    patch: Callable[[], AbstractContextManager[None]]
    workload: Workload
    mode: str = "DELETE"
    synchronous: str = "FULL"
    within: str = ""
    before: int = 0

    def points(self, steps: list[Step]) -> list[int]:
        """The moments of the crashes."""
        points: set[int] = set()
        for last, step in itertools.pairwise(steps):
            end = step.acknowledged + 1
            if step.label.startswith(self.within):
                first = end - self.before if self.before else 0
                points.update(range(max(first, last.acknowledged + 1), end))
        return sorted(points)


CRASHING = {
    "synchronous=OFF": Control(contextlib.nullcontext, workloads.update, synchronous="OFF"),
    "synchronous=OFF in WAL mode": Control(
        contextlib.nullcontext, workloads.checkpoint, "WAL", "OFF"
    ),
    "xCheckReservedLock constant 1": Control(always_reserved, workloads.update),
    "xSync does nothing": Control(no_sync, workloads.update, "WAL"),
    "no flush of a deletion": Control(no_flush_in_delete, workloads.update, before=1),
    "old content under a new name": Control(
        old_content_forgotten, workloads.spares, "WAL", within="open"
    ),
    "name before content": Control(
        name_before_content, workloads.imports, within="import", before=6
    ),
    "old database freed before new name": Control(
        old_freed_before_name, workloads.imports, within="import in place", before=6
    ),
    "old database freed before new name, with a WAL": Control(
        old_freed_before_name, workloads.beside, within="import /a.db", before=6
    ),
    "journal deleted first": Control(journal_deleted_first, workloads.leftovers, within="delete"),
    "old journal kept": Control(old_journal_kept, workloads.leftovers, "WAL"),
}


@contextmanager
def careless() -> Iterator[None]:
    """Headers are written and read as by the reference."""
    with no_second_copy(), damaged_is_free():
        yield


#: Controls in which a damaged header must cost a database.
HEADERS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "header without second copy": no_second_copy,
    "header without second copy, damaged taken for free": careless,
}

#: Controls in which a second connection must come to harm, or do some; with the value of ``PRAGMA
#: synchronous``. A journal that was not synced yet does not look hot unless it is OFF, and where
#: locks are true, a synced one is there only while they keep readers out.
CONNECTIONS: dict[str, tuple[Callable[[], AbstractContextManager[None]], str]] = {
    "xCheckReservedLock constant 0": (no_reserved_lock, "OFF"),
    "xCheckReservedLock constant 0 without locks": (no_locks, "FULL"),
}


async def read_beside_a_writer(rounds: int, synchronous: str) -> list[str]:
    """A connection reads while another one is in the middle of a transaction, in DELETE mode.

    By turns the transaction changes two pages, beside which others may read, and more than the page
    cache holds, so that some are in the file already and readers are refused.

    Returns:
        What was wrong: a read that was refused or saw other rows than those committed, a commit
        that failed, rows that were lost, a database that is corrupt.
    """
    js.memoryOpfs.clear()
    live = Live("DELETE", synchronous, 4096)
    writer = await workloads.start(live)
    await live.pool.top_up()
    wrong: list[str] = []
    try:
        for number in range(rounds):
            large = number % 2
            committed = content(writer.mirror)
            rows = "1" if large else f"id % 30 = {number % 30}"
            writer.run(f"BEGIN; UPDATE t SET v = v || '{number}' WHERE {rows}")
            seen = _read(live)
            if seen != committed and not (large and seen == "database is locked"):
                wrong.append(f"round {number}: the reader found {seen}")
            try:
                writer.run("COMMIT")
                if content(writer.real) != content(writer.mirror):
                    wrong.append(f"round {number}: rows were lost")
            except sqlite3.Error as error:
                wrong.append(f"round {number}: {error}")
                break
        with contextlib.suppress(sqlite3.Error):
            found = writer.real.execute("PRAGMA integrity_check").fetchone()[0]
            wrong += [] if found == "ok" else [found]
    finally:
        live.close()
        discard(live.pool)
    return wrong


def _read(live: Live) -> str:
    """What a second connection sees, or the error that it gets."""
    with contextlib.closing(live.pool.connect("/a.db", isolation_level=None)) as reader:
        try:
            return content(reader)
        except sqlite3.Error as error:
            return str(error)
