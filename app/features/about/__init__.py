"""The dialog "About this console": versions, storage, times of the start, and a report of them."""

from core import dom, format
from core.messages import text
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console

# The names that the dialog shows for the phases of the worker's start (worker/boot.mjs).
PHASES = {
    "pyodide": "about.phase-python",
    "library": "about.phase-library",
    "storage": "about.phase-storage",
    "service": "about.phase-service",
}
# Those for the versions in the reply to hello.
VERSIONS = (
    ("sahpool", "about.sahpool"),
    ("sqlite", "about.sqlite"),
    ("python", "about.python"),
    ("pyodide", "about.pyodide"),
)


def setup(console: "Console") -> None:
    """Adds the command that shows the dialog."""
    about = About(console)
    console.commands.add("about.show", about.show)


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
            link = dom.make(
                "a", text("about.documentation"), href=place, target="_blank", rel="noopener"
            )
            entry = dom.make("dd")
            entry.append(link)
            table.append(dom.make("dt", text("about.help")), entry)
        buttons = [("act.copy-report", ""), ("act.close", "primary")]
        button, _ = await dialogs.ask(text("about.title"), None, buttons, body=table)
        if button == "act.copy-report":
            facts.append((text("about.browser"), dom.browser_name()))
            report = "\n".join(
                [text("about.line", name=name, value=value) for name, value in facts]
            )
            self._console.status.say_copied(await dom.copy(report))

    def _facts(self) -> "list[tuple[str, str]]":
        """Return the facts as pairs of texts (name, value)."""
        versions = self._console.state["versions"]
        facts = [(text(key), versions[name]) for name, key in VERSIONS if name in versions]
        facts.append((text("about.databases"), str(len(self._console.state["databases"]))))
        room = self._console.state["room"]
        if room is not None:
            value = text("about.storage-value", figures=room.figures(), fate=room.fate())
            facts.append((text("about.storage"), value))
        snapshot, took = self._console.state["timeline"]
        if snapshot:
            facts.append((text("about.snapshot"), snapshot))
        for name, seconds in took:
            phase = text(PHASES[name]) if name in PHASES else name
            facts.append((text("about.phase", phase=phase), format.time(seconds)))
        for name, mark in ((text("about.editor"), "editor"), (text("about.ready"), "ready")):
            reached = dom.reached(mark)
            if reached is not None:
                facts.append((name, format.time(reached)))
        offline = text("about.yes" if self._console.state["offline"] else "about.no")
        facts.append((text("about.offline"), offline))
        return facts
