"""What this is and how it started: versions, storage, times; and all of it as text for a report."""

import dom
import words

from components import dialogs

# What the phases of the worker's start (worker/boot.mjs) are called here.
PHASES = {
    "pyodide": "Python",
    "library": "Imports",
    "storage": "Storage",
    "service": "Service",
}


class About:
    """The dialog behind the engine's version at the foot of the page."""

    def __init__(self, state, status):
        self._state = state
        self._status = status
        dom.on_click(dom.by_id("engine"), self._show)

    async def _show(self):
        facts = self._facts()
        table = dom.make("dl", class_="facts")
        for name, value in facts:
            table.append(dom.make("dt", name), dom.make("dd", value))
        documentation = dom.by_id("documentation")  # in builds that have it (serve.py --build)
        if documentation is not None:
            # In a tab of its own: a page that is left lets go of the storage.
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
            self._status.say_copied(await dom.copy(report))

    def _facts(self):
        """Pairs (name, value) of texts."""
        versions = self._state["versions"]
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
        facts.append(("Databases", str(len(self._state["databases"]))))
        for element in ("storage-figures", "storage-fate"):
            text = dom.by_id(element).textContent
            if text:
                facts.append(("Storage", text))
        snapshot, took = self._state["timeline"]
        if snapshot:
            facts.append(("Snapshot of Python", snapshot))
        for name, seconds in took:
            facts.append(("Start: " + PHASES.get(name, name), words.time(seconds)))
        for name, mark in (("Editor usable after", "editor"), ("SQL answered after", "ready")):
            reached = dom.reached(mark)
            if reached is not None:
                facts.append((name, words.time(reached)))
        facts.append(("Available offline", "yes" if self._state["offline"] else "no"))
        return facts
