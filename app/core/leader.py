"""Which tab runs the worker, and how this one reaches it.

One tab, the *leader*, holds the Web Lock of that name and runs the worker; the others follow: they
start no Pyodide and send their requests to the leader's worker.  When the leader goes, however it
goes, the browser gives its lock to the next tab in the queue, which starts a worker of its own:
that is the *takeover*.  Nobody counts votes or heartbeats: the browser frees the locks of a tab
that was closed, crashed, killed or discarded, and of a worker that has ended, and whoever waits
for one of them is told.  Three locks are all there is to it (public/start.mjs):

- the leader's, for which every tab queues from its beginning;
- one of each worker, named as its address; who sends to a worker waits for that lock, and so learns
  that it has gone;
- one of each tab; the leader's worker waits for it, and so learns that a session is over.

What this tab is to do follows from its state and from what happens, by TABLE and nothing else:

    SEEKING     in the queue; nobody has said yet that they lead
    FOLLOWING   in the queue; another tab's worker answers
    ORPHANED    in the queue; the worker that answered has gone, the next one is not there yet
    LEADING     has the lock; its worker is starting
    SERVING     has the lock; its worker answers, and the other tabs know
    ALONE       has a worker that is for this tab only, for what it keeps is in memory
    FAILED      its worker could not start: it gave the lock back, and follows whoever can
    STOPPED     the page was left, and is kept for the way back

    granted     the leader's lock is had, and a worker was started
    found       another tab leads, and its worker answers at this address
    gone        the worker that this tab sends to has ended
    held        the worker of this tab has its lock: from now on its end is noticed
    ready       the worker of this tab answers; ``alone`` when it has only memory
    failed      the worker of this tab could not start, or ended in an error
    asked       another tab asks for another worker, for this one does not stop what it runs
    restart     so does the person
    leave       the page is being left; ``begin``: it is back

Two facts make it whole.  The lock of the leader is granted only once the leader before is gone or
has resigned, so "granted" ends whatever was followed.  And no message reaches a worker of which
this tab was not told, for each has an address of its own: what was sent to one that is gone is
lost, never late.
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

# state: event: (next state, what to do, in this order); an event that is not there changes nothing.
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
    """Follows TABLE.

    ``start`` is public/start.mjs; ``client`` is told when there is a worker to send to and when no
    longer, ``startup`` what that means to the person.
    """

    def __init__(self, start: "Any", client: "Any", startup: "Any") -> None:
        self.state = SEEKING
        self._start = start
        self._client = client
        self._startup = startup

    def take(self, message: dict) -> None:
        """Takes an event of EVENTS."""
        event = message["event"]
        address = message.get("address")
        if event == "gone" and address != self._start.address:
            return  # of a worker that is no longer sent to
        if event == "found" and self.state == FOLLOWING and address == self._start.address:
            return
        if event == "ready" and message["storage"] == "memory":
            event = "alone"
        self.step(event, address)

    def step(self, event: str, address: "str | None" = None) -> None:
        """What happens makes of the state what TABLE says."""
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
