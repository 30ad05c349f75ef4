"""The worker as the page talks to it: requests by number, their replies, and events.

public/start.mjs has started the worker before any Python ran, and keeps what it said since.
"""

import asyncio

import js

import protocol
from core.errors import RequestError

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any

    from page_types import Json

MOST_REPEATS = 2


def is_greeting(op: str) -> bool:
    """Whether requests of that name are sent by whoever becomes connected to a worker."""
    return protocol.OPS[op].fate == protocol.GREETING


SESSION_LOST = protocol.make_error(
    "SessionLost",
    "The rest was not run: the tab that ran the database has gone, and with it what was this tab's "
    "own, temporary tables and settings by PRAGMA.",
    hint="What was committed before is kept. Run the whole script again, or what is left of it.",
)
_OUTCOME_UNKNOWN = protocol.make_error(
    "OutcomeUnknown",
    "It is not known whether this was done: the tab that ran the database has gone meanwhile.",
    hint="Look at the data before you do it again.",
)
_RESULT_LOST = protocol.make_error(
    "CursorClosed",
    "The tab that ran the database has gone while this result was read: there is no more of it.",
    hint="Run the statement again.",
)


class Request:
    """A request on its way; await ``reply()`` for what it is answered with."""

    def __init__(
        self, number: int, op: str, fields: "Json", part: "js.File | None", since: "int | None"
    ) -> None:
        self.number = number
        self.op = op
        self.fields = fields
        self.part = part
        self.done = False
        self.sent = False
        self.has_done_nothing = False  # it waits for another tab's lock, and not yet for its reply
        self.repeats = 0
        self.since = since
        self.connection = None  # the one that it was sent on last
        self._future: "asyncio.Future[Any]" = asyncio.Future()

    async def reply(self) -> "Json":
        """The reply as a dict; RequestError if it was refused.

        Its binary parts are under ``parts``, its JSON text under ``head``.
        """
        settled: "tuple[Json | None, Json]" = await self._future
        error, message = settled
        if error is not None:
            raise RequestError(error)
        return message

    def settle(self, error: "Json | None", message: "Json | None") -> None:
        """Wakes who waits for the reply; for Client only."""
        self.done = True
        self._future.set_result((error, message))


class Client:
    """Sends requests to the worker. ``on_event`` gets each event as a dict.

    Between two workers (core/leader.py) requests wait here.  Once the next one has been greeted,
    ``resume`` sends them, and settles those that were under way.
    """

    def __init__(self, on_event: "Callable[[Json], object]") -> None:
        self.transport = js.sahpoolStart
        self._on_event = on_event
        self._last = 0
        self._waiting: "dict[int, Request]" = {}
        self._parked: "list[Request]" = []
        self._is_connected = False
        self._is_resumed = False
        self.connection = 0
        """Counts the workers that this page was connected to."""

    @property
    def tab(self) -> int:
        """The number by which people are told of this tab; 0 while it has none."""
        return self.transport.number

    def listen(self) -> None:
        """Takes over from start.mjs; what the worker has said so far comes first."""
        self.transport.listen(self._receive)

    def start(
        self, op: str, part: "js.File | None" = None, since: "int | None" = None, **fields: "Any"
    ) -> "Request":
        """Sends a request and answers the Request at once; ``part`` is a File to go with it.

        ``since`` is the ``connection`` that it belongs to, if it belongs to one: it is not begun
        on another, where what the session had is gone.
        """
        self._last += 1
        request = Request(self._last, op, fields, part, since)
        if self._is_resumed or (self._is_connected and is_greeting(op)):
            self._send(request)
        else:
            self._parked.append(request)
        return request

    async def ask(self, op: str, **fields: "Any") -> "Json":
        """Sends a request and waits for its reply; RequestError if it is refused."""
        return await self.start(op, **fields).reply()

    def connect(self) -> None:
        """There is a worker to send to: the greeting first, and after resume() the rest."""
        self._is_connected = True
        self.connection += 1

    def disconnect(self) -> None:
        """The worker has gone: what was under way waits for the next one."""
        self._is_connected = self._is_resumed = False
        self._park()
        self._refuse(lambda request: is_greeting(request.op), "")

    def resume(self) -> None:
        """The worker has been greeted: sends what has waited for it."""
        self._is_resumed = True
        parked, self._parked = self._parked, []
        for request in parked:
            if request.sent and not request.has_done_nothing:
                self._settle_or_repeat(request)
            elif request.since is not None and request.since != self.connection:
                request.settle(SESSION_LOST, None)
            else:
                self._send(request)

    def will_tell_of_loss(self) -> bool:
        """Whether one of the requests that wait will be answered by TransactionLost."""
        return any(request.fields.get("transaction") for request in self._parked)

    def refuse_all(self, hint: str) -> None:
        """Whatever is under way is refused as ``Restarted``; ``hint`` says what became of data."""
        self._park()
        self._refuse(lambda _request: True, hint)

    def _park(self) -> None:
        """What is under way waits, in its order, before what waits already."""
        under_way = [self._waiting[number] for number in sorted(self._waiting)]
        self._waiting = {}
        self._parked = under_way + self._parked

    def _refuse(self, chosen: "Callable[[Request], bool]", hint: str) -> None:
        error = protocol.make_error(
            "Restarted",
            "The database's worker was restarted before this was done.",
            hint=hint,
        )
        parked, self._parked = self._parked, []
        for request in parked:
            if chosen(request):
                request.settle(error, None)
            else:
                self._parked.append(request)

    def _settle_or_repeat(self, request: "Any") -> None:
        fate = protocol.OPS[request.op].fate
        if fate == protocol.UNKNOWN:
            request.settle(_OUTCOME_UNKNOWN, None)
        elif fate == protocol.LOST:
            request.settle(_RESULT_LOST, None)
        elif fate == protocol.MOOT:
            request.settle(None, {})
        elif request.repeats == MOST_REPEATS:
            # It may be what ends the workers.
            request.settle(_OUTCOME_UNKNOWN, None)
        else:
            request.repeats += 1
            if fate == protocol.READS_AGAIN:
                request.fields["again"] = True
            self._send(request)

    def _note(self, number: int, waits: bool) -> None:
        """The worker goes on with a request that waits when it has the answer to "free"."""
        request = self._waiting.get(number)
        if request is not None:
            request.has_done_nothing = waits
            if not waits:
                self.start("proceed", target=number)

    def _send(self, request: "Any") -> None:
        fields = dict(request.fields)
        # JavaScript writes SQL into the head: MicroPython takes a second for a megabyte of it.
        sql = fields.get("sql", "")
        if sql:
            fields["sql"] = ""
        head = protocol.encode_request(request.number, request.op, **fields)
        request.sent = True
        request.has_done_nothing = False
        request.connection = self.connection
        self._waiting[request.number] = request
        if request.part is None:
            self.transport.send(head, sql)
        else:
            self.transport.send(head, sql, request.part)

    def _receive(self, head: str, parts: "Any") -> None:
        # Whatever this raises, start.mjs makes an error reply of it: nobody waits for ever.
        message = protocol.decode_message(head)
        if message["id"] == 0:
            if message["event"] in ("waiting", "free"):
                self._note(message["request"], message["event"] == "waiting")
            self._on_event(message)
            return
        request = self._waiting.pop(message["id"], None)
        if request is None:
            js.console.error("The worker answered what nobody asked: " + head[:200])
        elif message["ok"]:
            # A list of Python's own: an index beyond a JavaScript one cannot be caught.
            message["parts"] = [parts[index] for index in range(parts.length)]
            message["head"] = head
            request.settle(None, message)
        else:
            request.settle(message["error"], None)
