"""The state of a pool (open, paused or removed), and the errors when it is not open."""

from __future__ import annotations

from .errors import PoolClosedError
from .opfs_pool.hold import Hold


class Standing:
    """The state of one pool.

    Attributes:
        is_removed: Whether it was removed, for good.
        is_ready: Whether SQLite may open its files.
        refusal: Why the last attempt to open or unpause it failed; empty when none has failed.
    """

    def __init__(self, name: str, hold: Hold) -> None:
        self.is_removed = False
        self.is_ready = False
        self.refusal = ""
        self._name = name
        self._hold = hold

    @property
    def is_paused(self) -> bool:
        """Whether the pool's handles are released."""
        return self._hold.opaque is None

    def check_there(self) -> None:
        """Raises PoolClosedError when the pool was removed."""
        if self.is_removed:
            raise self._closed("removed", "Install it again.")

    def check_open(self) -> None:
        """Raises PoolClosedError when the pool is paused or was removed."""
        self.check_there()
        if self.is_paused:
            because = f": it was not had back. {self.refusal}" if self.refusal else "."
            raise PoolClosedError(
                f"The pool {self._name} is paused{because}", hint="Await pool.unpause_vfs()."
            )

    def check_ready(self) -> None:
        """Raises PoolClosedError when SQLite may not open a file of the pool.

        The messages also explain it to a program that used a plain name (default_vfs.py).
        """
        if self.is_removed:
            raise self._closed(
                "removed, and plain names led to it",
                "Install a pool with default=True, or say sahpool.set_default(None): plain names "
                "lead to Pyodide's own file system then, of which nothing is kept.",
            )
        self.check_open()
        if not self.is_ready:
            raise self._closed("still being opened", "Await that first.")

    def _closed(self, state: str, hint: str) -> PoolClosedError:
        return PoolClosedError(f"The pool {self._name} is {state}.", hint=hint)
