"""The desk that the workers report to: the site's own server, which also takes what they say.

What is said lands outside the browser before the worker goes on, so it is still known when the
browser has been killed.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import serve
from tests.conftest import ServedSite
from tests.kill.rounds import Round

HERE = Path(__file__).parent
SNAPSHOT = "/kill/snapshot"


class EndedError(Exception):
    """A worker came to an end that nobody had ordered."""


class Call:
    """Something that a worker said, and that it waits for an answer to."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message
        self.answered: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def answer(self, value: Any = None) -> None:
        """Lets the worker go on with ``value``."""
        self.answered.put(value)


class Desk(ServedSite):
    """Serves the site, the page and the worker of these tests, and what they say."""

    def __init__(self, root: Path, folder: Path) -> None:
        """``folder`` is for what is kept while the tests run."""
        super().__init__(root)
        self._folder = folder
        self.RequestHandlerClass = DeskHandler
        self.extra = {
            "/kill.html": HERE / "page.html",
            "/kill_page.mjs": HERE / "page.mjs",
            "/tests/kill_worker.mjs": HERE / "worker.mjs",
            "/tests/kill_steps.py": HERE / "steps.py",
            "/tests/kill_inside.py": HERE / "inside_writer.py",
        }
        self._calls: list[Call] = []  # that nobody has expected yet
        self._unanswered: list[Call] = []
        self._acknowledged: dict[int, int] = {}
        self._said = threading.Condition()

    def take(self, message: dict[str, Any]) -> Any:
        """What the handler of a request does with a message; returns the answer."""
        if message["event"] == "ack":
            with self._said:
                known = self._acknowledged.get(message["round"], -1)
                self._acknowledged[message["round"]] = max(known, message["step"])
                self._said.notify_all()
            return None
        call = Call(message)
        with self._said:
            self._calls.append(call)
            self._unanswered.append(call)
            self._said.notify_all()
        answer = call.answered.get()
        with self._said:
            self._unanswered.remove(call)
        return answer

    def keep_snapshot(self, data: bytes) -> None:
        """Every worker from the next one on starts from it."""
        path = self._folder / "snapshot"
        path.write_bytes(data)
        self.extra[SNAPSHOT] = path

    def acknowledged(self, round_: int) -> int | None:
        """The highest step that was acknowledged in a round."""
        with self._said:
            return self._acknowledged.get(round_)

    def expect(self, event: str, who: str, seconds: float = 240.0) -> Call:
        """Waits until a worker says ``event``.

        Raises:
            EndedError: It came to its end instead.
            TimeoutError: It did not say so in time.
        """

        def said() -> Call | None:
            for call in self._calls:
                if call.message["who"] == who and call.message["event"] in (event, "ended"):
                    self._calls.remove(call)
                    return call
            return None

        call: Call = self._wait(said, seconds, f"{who} to say {event}")
        if call.message["event"] != event:
            call.answer()
            raise EndedError(str(call.message["outcome"]))
        return call

    def expect_stage(self, round_: Round, who: str, seconds: float = 240.0) -> None:
        """Waits until a worker is where it is to be ended: some time later it still is.

        Raises:
            EndedError: The worker came to its end instead.
            TimeoutError: It did not come so far in time.
        """
        if round_.stage != "commits":
            there = self.expect("there", who, seconds)
            if round_.stage == "long":
                there.answer()
            return

        def acknowledged() -> bool:
            for call in self._calls:
                if call.message["who"] == who and call.message["event"] == "ended":
                    raise EndedError(str(call.message["outcome"]))
            return round_.number in self._acknowledged

        self._wait(acknowledged, seconds, f"{round_} to acknowledge a step")

    def forget(self) -> None:
        """Whoever still waits for an answer is dead."""
        with self._said:
            self._calls.clear()
            for call in self._unanswered:
                call.answer()

    def _wait(self, ready: Callable[[], Any], seconds: float, what: str) -> Any:
        deadline = time.monotonic() + seconds
        with self._said:
            while not (found := ready()):
                left = deadline - time.monotonic()
                if left <= 0:
                    messages = [call.message for call in self._calls]
                    raise TimeoutError(f"waited {seconds:g} s for {what}; said: {messages}")
                self._said.wait(left)
        return found


class DeskHandler(serve.SiteHandler):
    """The site's files by GET; by POST, what workers say."""

    server: Desk

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
        """Answers a worker when the test has; keeps the snapshot for the next one."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == SNAPSHOT:
            body = b""
            self.server.keep_snapshot(data)
        else:
            body = json.dumps(self.server.take(json.loads(data))).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._head(200, self.path, headers)
        self.wfile.write(body)
