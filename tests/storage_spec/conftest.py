"""The places where the storages are tried: those of the tests of the library, one of each here."""

from tests.pyodide.conftest import runtime

__all__ = ["runtime"]
