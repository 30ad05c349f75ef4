"""The dialog "About this console": versions, storage, times of the start, and a report of them."""

from core import dom, format
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console

# The names that the dialog shows for the phases of the worker's start (worker/boot.mjs).
PHASES = {
    "pyodide": "Python",
    "library": "Imports",
    "storage": "Storage",
    "service": "Service",
}


def setup(console: "Console") -> None:
    """Adds the command that shows the dialog."""
    about = About(console)
    console.commands.add("about.show", "About this console", about.show)


class About:
    """The dialog behind the engine's version at the foot of the page."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    async def show(self) -> None:
        """Shows the dialog, and returns when it is closed."""
        facts = self._facts()
        table = dom.make("dl", class_="facts")
        for name, value in facts:
            table.append(dom.make("dt", name), dom.make("dd", value))
        documentation = dom.by_id("documentation")  # in builds that have it (serve.py --build)
        if documentation is not None:
            # In a tab of its own: a page that is left releases the storage.
            place = documentation.getAttribute("href")
            link = dom.make("a", "Documentation", href=place, target="_blank", rel="noopener")
            entry = dom.make("dd")
            entry.append(link)
            table.append(dom.make("dt", "Help"), entry)
        buttons = [("Copy report", ""), ("Close", "primary")]
        button, _ = await dialogs.ask("About this console", None, buttons, body=table)
        if button == "Copy report":
            facts.append(("Browser", dom.browser_name()))
            report = "\n".join(["{}: {}".format(name, value) for name, value in facts])
            self._console.status.say_copied(await dom.copy(report))

    def _facts(self) -> "list[tuple[str, str]]":
        """Return the facts as pairs of texts (name, value)."""
        versions = self._console.state["versions"]
        facts = [
            (name, versions[key])
            for name, key in (
                ("sahpool", "sahpool"),
                ("SQLite", "sqlite"),
                ("Python", "python"),
                ("Pyodide", "pyodide"),
            )
            if key in versions
        ]
        facts.append(("Databases", str(len(self._console.state["databases"]))))
        room = self._console.state["room"]
        if room is not None:
            facts.append(("Storage", "{}. {}".format(room.figures(), room.fate())))
        snapshot, took = self._console.state["timeline"]
        if snapshot:
            facts.append(("Snapshot of Python", snapshot))
        for name, seconds in took:
            facts.append(("Start: " + PHASES.get(name, name), format.time(seconds)))
        for name, mark in (("Editor usable after", "editor"), ("SQL answered after", "ready")):
            reached = dom.reached(mark)
            if reached is not None:
                facts.append((name, format.time(reached)))
        facts.append(("Available offline", "yes" if self._console.state["offline"] else "no"))
        return facts
