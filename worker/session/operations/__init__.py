"""What a tab can ask of its session, one family of operations a module.

Each module has a table OPERATIONS: the name of a request (``protocol.OPS``) and the function that
carries it out.
"""

from ..session import Operation
from . import files, opening, quarantine, rows, run, sample, storage

__all__ = ["OPERATIONS"]

OPERATIONS: dict[str, Operation] = {
    name: operation
    for module in (opening, run, rows, files, sample, quarantine, storage)
    for name, operation in module.OPERATIONS.items()
}
