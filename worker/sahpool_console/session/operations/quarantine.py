"""Slots in quarantine: exporting, recovering and dropping them."""

from ..errors import NameExists, SessionError
from ..formats.names import export_name
from ..host import Quarantine
from ..job import Job
from ..session import Fields, Session
from .files import CHUNK, copy_out

__all__ = ["OPERATIONS", "slots_of"]


def slots_of(session: Session) -> list[Fields]:
    """The slots in quarantine, as replies have them; none while the storage is paused."""
    quarantine = session.host.quarantine
    if quarantine is None or session.neighbours.is_paused:
        return []
    return quarantine.slots()


async def quarantine_export(session: Session, job: Job) -> Fields:
    """Hands out the unchanged content of a slot in quarantine as one binary part."""
    slot = job.request["slot"]
    source = _quarantine(session, slot).chunks(slot, CHUNK)
    kept = _kept(session, slot)
    size = copy_out(session, job, source, kept["size"] if kept else 0)
    name = _offered(kept) or f"unnamed-{slot}"
    return {"name": export_name(name), "size": size}


async def quarantine_recover(session: Session, job: Job) -> Fields:
    """Makes a slot in quarantine a database again; the open database stays open."""
    slot, replace = job.request["slot"], job.request["replace"]
    quarantine = _quarantine(session, slot)
    name = job.request["database"] or _offered(_kept(session, slot)) or "recovered.sqlite"
    if session.host.storage.exists(name) and not replace:
        raise NameExists(name, "database")
    await session.host.storage.prepare()
    current = session.connection
    if current is not None and current.name == name:
        current.require_no_transaction()
    with session.not_open(name, "replaced"):
        size = quarantine.recover(slot, name, replace=replace)
    return {
        "database": name,
        "size": size,
        "databases": session.listed(),
        "quarantined": quarantine.slots(),
    }


async def quarantine_drop(session: Session, job: Job) -> Fields:
    """Erases a slot in quarantine."""
    quarantine = _quarantine(session, job.request["slot"])
    quarantine.drop(job.request["slot"])
    return {"quarantined": quarantine.slots()}


def _quarantine(session: Session, slot: str) -> Quarantine:
    """The storage's quarantine; raises SessionError where the storage has none."""
    if session.host.quarantine is None:
        raise SessionError(
            f"There is no slot {slot} in quarantine: this storage has none.",
            code="no-quarantine",
            slot=slot,
        )
    return session.host.quarantine


def _kept(session: Session, slot: str) -> Fields | None:
    """The description of a slot in quarantine; None when there is none of that name."""
    return next((kept for kept in slots_of(session) if kept["name"] == slot), None)


def _offered(kept: Fields | None) -> str | None:
    """The name of the database or journal to which a slot may belong; None: it is not known."""
    offered: str | None = kept["offered"] if kept else None
    return offered.removeprefix("/") if offered else None


OPERATIONS = {
    "quarantine_export": quarantine_export,
    "quarantine_recover": quarantine_recover,
    "quarantine_drop": quarantine_drop,
}
