"""What a storage brings to the self-check (check.py): steps and facts that only it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["CheckFailedError", "Fact", "OwnChecks", "OwnStep", "expect"]

Fact = bool | int | str  #: what a report says of a browser or storage under a name


class CheckFailedError(Exception):
    """A step found something other than expected; the message is a part of a sentence."""


def expect(held: bool, otherwise: str) -> None:
    """Raises CheckFailedError with the message ``otherwise`` when ``held`` is false."""
    if not held:
        raise CheckFailedError(otherwise)


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A step that only one storage has.

    Attributes:
        name: Name of the step, in a few words.
        follows: Name of the step after which it is tried.
        run: Called with the path of a new database that is open and holds a megabyte. Returns the
            finding as a sentence, or raises.
    """

    name: str
    follows: str
    run: Callable[[str], Awaitable[str]]


class OwnChecks(Protocol):
    """The steps and facts of one storage."""

    @property
    def steps(self) -> list[OwnStep]:
        """The steps."""

    @property
    def facts(self) -> dict[str, Fact]:
        """What a report says of the storage, by name; asked for after the steps."""
