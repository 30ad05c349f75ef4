"""What a session asks of the service that it belongs to: about the sessions of other tabs."""

from typing import Protocol, TypeVar

__all__ = ["Neighbours"]

S = TypeVar("S")


class Neighbours(Protocol[S]):
    """The other sessions, as one of them sees them; ``S`` is the type of a session."""

    is_paused: bool
    """Whether another program has the storage for the time being."""

    def holders(self, session: S) -> list[S]:
        """The other sessions that hold a lock which may be in the way of this one."""
        ...

    async def released(self, seconds: float) -> None:
        """Returns once a session may have let go of a lock, after ``seconds`` at the latest."""
        ...

    def let_go(self) -> None:
        """Wakes everybody in released()."""
        ...

    def committed(self, session: S) -> None:
        """The session may have committed: others on the same database look for it."""
        ...

    def require_unused(self, name: str, session: S, what: str) -> None:
        """Raises UsedElsewhere when another session has the database open.

        ``what`` is what cannot be done to it then, as a participle: "deleted".
        """
        ...

    def tell_tabs(self) -> None:
        """Tells every tab which tabs there are."""
        ...

    def pause(self, session: S) -> None:
        """Closes every session's database and lets go of the storage.

        Raises UsedElsewhere or TransactionOpen, and changes nothing, while one of them is at work.
        """
        ...

    async def unpause(self) -> None:
        """Takes the storage back; every tab opens its database again when it is told."""
        ...
