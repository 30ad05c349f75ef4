"""The storage: how much room there is, and pausing it for another program of this origin."""

from ..job import Job
from ..session import Fields, Session
from .quarantine import slots_of

__all__ = ["OPERATIONS"]


async def storage(session: Session, _job: Job) -> Fields:
    """Reports how much room there is, and the slots in quarantine."""
    host = session.host
    figures = await host.storage.measure()
    return {"kind": host.storage.kind, "quarantined": slots_of(session), **figures}


async def pause(session: Session, _job: Job) -> Fields:
    """Gives up the storage, for every tab, so that another program can use it."""
    session.neighbours.pause(session)
    return {}


async def unpause(session: Session, _job: Job) -> Fields:
    """Takes the storage back, for every tab."""
    await session.neighbours.unpause()
    return {}


OPERATIONS = {"storage": storage, "pause": pause, "unpause": unpause}
