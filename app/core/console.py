"""What a feature is given: everything that features share."""


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

    def __init__(self, client, state, commands, events, opening, status, trouble):
        self.client = client
        self.state = state
        self.commands = commands
        self.events = events
        self.opening = opening
        self.status = status
        self.trouble = trouble

    def may_begin(self):
        """Whether something else may begin; tells the person why not."""
        reason = self.state.busy()
        if reason is not None:
            self.status.say(reason)
        return reason is None
