"""Test functions that run inside the runtime: their source is sent there and awaited."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sahpool import Pool

_numbers = itertools.count(1)

_PRELUDE = (Path(__file__).parent / "prelude.py").read_text(encoding="utf-8")

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
        module = inspect.getmodule(function)
        assert module is not None
        # What the module imports from the standard library, the function may use there too.
        imported = re.findall(r"^import (\w+)$", inspect.getsource(module), re.MULTILINE)
        imports = "".join(
            f"import {name}\n" for name in imported if name in sys.stdlib_module_names
        )
        source = textwrap.dedent(inspect.getsource(function))
        source = source[source.index("async def") :]

        def test(runtime: Any) -> None:
            call = _CALL.format(
                name=function.__name__,
                pool_name=json.dumps(f"test-{next(_numbers)}"),
                options=repr(options),
            )
            runtime.run(_PRELUDE + imports + source + call)

        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        return test

    return decorate
