"""The places where hostile files are tried: those of the library's other tests."""

from tests.pyodide.conftest import runtime

__all__ = ["runtime"]
