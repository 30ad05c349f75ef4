"""The worker as the page talks to it: requests by number, their replies, and events.

public/start.mjs has started the worker before any Python ran, and keeps what it said since.
"""

import asyncio

import js

import protocol


class RequestError(Exception):
    """A request that was answered with an error; ``error`` is that error (protocol.make_error)."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error

    @property
    def kind(self):
        """The error's type: ``Cancelled``, ``NameExists``, ``OperationalError``…"""
        return self.error["type"]


class Request:
    """A request on its way; await ``reply()`` for what it is answered with."""

    def __init__(self, number):
        self.number = number
        self.done = False
        self._future = asyncio.Future()

    async def reply(self):
        """The reply as a dict; RequestError if it was refused.

        Its binary parts are under ``parts``, its JSON text under ``head``.
        """
        error, message = await self._future
        if error is not None:
            raise RequestError(error)
        return message

    def settle(self, error, message):
        """Wakes who waits for the reply; for Client only."""
        self.done = True
        self._future.set_result((error, message))


class Client:
    """Sends requests to the worker. ``on_event`` gets each event as a dict."""

    def __init__(self, on_event):
        self._start = js.sahpoolStart
        self._on_event = on_event
        self._last = 0
        self._waiting = {}

    def listen(self):
        """Takes over from start.mjs; what the worker has said so far comes first."""
        self._start.listen(self._receive)

    def start(self, op, part=None, **fields):
        """Sends a request and answers the Request at once; ``part`` is a File to go with it."""
        self._last += 1
        # JavaScript writes SQL into the head: MicroPython takes a second for a megabyte of it.
        sql = fields.get("sql", "")
        if sql:
            fields["sql"] = ""
        head = protocol.encode_request(self._last, op, **fields)
        request = Request(self._last)
        self._waiting[request.number] = request
        if part is None:
            self._start.send(head, sql)
        else:
            self._start.send(head, sql, part)
        return request

    async def ask(self, op, **fields):
        """Sends a request and waits for its reply; RequestError if it is refused."""
        return await self.start(op, **fields).reply()

    def stop(self):
        """Ends the worker, so that the storage is free for others; restart() begins anew."""
        self._start.stop()

    def restart(self, hint):
        """Ends the worker, starts another; requests on their way are refused as ``Restarted``.

        ``hint`` is told with that: what became of the data.
        """
        waiting = list(self._waiting.values())
        self._waiting = {}
        self._start.restart()
        error = protocol.make_error(
            "Restarted",
            "The database's worker was restarted before this was done.",
            hint=hint,
        )
        for request in waiting:
            request.settle(error, None)

    def _receive(self, head, parts):
        # Whatever this raises, start.mjs makes an error reply of it: nobody waits for ever.
        message = protocol.decode_message(head)
        if message["id"] == 0:
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
