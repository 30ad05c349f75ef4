"""Test functions that run inside Pyodide, once over each storage."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

import serve
from tests.matrix import PARAMS
from tests.pyodide.engines import Engine
from tests.storage_spec.inside_storages import STORAGES

#: The modules of this folder that are there inside.
INSIDE = ("inside_storages", "inside_steps")

_SHIP = """
import sys
from pathlib import Path
for path, text in files.items():
    file = Path("/lib/under-test") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    sys.modules.pop(path.removesuffix(".py").replace("/", "."), None)
"""

_PRELUDE = """
from __future__ import annotations
from tests.harness.inside_prelude import *
from tests.storage_spec.inside_steps import *
from tests.storage_spec.inside_storages import opened as storage_opened
"""

_CALL = """
async with storage_opened({storage!r}, **{options!r}) as made:
    {name}_result = await {name}({values})
{name}_result
"""


def ship(runtime: Engine, files: dict[str, str] | None = None) -> None:
    """Writes the modules of this folder into an engine's Python, and other files by their paths."""
    paths = [f"tests/storage_spec/{name}.py" for name in INSIDE]
    texts = {path: (serve.ROOT / path).read_text(encoding="utf-8") for path in paths}
    runtime.run(_SHIP, files={**texts, **(files or {})})


def source_of(function: Callable[..., Any]) -> str:
    """The source of a test, with what its module imports of the standard library."""
    module = inspect.getmodule(function)
    assert module is not None
    imported = re.findall(r"^import (\w+)$", inspect.getsource(module), re.MULTILINE)
    imports = "".join(f"import {name}\n" for name in imported if name in sys.stdlib_module_names)
    source = textwrap.dedent(inspect.getsource(function))
    return _PRELUDE + imports + source[source.index("async def") :]


def call_of(function: Callable[..., Any], storage: str, options: dict[str, Any]) -> str:
    """The call of a test over a storage; its parameters beside the storage are global there."""
    names = list(inspect.signature(function).parameters)[1:]
    values = ", ".join(["made", *(f"{name}={name}" for name in names)])
    return _CALL.format(storage=storage, options=options, name=function.__name__, values=values)


class Case(NamedTuple):
    """A test of this folder.

    Attributes:
        function: The coroutine function.
        options: The options of the storage.
        test: The test that pytest runs, with its marks.
    """

    function: Callable[..., Awaitable[None]]
    options: dict[str, Any]
    test: Callable[..., None]

    def run(self, runtime: Engine, storage: str, **values: Any) -> None:
        """Runs it over a storage; the modules of this folder must be there inside."""
        call = call_of(self.function, storage, self.options)
        runtime.run(source_of(self.function) + call, **values)


#: The tests of this folder whose modules were imported, by their names.
CASES: dict[str, Case] = {}


def over_each_storage(
    *, in_browsers: bool = False, **options: Any
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Makes a test of a coroutine function that gets an ``Opened``, once for each storage.

    It runs in Node. What the function takes besides are parameters of the test.

    Args:
        in_browsers: Whether it runs in the browsers as well.
        **options: For the storage: ``room`` is how many files it can make at once, if it is
            limited; all others are those of ``Volume``.
    """

    def decorate(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        parameters = list(inspect.signature(function).parameters.values())[1:]

        def test(runtime: Engine, storage: str, **values: Any) -> None:
            ship(runtime)
            case.run(runtime, storage, **values)

        case = CASES[function.__name__] = Case(function, options, test)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own = [inspect.Parameter(name, kind) for name in ("runtime", "storage")]
        test.__signature__ = inspect.Signature([*own, *parameters])  # type: ignore[attr-defined]
        test.__name__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        runtimes = [pytest.param("node", marks=pytest.mark.node), *(PARAMS if in_browsers else ())]
        over = pytest.mark.parametrize("storage", list(STORAGES))(test)
        marked: Callable[..., None] = pytest.mark.parametrize("runtime", runtimes, indirect=True)(
            over
        )
        return marked

    return decorate
