"""The address of a connection, which is read from an object of CPython's, is checked."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import sahpool
from tests.harness.inside_pools import forgotten_layout
from tests.harness.inside_prelude import expect
from tests.pyodide.in_worker import in_worker

if TYPE_CHECKING:
    from sahpool import Pool


@in_worker()
async def test_a_pool_is_not_installed_where_a_connection_has_another_address(pool: Pool) -> None:
    from sahpool.sqlite import abi

    other = sqlite3.connect(":memory:")
    address = abi.connection_pointer(other)
    unknown = expect(sahpool.UnsupportedError, "layout")
    with forgotten_layout(lambda _connection: address), unknown:
        await sahpool.install("elsewhere", directory="elsewhere")
    # With the right address it is.
    with forgotten_layout():
        await (await sahpool.install("elsewhere", directory="elsewhere")).remove_vfs()
    other.close()
