"""The SQLite codes of what a browser throws."""

from __future__ import annotations

import pytest

from sahpool import errors

IOERR_FSYNC = 1034


class BrowserError(Exception):
    """A DOMException as Python sees it."""

    def __init__(self, name: str) -> None:
        super().__init__("on purpose")
        self.name = name


@pytest.mark.parametrize("name", ["QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE"])
def test_no_room_is_sqlite_full_whatever_a_browser_calls_it(name: str) -> None:
    assert errors.sqlite_code(BrowserError(name), IOERR_FSYNC) == errors.SQLITE_FULL


@pytest.mark.parametrize("name", ["NoModificationAllowedError", "InvalidStateError"])
def test_a_failing_handle_is_never_somebody_s_lock(name: str) -> None:
    """A COMMIT that is told to be busy leaves its transaction open, and its caller waits."""
    assert errors.sqlite_code(BrowserError(name), IOERR_FSYNC) == IOERR_FSYNC
    assert errors.sqlite_code(errors.PoolLockedError("held"), IOERR_FSYNC) == errors.SQLITE_BUSY
