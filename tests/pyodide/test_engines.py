"""The engines themselves: what a test may rely on in each of the three places."""

from __future__ import annotations

import pytest

from tests.pyodide.engines import Engine, RemoteError

pytestmark = pytest.mark.real


def test_the_last_expression_comes_back(runtime: Engine) -> None:
    assert runtime.run("import sys\n[*sys.version_info[:2], word]", word="é") == [3, 14, "é"]


def test_an_exception_inside_is_an_exception_here(runtime: Engine) -> None:
    with pytest.raises(RemoteError, match="no such table: nowhere") as caught:
        runtime.run("import sqlite3\nsqlite3.connect(':memory:').execute('select * from nowhere')")
    assert caught.value.type == "OperationalError"


def test_the_storage_outlives_a_worker_that_was_ended(runtime: Engine) -> None:
    write = """
        import sahpool
        pool = await sahpool.install("engines")
        con = pool.connect("kept.db")
        con.execute("CREATE TABLE IF NOT EXISTS t (a)")
        con.execute("INSERT INTO t VALUES (7)")
        con.commit()
    """
    read = """
        import sahpool
        pool = await sahpool.install("engines")
        con = pool.connect("kept.db")
        rows = con.execute("SELECT a FROM t").fetchall()
        con.close()
        await pool.remove_vfs()
        rows
    """
    runtime.run(write)
    runtime.restart()
    assert runtime.run(read) == [[7]]
    runtime.restart(keep=False)
    with pytest.raises(RemoteError, match="no such table"):
        runtime.run(read)
    runtime.restart(keep=False)
