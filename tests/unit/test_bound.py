"""What ends a check of an imported file is its bound, and nothing else is taken for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.harness.inside_modules import import_bound

if TYPE_CHECKING:
    from tests.harness.inside_modules import Bound

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def ended_by(is_reached: Callable[[], bool]) -> tuple[Bound, sqlite3.Error]:
    """A bound, and the error of an endless statement that it was the progress handler of."""
    connection = sqlite3.connect(":memory:")
    bound = import_bound(is_reached)
    connection.set_progress_handler(bound, 1000)
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute(ENDLESS)
    connection.close()
    return bound, caught.value


def test_a_bound_that_is_reached_has_ended_the_statement() -> None:
    bound, error = ended_by(lambda: True)
    assert bound.has_ended(error)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RecursionError, MemoryError])
def test_what_a_handler_raises_comes_up_and_is_not_taken_for_the_bound(
    kind: type[BaseException],
) -> None:
    def strike() -> bool:
        raise kind("struck")

    bound, error = ended_by(strike)
    with pytest.raises(kind, match="struck"):
        bound.has_ended(error)


def test_a_statement_that_something_else_ended_has_not_reached_its_bound() -> None:
    connection = sqlite3.connect(":memory:")
    bound = import_bound(lambda: False)

    def interrupt() -> bool:
        bound()
        return True

    connection.set_progress_handler(interrupt, 1000)
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute(ENDLESS)
    connection.close()
    assert not bound.has_ended(caught.value)
