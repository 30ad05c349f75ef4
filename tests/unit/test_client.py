"""The page's client between two workers: what is sent again, what is settled, what waits.

The transport is a fake, for which moment a worker goes at cannot be chosen in a browser; real tabs
are in tests/browser/test_tabs.py.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from sahpool_console import protocol
from tests.harness.service import settled_value


class Transport:
    """public/start.mjs: keeps what is sent, and says what it is told to."""

    number = 3

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self._listener: Callable[[str, Any], None] = lambda _head, _parts: None

    def listen(self, listener: Callable[[str, Any], None]) -> None:
        self._listener = listener

    def send(self, head: str, sql: str, *_parts: object) -> None:
        message = json.loads(head)
        if sql:
            message["sql"] = sql
        self.sent.append(message)

    def say(self, **message: object) -> None:
        parts: Any = type("Parts", (), {"length": 0})()
        self._listener(json.dumps(message), parts)

    def ops(self) -> list[str]:
        """The ops sent since the last call."""
        sent, self.sent = self.sent, []
        return [message["op"] for message in sent]


class Page:
    """A client that is connected, and what became of its requests."""

    def __init__(self, module: ModuleType, transport: Transport) -> None:
        self.module = module
        self.transport = transport
        self.events: list[dict[str, Any]] = []
        self.client = module.Client(self.events.append)
        self.client.listen()
        self.client.connect()
        self.client.resume()

    def start(self, op: str, **fields: object) -> Any:
        return self.client.start(op, **fields)

    def take_over(self) -> None:
        """The worker goes, and the next one has been greeted."""
        self.client.disconnect()
        self.client.connect()
        self.client.resume()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    transport = Transport()
    js: Any = ModuleType("js")
    js.sahpoolStart = transport
    monkeypatch.setitem(sys.modules, "js", js)
    monkeypatch.delitem(sys.modules, "core.client", raising=False)
    monkeypatch.setattr(asyncio, "Future", Outcome)
    yield Page(importlib.import_module("core.client"), transport)
    sys.modules.pop("core.client", None)


class Outcome:
    """A future for code that runs outside of an event loop."""

    def __init__(self) -> None:
        self.value: Any = None

    def set_result(self, value: Any) -> None:
        assert self.value is None, "a request is settled once"
        self.value = value


def error_of(request: Any) -> str | None:
    """The type of the error that a request was settled with; None while it is not, or was done."""
    value = settled_value(request)
    return None if value is None or value[0] is None else str(value[0]["type"])


def test_a_run_that_was_under_way_is_sent_again_with_a_word_to_say_so(page: Page) -> None:
    request = page.start("run", sql="SELECT 1")
    page.transport.ops()
    page.take_over()
    (again,) = page.transport.sent
    assert (again["op"], again["sql"], again["again"]) == ("run", "SELECT 1", True)
    assert again["id"] == request.number
    page.transport.say(id=request.number, ok=True, outcomes=[])
    assert request.done
    assert error_of(request) is None


@pytest.mark.parametrize("op", ["databases", "schema", "storage", "export", "words"])
def test_what_only_asks_is_sent_again_as_it_was(page: Page, op: str) -> None:
    page.start(op)
    page.transport.ops()
    page.take_over()
    assert page.transport.ops() == [op]


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("import_file", {"name": "a.csv"}),
        ("delete", {"database": "a"}),
        ("sample", {}),
        ("quarantine_recover", {"slot": "a"}),
        ("quarantine_drop", {"slot": "a"}),
        ("pause", {}),
        ("unpause", {}),
    ],
)
def test_a_request_that_changes_something_is_told_as_unknown_after_its_worker_has_gone(
    page: Page, op: str, fields: dict[str, Any]
) -> None:
    request = page.start(op, **fields)
    page.transport.ops()
    page.take_over()
    assert page.transport.ops() == []
    assert error_of(request) == "OutcomeUnknown"


def test_a_result_that_was_read_is_lost_and_says_so(page: Page) -> None:
    request = page.start("fetch", cursor=1, rows=10)
    page.take_over()
    assert error_of(request) == "CursorClosed"


def test_what_waited_for_a_lock_is_sent_as_if_it_were_new(page: Page) -> None:
    request = page.start("run", sql="UPDATE t SET a = 1")
    page.transport.say(id=0, event="waiting", request=request.number, tab=1)
    page.transport.ops()
    page.take_over()
    (again,) = page.transport.sent
    assert "again" not in again


def test_what_waits_no_longer_may_have_been_done(page: Page) -> None:
    request = page.start("run", sql="UPDATE t SET a = 1")
    page.transport.say(id=0, event="waiting", request=request.number, tab=1)
    page.transport.say(id=0, event="free", request=request.number)
    assert page.transport.ops() == ["run", "proceed"]
    page.take_over()
    sent = {message["op"]: message for message in page.transport.sent}
    assert sent["run"]["again"] is True
    assert set(sent) == {"run"}


def test_what_has_waited_once_may_have_been_done_on_the_next_worker(page: Page) -> None:
    request = page.start("run", sql="UPDATE t SET a = 1")
    page.transport.say(id=0, event="waiting", request=request.number, tab=1)
    page.take_over()
    page.transport.ops()
    page.take_over()
    (again,) = page.transport.sent
    assert again["again"] is True


def test_what_may_be_the_end_of_its_workers_is_not_sent_for_ever(page: Page) -> None:
    request = page.start("run", sql="SELECT 1")
    for _ in range(page.module.MOST_REPEATS):
        page.take_over()
        assert not request.done
    page.take_over()
    assert error_of(request) == "OutcomeUnknown"


def test_what_belongs_to_a_session_that_is_gone_is_not_begun_on_another(page: Page) -> None:
    since = page.client.connection
    page.client.disconnect()
    parked = page.client.start("run", sql="DELETE FROM t", since=since)
    page.client.connect()
    page.transport.ops()
    page.client.resume()
    assert page.transport.ops() == []
    assert error_of(parked) == "SessionLost"


def test_whether_a_lost_transaction_will_be_told_of_is_known(page: Page) -> None:
    page.start("fetch", cursor=1, rows=5)
    page.client.disconnect()
    assert not page.client.will_tell_of_loss()
    page.start("run", sql="SELECT 1", transaction=True)
    assert page.client.will_tell_of_loss()


def test_what_is_asked_between_two_workers_is_sent_to_the_second_and_once(page: Page) -> None:
    page.client.disconnect()
    request = page.start("run", sql="UPDATE t SET a = 1")
    assert page.transport.ops() == []
    page.client.connect()
    assert page.transport.ops() == [], "not before the worker is greeted"
    page.start("hello", protocol=protocol.PROTOCOL)
    assert page.transport.ops() == ["hello"]
    page.client.resume()
    (sent,) = page.transport.sent
    assert "again" not in sent
    assert not request.done


def test_a_second_takeover_before_the_first_is_done_loses_and_repeats_nothing(page: Page) -> None:
    write = page.start("run", sql="UPDATE t SET a = 1")
    page.client.disconnect()
    later = page.start("run", sql="UPDATE t SET a = 2")
    page.client.connect()
    greeting = page.start("hello", protocol=protocol.PROTOCOL)
    page.client.disconnect()
    assert error_of(greeting) == "Restarted"
    page.client.connect()
    page.transport.ops()
    page.client.resume()
    first, second = page.transport.sent
    assert (first["id"], first["again"]) == (write.number, True)
    assert second["id"] == later.number
    assert "again" not in second


def test_a_restart_by_the_person_refuses_what_was_under_way(page: Page) -> None:
    requests = [page.start("run", sql="SELECT 1"), page.start("schema")]
    page.client.refuse_all("uncommitted-undone")
    assert [error_of(request) for request in requests] == ["Restarted"] * 2
    page.take_over()
    assert page.transport.ops() == ["run", "schema"]


class Greeted:
    """A page whose second worker was asked, by a greeting, to open ``a.db``."""

    def __init__(self, page: Page, **fields: object) -> None:
        self.page = page
        page.client.disconnect()
        self.run = page.client.start("run", sql="SELECT 1", **({"database": "a.db"} | fields))
        page.client.connect()
        self.hello = page.start("hello", protocol=protocol.PROTOCOL)
        page.client.expect("a.db")

    def reply(self, kind: str | None = None) -> None:
        """The worker answers the run, with an error of that type if there is one."""
        error = kind and protocol.make_error(kind, "", code=None)
        more = {"ok": False, "error": error} if kind else {"ok": True, "outcomes": []}
        self.page.transport.say(id=self.run.number, **more)


def test_a_run_follows_the_greeting_and_its_reply_comes_after_that_of_the_greeting(
    page: Page,
) -> None:
    greeted = Greeted(page)
    assert page.transport.ops() == ["hello", "run"]
    greeted.reply()
    assert not greeted.run.done, "what the greeting says comes first"
    page.client.resume()
    assert (page.transport.ops(), greeted.run.done, error_of(greeted.run)) == ([], True, None)


@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_run_that_met_no_database_is_sent_again_once_one_is_open_and_then_told(
    page: Page, comes: str
) -> None:
    greeted = Greeted(page)
    page.transport.ops()
    if comes == "before":
        greeted.reply("NoDatabase")
        page.client.resume()
    else:
        page.client.resume()
        greeted.reply("WrongDatabase")
    (again,) = page.transport.sent
    assert (again["op"], again["sql"], again["database"]) == ("run", "SELECT 1", "a.db")
    assert "again" not in again, "it has done nothing"
    greeted.reply("WrongDatabase")
    assert error_of(greeted.run) == "WrongDatabase"


@pytest.mark.parametrize(
    "fields", [{"database": "b.db"}, {"database": None}, {"since": 1}], ids=["b", "none", "since"]
)
def test_what_is_for_another_database_or_session_does_not_follow_the_greeting(
    page: Page, fields: dict[str, Any]
) -> None:
    Greeted(page, **fields)
    assert page.transport.ops() == ["hello"]


def test_nothing_overtakes_a_request_that_waits_for_the_greeting(page: Page) -> None:
    page.client.disconnect()
    page.client.start("schema")
    Greeted(page)
    page.start("run", sql="SELECT 2", database="a.db")
    assert page.transport.ops() == ["hello"]
    page.client.resume()
    assert page.transport.ops() == ["schema", "run", "run"]


def test_a_run_of_the_worker_before_follows_the_greeting_of_the_next_as_a_repetition(
    page: Page,
) -> None:
    page.start("run", sql="UPDATE t SET a = 1", database="a.db")
    page.transport.ops()
    Greeted(page)
    first, second = page.transport.sent[1:]
    assert (first["sql"], first["again"]) == ("UPDATE t SET a = 1", True)
    assert "again" not in second


def test_a_run_behind_a_greeting_whose_worker_goes_may_have_been_done(page: Page) -> None:
    Greeted(page)
    page.transport.ops()
    page.take_over()
    (again,) = page.transport.sent
    assert again["again"] is True


def test_a_reply_that_waits_for_the_greeting_counts_when_the_worker_goes(page: Page) -> None:
    greeted = Greeted(page)
    greeted.reply()
    page.take_over()
    assert error_of(greeted.run) is None
    assert greeted.run.done
    assert page.transport.ops() == ["hello", "run"]


def test_a_text_that_met_no_database_is_sent_whole_again(page: Page) -> None:
    text = type("Script", (), {"key": 7, "length": 8, "text": "SELECT 1"})()
    page.client.disconnect()
    page.client.connect()
    page.start("hello", protocol=protocol.PROTOCOL)
    page.client.expect("a.db")
    run = page.start("run", script=text, database="a.db", sql="")
    assert page.transport.sent[-1]["sql"] is text
    error = protocol.make_error("NoDatabase", "", code=None)
    page.transport.say(id=run.number, ok=False, error=error)
    page.client.resume()
    assert page.transport.sent[-1]["sql"] is text


def test_a_lost_transaction_is_told_by_a_run_that_follows_the_greeting(page: Page) -> None:
    greeted = Greeted(page, transaction=True)
    assert page.client.will_tell_of_loss()
    greeted.reply("TransactionLost")
    assert page.client.will_tell_of_loss()
