"""Which tab runs the worker, and how this one reaches it.

One tab, the *leader*, holds the Web Lock "sahpool leader" and runs the worker. The others follow:
they start no Pyodide and send their requests to the leader's worker. When the leader goes, for
whatever reason, the browser gives its lock to the next tab in the queue, which starts a worker of
its own: that is the *takeover*. There are no votes and no heartbeats: the browser frees the locks
of a tab that was closed, crashed, killed or discarded, and of a worker that has ended, and grants
them to the next that waits. Three kinds of locks are used (public/start.mjs):

- the leader's, for which every tab queues from its beginning;
- one of each worker, named as its address; a tab that sends to a worker waits for that lock, and so
  learns that the worker has gone;
- one of each tab; the leader's worker waits for it, and so learns that a session is over.

TABLE alone says what this tab does, by its state and by the event:

    SEEKING     in the queue; no tab has said yet that it leads
    FOLLOWING   in the queue; another tab's worker answers
    ORPHANED    in the queue; the worker that answered has gone, the next one is not there yet
    LEADING     has the lock; its worker is starting
    SERVING     has the lock; its worker answers, and the other tabs know
    ALONE       has a worker for this tab only, because its databases are in memory
    FAILED      its worker could not start: it released the lock, and follows the next leader
    STOPPED     the page was left, and is in the back/forward cache

    granted     the leader's lock was granted, and a worker was started
    found       another tab leads, and its worker answers at this address
    gone        the worker that this tab sends to has ended
    held        the worker of this tab holds its lock: from now on its end is noticed
    ready       the worker of this tab answers; ``alone`` when it has only memory
    failed      the worker of this tab could not start, or ended in an error
    asked       another tab asks for a new worker, because this one does not stop what it runs
    restart     the person of this tab asks for a new worker
    leave       the page is being left; ``begin``: it is shown again

Two facts make this sound. The leader's lock is granted only once the leader before is gone or has
resigned, so "granted" ends whatever this tab followed. And each worker has an address of its own,
so no message reaches a worker that this tab does not know: what was sent to a worker that is gone
is lost, and never arrives at the next one.
"""

# mypy: disable-error-code="type-arg, name-defined"
# ruff: noqa: F821
# (MicroPython has no typing to import names from; it drops annotations unread.)

SEEKING = "seeking"
FOLLOWING = "following"
ORPHANED = "orphaned"
LEADING = "leading"
SERVING = "serving"
ALONE = "alone"
FAILED = "failed"
STOPPED = "stopped"

_BEGINS = (LEADING, ("disconnect", "lead"))
_JOINS = (SEEKING, ("disconnect", "stop", "begin"))
_LEAVES = (STOPPED, ("disconnect", "stop"))
_FOLLOWS = (FOLLOWING, ("disconnect", "follow", "connect"))

EVENTS = ("granted", "found", "gone", "held", "ready", "failed", "asked")
"""The events of public/start.mjs and of the worker that Leader takes."""

# state: event: (next state, actions in this order); an event that is not listed changes nothing.
TABLE: "dict[str, dict[str, tuple[str, tuple[str, ...]]]]" = {
    SEEKING: {
        "granted": (LEADING, ()),
        "found": (FOLLOWING, ("follow", "connect")),
        "leave": _LEAVES,
    },
    FOLLOWING: {
        "granted": (LEADING, ("disconnect",)),
        "found": _FOLLOWS,
        "gone": (ORPHANED, ("disconnect", "ask")),
        "restart": (FOLLOWING, ("askRestart",)),
        "leave": _LEAVES,
    },
    ORPHANED: {
        "granted": (LEADING, ()),
        "found": (FOLLOWING, ("follow", "connect")),
        "leave": _LEAVES,
    },
    LEADING: {
        "held": (LEADING, ("watch",)),
        "ready": (SERVING, ("announce", "connect")),
        "alone": (ALONE, ("resign", "connect")),
        "gone": _BEGINS,
        "failed": (FAILED, ("end",)),
        "restart": _BEGINS,
        "leave": _LEAVES,
    },
    SERVING: {
        "gone": _BEGINS,
        "failed": (FAILED, ("disconnect", "end")),
        "asked": _BEGINS,
        "restart": _BEGINS,
        "leave": _LEAVES,
    },
    ALONE: {
        "gone": _JOINS,
        "failed": (FAILED, ("disconnect", "end")),
        "restart": _JOINS,
        "leave": _LEAVES,
    },
    FAILED: {
        "found": (FOLLOWING, ("queue", "follow", "connect")),
        "restart": (SEEKING, ("stop", "begin")),
        "leave": _LEAVES,
    },
    STOPPED: {
        "begin": (SEEKING, ("begin",)),
    },
}


class Leader:
    """Carries out TABLE.

    ``start`` is the Start of public/start.mjs. ``client`` is connected to a worker and disconnected
    from it; ``startup`` shows that to the person (features/start.py).
    """

    def __init__(self, start: "Any", client: "Any", startup: "Any") -> None:
        self.state = SEEKING
        self._start = start
        self._client = client
        self._startup = startup

    def take(self, message: dict) -> None:
        """Steps by the message of an event of EVENTS."""
        event = message["event"]
        address = message.get("address")
        if event == "gone" and address != self._start.address:
            return  # this tab no longer sends to that worker
        if event == "found" and self.state == FOLLOWING and address == self._start.address:
            return
        if event == "ready" and message["storage"] == "memory":
            event = "alone"
        self.step(event, address)

    def step(self, event: str, address: "str | None" = None) -> None:
        """Changes the state as TABLE says for ``event``, and does its actions."""
        following = TABLE[self.state].get(event)
        if following is None:
            return
        self.state, actions = following
        for action in actions:
            if action == "connect":
                self._client.connect()
                self._startup.greet(self.state != FOLLOWING)
            elif action == "disconnect":
                self._client.disconnect()
                self._startup.lose(self.state)
            elif action == "follow":
                self._start.follow(address)
            else:
                getattr(self._start, action)()
