"""The object that each feature is set up with: it holds everything that features share."""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Alert, StatusLine

    from core.client import Client
    from core.commands import Commands
    from core.events import Events
    from core.opening import Opening
    from core.settings import Settings
    from core.state import State


class Console:
    """The page.

    client    sends requests to the worker
    state     the current values that features show and watch
    commands  what a person can run
    events    notifications between features, and from the worker
    opening   opens databases
    settings  what is kept in this browser from visit to visit
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
        settings: "Settings",
        status: "StatusLine",
        trouble: "Alert",
    ) -> None:
        self.client = client
        self.state = state
        self.commands = commands
        self.events = events
        self.opening = opening
        self.settings = settings
        self.status = status
        self.trouble = trouble

    def may_begin(self) -> bool:
        """Return whether a new action may begin; if not, the status line says why."""
        reason = self.state.busy()
        if reason is not None:
            self.status.say(reason)
        return reason is None
