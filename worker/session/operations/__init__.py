"""What a tab can ask of its session, one family of operations a module.

Each module has a table OPERATIONS: the name of a request (``protocol.OPS``) and the function that
carries it out.
"""

from ..session import Operation
from . import files, lending, opening, quarantine, run, sample

__all__ = ["OPERATIONS"]

OPERATIONS: dict[str, Operation] = {
    name: operation
    for module in (opening, run, files, sample, quarantine, lending)
    for name, operation in module.OPERATIONS.items()
}
