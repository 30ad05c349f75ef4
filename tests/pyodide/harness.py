"""Runs inside Pyodide: one test's Python source in, JSON out."""

import json
import traceback

from pyodide.code import eval_code_async


async def run(source: str, values: str) -> str:
    """Execute ``source`` (top-level await allowed) with the JSON object ``values`` as globals.

    Returns JSON: ``{"value": the last expression}`` or ``{"type": …, "traceback": …}``.
    """
    names = {"__name__": "__main__", **json.loads(values)}
    try:
        value = await eval_code_async(source, names, filename="<test>")
        return json.dumps({"value": value})
    except BaseException as error:  # noqa: BLE001 - whatever it was, the test wants to see it
        return json.dumps({"type": type(error).__name__, "traceback": traceback.format_exc()})
