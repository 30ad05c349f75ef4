"""The page's connection to the worker: numbered requests, their replies, and events.

public/first.js starts the worker before the page's Python runs, and public/start.mjs queues its
messages until ``Client.listen``.
"""

import asyncio

import js

from core.errors import RequestError, own_error
from sahpool_console import protocol

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any

    from page_types import Json

MOST_REPEATS = 2


def is_greeting(op: str) -> bool:
    """Return whether ``op`` is a request with which a page greets a worker it is connected to."""
    return protocol.OPS[op].fate == protocol.GREETING


NOT_OPEN = ("NoDatabase", "WrongDatabase")
"""Types of errors of a request whose database is not the open one: nothing was done."""

SESSION_LOST = own_error("SessionLost", "session-lost", "run-rest")
_OUTCOME_UNKNOWN = own_error("OutcomeUnknown", "page-outcome-unknown", "look-at-data")
_RESULT_LOST = own_error("CursorClosed", "result-lost", "run-again")


class Request:
    """A request that was sent or waits to be sent; ``reply()`` waits for its reply."""

    def __init__(
        self, number: int, op: str, fields: "Json", part: "js.File | None", since: "int | None"
    ) -> None:
        self.number = number
        self.op = op
        self.fields = fields
        self.part = part
        self.done = False
        self.sent = False
        self.has_done_nothing = False  # it still waits for another tab's lock
        self.is_early = False  # it was sent behind a greeting whose reply is not there yet
        self.repeats = 0
        self.since = since
        self.connection = None  # Client.connection when it was sent last
        self._future: "asyncio.Future[Any]" = asyncio.Future()

    async def reply(self) -> "Json":
        """Return the reply as a dict.

        Its binary parts are under ``parts``, its JSON text under ``head``.

        Raises:
            RequestError: The reply is an error.
        """
        settled: "tuple[Json | None, Json]" = await self._future
        error, message = settled
        if error is not None:
            raise RequestError(error)
        return message

    def settle(self, error: "Json | None", message: "Json | None") -> None:
        """Ends reply() with an error or with a message; only Client calls this."""
        self.done = True
        self._future.set_result((error, message))


