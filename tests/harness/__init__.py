"""Helpers of the tests; the only place in them that reads private attributes of other modules.

``inside_*.py`` run in Pyodide: every engine of the tests has them as ``tests.harness.…``
(tests/pyodide/engine.mjs). A test that needs a private part of the library gets it by a function
here: when the library changes, one function changes.
"""
