"""What tests share, and the only place in them that reads private attributes of other modules.

``inside_*.py`` run in Pyodide: every engine of the tests has them as ``tests.harness.…``
(tests/pyodide/engine.mjs). A test that needs something of the library's that is private asks for it
here, by a function: when the library changes, one function changes.
"""