class Client:
    """Sends requests to the worker and calls ``on_event`` with each event as a dict.

    When the worker has gone and the next one has not been greeted (core/leader.py), requests wait
    here. ``resume`` then sends them; a request whose worker has gone before its reply is repeated
    or answered, by its ``fate`` in worker/sahpool_console/protocol.py.

    A ``run`` in the database that a greeting asks for need not wait (``expect``): it is sent right
    behind the greeting, for the worker runs nothing in any other database. Its reply is taken after
    that of the greeting; where that database was not open, the run has done nothing and is sent
    again.
    """

    def __init__(self, on_event: "Callable[[Json], object]") -> None:
        self.transport = js.sahpoolStart
        self._on_event = on_event
        self._last = 0
        self._waiting: "dict[int, Request]" = {}
        self._parked: "list[Request]" = []
        self._expected: "str | None" = None
        self._early: "list[tuple[Request, Json]]" = []  # replies that came before resume()
        self._is_connected = False
        self._is_resumed = False
        self._sent_script = (0, 0)
        self.connection = 0
        """How many workers this page has been connected to; each new one counts up."""

    @property
    def tab(self) -> int:
        """The number of this tab, as messages show it to people; 0 while it has none."""
        return self.transport.number

    def listen(self) -> None:
        """Receives the messages of start.mjs from now on, the queued ones first."""
        self.transport.listen(self._receive)

    def start(
        self, op: str, part: "js.File | None" = None, since: "int | None" = None, **fields: "Any"
    ) -> "Request":
        """Send a request, or queue it until there is a worker, and return it at once.

        Args:
            op: Name of the operation (worker/sahpool_console/protocol.py).
            part: A File to send with it.
            since: The ``connection`` whose session the request needs; on any later one it is
                answered with SessionLost, for what that session had is gone.
            **fields: Fields of the request; ``script``, if there is one, is a Script of the editor
                (app/parts/script.mjs), whose text is sent without passing through Python.
        """
        self._last += 1
        request = Request(self._last, op, fields, part, since)
        if self._is_resumed or (self._is_connected and is_greeting(op)):
            self._send(request)
        elif not self._parked and self._may_be_early(request):
            self._send_early(request)
        else:
            self._parked.append(request)
        return request

    async def ask(self, op: str, **fields: "Any") -> "Json":
        """Send a request and return its reply.

        Raises:
            RequestError: The reply is an error.
        """
        return await self.start(op, **fields).reply()

    def connect(self) -> None:
        """Allows sending to a new worker: greetings at once, other requests after resume()."""
        self._is_connected = True
        self.connection += 1

    def expect(self, database: str) -> None:
        """Sends what runs in this database, which the greeting just sent asks the worker to open.

        That is the request which has waited longest, and later ones until resume() while none
        waits.
        """
        self._expected = database
        while self._parked and self._may_be_early(self._parked[0]):
            self._send_early(self._parked.pop(0))

    def disconnect(self) -> None:
        """Stops sending: the worker has gone. Requests without a reply wait for the next one."""
        self._is_connected = self._is_resumed = False
        self._park()
        self._refuse(lambda request: is_greeting(request.op), None)

    def resume(self) -> None:
        """Sends the requests that have waited until the worker was greeted."""
        self._is_resumed = True
        self._expected = None
        parked, self._parked = self._parked, []
        early, self._early = self._early, []
        for request, message in early:
            self._take_reply(request, message)
        for request in parked:
            if request.sent and not request.has_done_nothing:
                self._settle_or_repeat(request)
            elif request.since is not None and request.since != self.connection:
                request.settle(SESSION_LOST, None)
            else:
                self._send(request)

    def will_tell_of_loss(self) -> bool:
        """Return whether the worker will answer one of the waiting requests TransactionLost."""
        early = [request for request in self._waiting.values() if request.is_early]
        early += [request for request, _reply in self._early]
        return any(request.fields.get("transaction") for request in self._parked + early)

    def refuse_all(self, hint: str) -> None:
        """Ends all requests with the error ``Restarted``; ``hint`` is the code of a hint."""
        self._park()
        self._refuse(lambda _request: True, hint)

    def _park(self) -> None:
        """Queues the requests that were sent, in their order, before those that wait already."""
        self._expected = None
        early, self._early = self._early, []
        for request, message in early:
            if _is_not_open(message):
                request.has_done_nothing = True
                self._waiting[request.number] = request
            else:
                self._settle(request, message)
        under_way = [self._waiting[number] for number in sorted(self._waiting)]
        self._waiting = {}
        self._parked = under_way + self._parked

    def _refuse(self, chosen: "Callable[[Request], bool]", hint: "str | None") -> None:
        error = own_error("Restarted", "restarted", hint)
        parked, self._parked = self._parked, []
        for request in parked:
            if chosen(request):
                request.settle(error, None)
            else:
                self._parked.append(request)

    def _may_be_early(self, request: "Any") -> bool:
        return (
            self._expected is not None
            and request.op == "run"
            and request.fields.get("database") == self._expected
            and request.repeats < MOST_REPEATS
            and (request.since is None or request.since == self.connection)
        )

    def _send_early(self, request: "Any") -> None:
        if request.sent and not request.has_done_nothing:
            self._repeat(request)
        else:
            self._send(request)
        request.is_early = True

    def _settle_or_repeat(self, request: "Any") -> None:
        fate = protocol.OPS[request.op].fate
        if fate == protocol.UNKNOWN:
            request.settle(_OUTCOME_UNKNOWN, None)
        elif fate == protocol.LOST:
            request.settle(_RESULT_LOST, None)
        elif fate == protocol.MOOT:
            request.settle(None, {})
        elif request.repeats == MOST_REPEATS:
            # This request may be what makes the workers end.
            request.settle(_OUTCOME_UNKNOWN, None)
        else:
            self._repeat(request)

    def _repeat(self, request: "Any") -> None:
        request.repeats += 1
        if protocol.OPS[request.op].fate == protocol.READS_AGAIN:
            request.fields["again"] = True
        self._send(request)

    def _note(self, number: int, waits: bool) -> None:
        """Notes that a request waits for a lock, or answers "free" so that the worker goes on."""
        request = self._waiting.get(number)
        if request is not None:
            request.has_done_nothing = waits
            if not waits:
                self.start("proceed", target=number)

    def _send(self, request: "Any") -> None:
        fields = dict(request.fields)
        # JavaScript puts SQL into the head: MicroPython takes a second to encode a megabyte of it.
        sql = fields.get("sql", "")
        script = fields.get("script")
        if script is not None:
            # The worker keeps a script for the tab's session; each worker gets it once. The one of
            # an empty editor is no script, for "" means the text that is kept.
            fields["script"] = script.key if script.length else 0
            sent = (self.connection, script.key)
            sql = "" if sent == self._sent_script else script
            self._sent_script = sent
        if sql or script is not None:
            fields["sql"] = ""
        head = protocol.encode_request(request.number, request.op, **fields)
        request.sent = True
        request.has_done_nothing = False
        request.is_early = False
        request.connection = self.connection
        self._waiting[request.number] = request
        if request.part is None:
            self.transport.send(head, sql)
        else:
            self.transport.send(head, sql, request.part)

    def _receive(self, head: str, parts: "Any") -> None:
        # If this raises, start.mjs delivers an error reply instead, so that no request waits for
        # ever.
        message = protocol.decode_message(head)
        if message["id"] == 0:
            if message["event"] in ("waiting", "free"):
                self._note(message["request"], message["event"] == "waiting")
            self._on_event(message)
            return
        request = self._waiting.pop(message["id"], None)
        if request is None:
            js.console.error("The worker answered what nobody asked: " + head[:200])
            return
        # A Python list: an index out of range of a JavaScript array raises what Python here cannot
        # catch.
        message["parts"] = [parts[index] for index in range(parts.length)]
        message["head"] = head
        if self._is_resumed or not request.is_early:
            self._take_reply(request, message)
        else:
            self._early.append((request, message))

    def _take_reply(self, request: "Any", message: "Json") -> None:
        if _is_not_open(message):
            self._sent_script = (0, 0)  # the worker has not kept the text
        if request.is_early and _is_not_open(message):
            self._send(request)
        else:
            self._settle(request, message)

    def _settle(self, request: "Any", message: "Json") -> None:
        if message["ok"]:
            request.settle(None, message)
        else:
            request.settle(message["error"], None)


def _is_not_open(reply: "Json") -> bool:
    return not reply["ok"] and reply["error"]["type"] in NOT_OPEN
