"""The states of a slot, and which may follow which; ``Places`` checks each change."""

from __future__ import annotations

from enum import IntEnum, auto

__all__ = ["TRANSITIONS", "State", "check_transition"]


class State(IntEnum):
    """The state of a slot of a pool that is open.

    It is an IntEnum because the hash of an Enum is computed by Python each time.
    """

    NEW = auto()  #: its handle was just opened, or it comes from the quarantine
    SPARE = auto()  #: free, for the next file
    NAMED = auto()  #: a file: its header has its path
    LENT = auto()  #: it has a path for a while, but not in its header
    TEMPORARY = auto()  #: a temporary file
    DELETED = auto()  #: its file was deleted while it was open
    ORPHANED = auto()  #: its header on the disk could not be freed
    LEAVING = auto()  #: its file will be removed
    SHOWN = auto()  #: a slot in quarantine that SQLite may open now
    QUARANTINED = auto()  #: its header cannot be trusted (``quarantine.py``)
    GONE = auto()  #: its file was removed, or it is not shown any more


#: The states that may follow each state.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.SPARE, State.NAMED, State.SHOWN, State.QUARANTINED}),
    State.SPARE: frozenset(
        {State.NAMED, State.LENT, State.TEMPORARY, State.LEAVING, State.ORPHANED}
    ),
    State.NAMED: frozenset({State.SPARE, State.DELETED, State.ORPHANED, State.QUARANTINED}),
    State.LENT: frozenset({State.NAMED, State.SPARE, State.ORPHANED}),
    State.TEMPORARY: frozenset({State.SPARE}),
    State.DELETED: frozenset({State.SPARE}),
    State.ORPHANED: frozenset({State.SPARE}),
    State.LEAVING: frozenset({State.GONE}),
    State.SHOWN: frozenset({State.GONE}),
    State.QUARANTINED: frozenset(),
    State.GONE: frozenset(),
}


def check_transition(before: State, after: State) -> None:
    """Checks that a state may follow another one; a change may be repeated.

    Raises:
        RuntimeError: It may not: an error of this library.
    """
    if after is not before and after not in TRANSITIONS[before]:
        raise RuntimeError(f"A slot that is {before.name} cannot become {after.name}.")
