"""What a session asks of its service: who holds locks, who uses a database, pausing the storage."""

from typing import Protocol, TypeVar

__all__ = ["Neighbours"]

S = TypeVar("S")


class Neighbours(Protocol[S]):
    """The service as one session sees it; ``S`` is the type of a session."""

    is_paused: bool
    """Whether another program has the storage for the time being."""

    def holders(self, session: S) -> list[S]:
        """The lock holders among the other sessions whose lock may keep this one waiting."""
        ...

    async def released(self, seconds: float) -> None:
        """Returns once a session may have released a lock, after ``seconds`` at the latest."""
        ...

    def let_go(self) -> None:
        """Wakes every session that waits in released()."""
        ...

    def committed(self, session: S) -> None:
        """Tells other sessions on the same database that this one may have committed."""
        ...

    def require_unused(self, name: str, session: S, what: str) -> None:
        """Raises UsedElsewhere when another session has the database open.

        ``what`` completes the message "so it cannot be …": a participle like "deleted".
        """
        ...

    def tell_tabs(self) -> None:
        """Sends every tab the list of all tabs."""
        ...

    def pause(self, session: S) -> None:
        """Closes every session's database and gives up the storage.

        Raises:
            UsedElsewhere: Another session is at work or in a transaction; nothing is changed.
            TransactionOpen: This session is in a transaction; nothing is changed.
        """
        ...

    async def unpause(self) -> None:
        """Takes the storage back and tells every tab, which then opens its database again."""
        ...
