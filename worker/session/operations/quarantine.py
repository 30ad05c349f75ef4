"""Slots in quarantine: out as files, back as databases, gone."""

from ..errors import NameExists
from ..formats.names import export_name
from ..job import Job
from ..session import Fields, Session
from .files import CHUNK, copy_out

__all__ = ["OPERATIONS"]


async def quarantine_export(session: Session, job: Job) -> Fields:
    """What lies in a slot in quarantine as one binary part, as it is."""
    slot = job.request["slot"]
    source = session.host.quarantine_chunks(slot, CHUNK)
    kept = _kept(session, slot)
    size = copy_out(session, job, source, kept["size"] if kept else 0)
    name = _offered(kept) or f"unnamed-{slot}"
    return {"name": export_name(name), "size": size}


async def quarantine_recover(session: Session, job: Job) -> Fields:
    """Makes a slot in quarantine a database again; the current one stays the current one."""
    slot, replace = job.request["slot"], job.request["replace"]
    name = job.request["database"] or _offered(_kept(session, slot)) or "recovered.sqlite"
    if session.host.exists(name) and not replace:
        raise NameExists(name, "database")
    await session.host.prepare()
    current = session.connection
    if current is not None and current.name == name:
        current.require_no_transaction()
    with session.not_open(name, "replaced"):
        size = session.host.recover(slot, name, replace=replace)
    return {
        "database": name,
        "size": size,
        "databases": session.listed(),
        "quarantined": session.host.quarantined(),
    }


async def quarantine_drop(session: Session, job: Job) -> Fields:
    """Erases a slot in quarantine."""
    session.host.drop_quarantined(job.request["slot"])
    return {"quarantined": session.host.quarantined()}


def _kept(session: Session, slot: str) -> Fields | None:
    """What the host tells of a slot in quarantine; None when there is none of that name."""
    return next((kept for kept in session.host.quarantined() if kept["name"] == slot), None)


def _offered(kept: Fields | None) -> str | None:
    """The name of the database or journal that a slot in quarantine may be; None: not known."""
    offered: str | None = kept["offered"] if kept else None
    return offered.removeprefix("/") if offered else None


OPERATIONS = {
    "quarantine_export": quarantine_export,
    "quarantine_recover": quarantine_recover,
    "quarantine_drop": quarantine_drop,
}
