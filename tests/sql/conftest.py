"""The places where statements are run: those of the library's other tests."""

from tests.pyodide.conftest import runtime

__all__ = ["runtime"]
