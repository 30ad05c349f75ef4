"""Puts the parts of the page together; nothing is decided here."""

import unpacking  # noqa: F401  (brings the others)

# isort: split
import dom
from client import Client
from components.about import About
from components.company import Company
from components.databases import Databases
from components.editor import Editor
from components.importer import Importer
from components.leaving import Leaving
from components.offline import Offline
from components.quarantine import Quarantine
from components.results import Results
from components.runner import Runner
from components.schema import Schema
from components.startup import Startup
from components.status import Status, Trouble
from components.storage import Storage
from leader import Leader
from state import State


async def main():
    """Builds the page and lets it take over the worker's messages."""
    state = State()
    status = Status(state)
    trouble = Trouble()
    dom.on_crash(trouble.show_crash)

    results = Results(status)
    editor = Editor()
    client = Client(dom.guarded(lambda event: take_event(event)))
    startup = Startup(client, state, status, trouble, editor)
    leader = Leader(client.transport, client, startup)
    startup.on_leader(leader)
    storage = Storage(client, state)
    runner = Runner(client, state, editor, results, status, trouble, startup, storage)
    databases = Databases(client, state, status, trouble, results, startup, storage)
    importer = Importer(client, state, status, trouble, databases, storage)
    Quarantine(client, state, status, trouble, databases, storage)
    Schema(state, runner)
    Leaving(state, startup, trouble)
    About(state, status)
    company = Company(client, state, status, trouble, results, startup)
    offline = Offline(state, status, importer)

    editor.on_run(runner.run)
    dom.on_click(dom.by_id("run"), lambda: runner.run())
    dom.on_click(
        dom.by_id("cancel"), lambda: runner.cancel() if state["running"] else importer.stop()
    )
    dom.on_click(dom.by_id("retry"), lambda: offline.retry(startup.retry))
    dom.on_click(dom.by_id("sample"), lambda: runner.load_sample())
    results.on_more(runner.load_more)
    storage.on_export(databases.export)
    trouble.when_full(storage)

    def take_event(event):
        takers = (leader, startup, importer, runner, company)
        any(taker.on_event(event) for taker in takers)

    def show_busy(reason):
        dom.by_id("cancel").disabled = not (state["running"] or state["importing"])
        dom.by_id("busy").hidden = not state["running"]
        dom.by_id("run").setAttribute("aria-disabled", "false" if reason is None else "true")

    state.watch_busy(show_busy)
    dom.mark("editor")
    client.listen()
    results.prepare()


dom.spawn(main())
