"""What is kept of the last result, and when it is no longer kept or shown."""

from __future__ import annotations

import importlib
import sys
from typing import Any
from unittest.mock import MagicMock

import pytest

from .fake_page import FakePage


@pytest.fixture
def last(page: FakePage) -> Any:
    """The rows of the last visit, those of ``notes.db``, as the page's Python asks for them."""
    module = importlib.import_module("features.query.last_visit")
    rows = sys.modules["core.dom"].last_rows
    rows.database.return_value = "notes.db"
    page.state["storage"] = "opfs"
    page.state["databases"] = [{"name": "notes.db", "size": 1}]
    results = MagicMock()
    results.keep.return_value = True
    module.LastVisit(page.console, results)
    rows.reset_mock()
    return rows


@pytest.mark.parametrize("event", ["deleted", "replaced"])
def test_nothing_is_kept_of_a_database_that_is_gone(page: FakePage, last: Any, event: str) -> None:
    page.events.emit(event, "notes.db")
    last.forget.assert_called_once_with()
    last.end.assert_called_once_with()


def test_rows_of_another_database_are_shown_no_longer(page: FakePage, last: Any) -> None:
    page.state["database"] = "notes.db"
    last.end.assert_not_called()
    page.state["database"] = "other.db"
    last.end.assert_called_once_with()


@pytest.mark.parametrize("name", ["paused", "failed"])
def test_a_loan_and_a_failed_start_end_what_is_shown(page: FakePage, last: Any, name: str) -> None:
    page.state[name] = True
    last.end.assert_called_once_with()


@pytest.mark.parametrize("why", ["memory", "transaction", "setting"])
def test_a_result_that_may_not_be_kept_is_dropped(page: FakePage, last: Any, why: str) -> None:
    page.events.emit("ran", "notes.db")
    last.drop.assert_not_called()
    if why == "memory":
        page.state["storage"] = "memory"
    elif why == "transaction":
        page.state["transaction"] = {"seconds": 1.0, "changes": 2}
    else:
        page.settings["last-rows"] = False
        last.forget.assert_called_once_with()
    page.events.emit("ran", "notes.db")
    last.drop.assert_called_once_with()
