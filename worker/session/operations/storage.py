"""The storage: how much room there is, and lending it to another program of this origin."""

from ..job import Job
from ..session import Fields, Session
from .quarantine import slots_of

__all__ = ["OPERATIONS"]


async def storage(session: Session, _job: Job) -> Fields:
    """How much room there is, and what lies in quarantine."""
    host = session.host
    figures = await host.measure()
    return {"kind": host.storage, "quarantined": slots_of(session), **figures}


async def pause(session: Session, _job: Job) -> Fields:
    """Lets go of the storage, for every tab."""
    session.neighbours.pause(session)
    return {}


async def unpause(session: Session, _job: Job) -> Fields:
    """Takes the storage back."""
    await session.neighbours.unpause()
    return {}


OPERATIONS = {"storage": storage, "pause": pause, "unpause": unpause}
