"""Runs the Python source of one test inside Pyodide, and returns the result as JSON."""

import json
import traceback

import pyodide_js
from pyodide.code import eval_code_async


async def run(source: str, values: str) -> str:
    """Execute ``source`` (top-level await allowed) with the JSON object ``values`` as globals.

    Returns:
        JSON: ``{"value": the last expression}`` or ``{"type": …, "traceback": …}``.
    """
    names = {"__name__": "__main__", **json.loads(values)}
    try:
        value = await eval_code_async(source, names, filename="<test>")
        return _answer({"value": value})
    except BaseException as error:  # noqa: BLE001 - the test reports any exception
        return _answer({"type": type(error).__name__, "traceback": traceback.format_exc()})


def _answer(fields: dict[str, object]) -> str:
    if pyodide_js._module.HEAPU8.length <= 1 << 31:
        return json.dumps(fields)
    # Pyodide passes a wrong string to JavaScript if it lies beyond 2 GiB and is ASCII only.
    return json.dumps({**fields, "": "…"}, ensure_ascii=False)
