"""What a feature is given: everything that features share."""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Alert, StatusLine

    from core.client import Client
    from core.commands import Commands
    from core.events import Events
    from core.opening import Opening
    from core.state import State


class Console:
    """The page.

    client    sends requests to the worker
    state     what is the case just now
    commands  what a person may ask for
    events    what has happened
    opening   opens databases
    status    the status line (ui/notices.py)
    trouble   the alert below the editor (ui/notices.py)
    """

    def __init__(
        self,
        client: "Client",
        state: "State",
        commands: "Commands",
        events: "Events",
        opening: "Opening",
        status: "StatusLine",
        trouble: "Alert",
    ) -> None:
        self.client = client
        self.state = state
        self.commands = commands
        self.events = events
        self.opening = opening
        self.status = status
        self.trouble = trouble

    def may_begin(self) -> bool:
        """Whether something else may begin; tells the person why not."""
        reason = self.state.busy()
        if reason is not None:
            self.status.say(reason)
        return reason is None
