"""Test functions that run inside the runtime: their source is sent there and awaited."""

from __future__ import annotations

import inspect
import itertools
import json
import textwrap
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sahpool import Pool

_numbers = itertools.count(1)

#: What a test function may use besides ``pool``. ``expect`` is ``pytest.raises`` without pytest.
_PRELUDE = """
from __future__ import annotations
import asyncio, contextlib, json, math, os, sqlite3, time
import sahpool

class expect(contextlib.AbstractContextManager):
    def __init__(self, kind, text=""):
        self.kind, self.text, self.error = kind, text, None
    def __exit__(self, kind, error, traceback):
        assert error is not None, f"{self.kind.__name__} was not raised"
        assert isinstance(error, self.kind), f"{error!r} is no {self.kind.__name__}"
        assert self.text in str(error), f"{self.text!r} is not in {str(error)!r}"
        self.error = error
        return True

def database(path):
    return contextlib.closing(sqlite3.connect(path, uri=True, isolation_level=None))

def opened(pool, name, **options):
    return contextlib.closing(pool.connect(name, isolation_level=None, **options))

def value(connection, sql, *parameters):
    return connection.execute(sql, parameters).fetchone()[0]

"""

_CALL = """
_name = {pool_name}
pool = await sahpool.install(_name, lock_timeout=5.0, **{options})
try:
    {name}_result = await {name}(pool)
finally:
    for _installed in list(sahpool.pool._installed.values()):
        if not _installed.is_paused and not _installed._vfs.open_paths:
            await _installed.remove_vfs()
{name}_result
"""


def in_worker(
    **options: Any,
) -> Callable[[Callable[[Pool], Awaitable[None]]], Callable[[Any], None]]:
    """Makes a test of a coroutine function that is run in the runtime, with a pool of its own.

    Args:
        **options: For ``sahpool.install``.
    """

    def decorate(function: Callable[[Pool], Awaitable[None]]) -> Callable[[Any], None]:
        source = textwrap.dedent(inspect.getsource(function))
        source = source[source.index("async def") :]

        def test(runtime: Any) -> None:
            call = _CALL.format(
                name=function.__name__,
                pool_name=json.dumps(f"test-{next(_numbers)}"),
                options=repr(options),
            )
            runtime.run(_PRELUDE + source + call)

        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        return test

    return decorate
