"""The open transaction of a connection: since when, and how many rows it has changed."""

from __future__ import annotations

import re
import sqlite3
from time import perf_counter
from typing import Any

from .tokens import tokens

__all__ = ["Transaction"]


class Transaction:
    """What is known of the transaction that SQL has begun, until it ends.

    It is told of each statement, ``begins`` before and ``done`` after it. What ROLLBACK TO undoes
    no longer counts: SQLite's own count (sqlite3_total_changes) only grows.
    """

    def __init__(self, con: sqlite3.Connection) -> None:
        self._con = con
        self._began = 0.0
        self._before = 0  # total_changes before its first statement, with all that was undone since
        self._savepoints: list[tuple[str, int]] = []  # name, and the rows changed when it was set

    def begins(self) -> None:
        """Notes that a statement is about to run."""
        if not self._con.in_transaction:
            self._began = perf_counter()
            self._before = self._con.total_changes
            self._savepoints = []

    def done(self, word: str, sql: str) -> None:
        """Notes that a statement, which begins with ``word``, has run."""
        if word not in ("SAVEPOINT", "RELEASE", "ROLLBACK") or not self._con.in_transaction:
            return
        parts = [token for token in tokens(sql) if token.text != ";"]
        name = _folded(parts[-1].name or "")
        if word == "SAVEPOINT":
            self._savepoints.append((name, self.changes))
            return
        if word == "ROLLBACK" and "TO" not in [each.text.upper() for each in parts[1:3]]:
            return
        names = [each for each, _ in self._savepoints]
        if name not in names:
            return
        place = len(names) - 1 - names[::-1].index(name)
        if word == "ROLLBACK":
            self._before += self.changes - self._savepoints[place][1]
            place += 1  # the savepoint stays
        del self._savepoints[place:]

    @property
    def open_for(self) -> float | None:
        """Seconds since it began; None: none is open."""
        return perf_counter() - self._began if self._con.in_transaction else None

    @property
    def changes(self) -> int:
        """Rows that it has inserted, updated or deleted, as sqlite3_total_changes counts them."""
        return self._con.total_changes - self._before

    def described(self) -> dict[str, Any] | None:
        """``seconds`` since it began and ``changes``, for a reply; None: none is open."""
        seconds = self.open_for
        return None if seconds is None else {"seconds": seconds, "changes": self.changes}


def _folded(name: str) -> str:
    """A name as SQLite compares it: without regard to case in ASCII."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), name)
