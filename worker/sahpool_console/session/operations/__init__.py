"""The requests that a session carries out, one family of them in each module.

Each module has a table OPERATIONS: from the name of a request (``protocol.OPS``) to the function
that carries it out. Such a function gets the session and the job, and returns the fields of the
reply.
"""

from ..session import Operation
from . import files, opening, plans, quarantine, rows, run, sample, sorting, storage

__all__ = ["OPERATIONS"]

OPERATIONS: dict[str, Operation] = {
    name: operation
    for module in (opening, run, plans, rows, sorting, files, sample, quarantine, storage)
    for name, operation in module.OPERATIONS.items()
}
