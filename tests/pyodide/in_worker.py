"""Test functions that run inside the runtime: their source is sent there and awaited."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

from tests.matrix import PARAMS

_numbers = itertools.count(1)

#: What stands before the source of each test: the harness's names, and that annotations are not
#: evaluated.
PRELUDE = """
from __future__ import annotations
from tests.harness.inside_modules import *
from tests.harness.inside_pools import *
from tests.harness.inside_prelude import *
"""

_CALL = """
_name = {pool_name}
pool = await sahpool.install(_name, lock_timeout=5.0, **{options})
try:
    {name}_result = await {name}(pool{values})
finally:
    for _pool in list(installed_pools().values()):
        if not _pool.is_paused and not vfs_of(_pool).open_paths:
            await _pool.remove_vfs()
    sahpool.set_default(None)
{name}_result
"""


def in_worker(
    **options: Any,
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Makes a test of a coroutine function that is run in the runtime, with a pool of its own.

    What the function takes besides the pool are parameters of the test.

    Args:
        **options: For ``sahpool.install``.
    """

    def decorate(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        module = inspect.getmodule(function)
        assert module is not None
        # What the module imports from the standard library, the function may use there too.
        imported = re.findall(r"^import (\w+)$", inspect.getsource(module), re.MULTILINE)
        imports = "".join(
            f"import {name}\n" for name in imported if name in sys.stdlib_module_names
        )
        source = textwrap.dedent(inspect.getsource(function))
        source = source[source.index("async def") :]

        parameters = list(inspect.signature(function).parameters.values())[1:]

        def test(runtime: Any, **values: Any) -> None:
            call = _CALL.format(
                name=function.__name__,
                pool_name=json.dumps(f"test-{next(_numbers)}"),
                options=repr(options),
                values="".join(f", {each.name}={each.name}" for each in parameters),
            )
            runtime.run(PRELUDE + imports + source + call, **values)

        first = inspect.Parameter("runtime", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        test.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]

        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        return test

    return decorate


#: Where Python can wait for a promise within a function (JSPI): Node cannot.
WITH_STACK_SWITCHING = PARAMS
