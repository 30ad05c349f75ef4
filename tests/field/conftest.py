"""The places where reported failures are tried: those of the library's other tests."""

from tests.pyodide.conftest import runtime

__all__ = ["runtime"]
