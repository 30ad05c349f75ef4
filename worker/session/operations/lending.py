"""Lending the storage to another program of this origin, and taking it back."""

from ..job import Job
from ..session import Fields, Session

__all__ = ["OPERATIONS"]


async def pause(session: Session, _job: Job) -> Fields:
    """Lets go of the storage, for every tab."""
    session.neighbours.pause(session)
    return {}


async def unpause(session: Session, _job: Job) -> Fields:
    """Takes the storage back."""
    await session.neighbours.unpause()
    return {}


OPERATIONS = {"pause": pause, "unpause": unpause}
