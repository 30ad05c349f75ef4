"""Creates the parts of the page and connects them; it holds no other logic."""

import unpacking  # noqa: F401  (mounts the other modules)

# isort: split
from core import dom
from core.client import Client
from core.commands import Commands
from core.console import Console
from core.events import Events
from core.opening import Opening
from core.settings import Settings
from core.state import State
from features import (
    about,
    databases,
    importing,
    leaving,
    offline,
    other_tabs,
    palette,
    quarantine,
    query,
    schema,
    settings,
    start,
    storage,
)
from ui.notices import Status, Trouble

# Features receive events in this order; the editor (features/query) receives them first.
FEATURES = (
    start,
    storage,
    databases,
    importing,
    quarantine,
    schema,
    leaving,
    about,
    other_tabs,
    palette,
    offline,
    settings,
)


async def main() -> None:
    """Builds the page, then takes over the worker's messages from public/start.mjs."""
    state = State()
    events = Events()
    status = Status()
    commands = Commands(status.say)
    trouble = Trouble(events, commands, status)
    dom.on_crash(trouble.show_crash)
    client = Client(dom.guarded(lambda message: events.emit(message["event"], message)))
    kept = Settings(dom.recall, dom.remember)
    opening = Opening(client, state, events, kept, status, trouble)
    console = Console(client, state, commands, events, opening, kept, status, trouble)
    results = query.setup(console)
    for feature in FEATURES:
        feature.setup(console)
    dom.on_commands(commands)
    dom.mark("editor")
    client.listen()
    results.prepare()


dom.spawn(main())
