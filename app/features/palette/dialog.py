"""The dialog of the palette: a field, and a list box with what fits the words in it."""

from core import dom, format
from core.messages import text
from features.palette.ranking import ranked
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from page_types import Element, Event, Json

    from core.commands import Command
    from core.console import Console

MOST_SHOWN = 60
"""Entries drawn at once: nobody reads on, and thousands would keep the page busy."""

ASKED = ("start.retry", "worker.restart")
"""Commands that end what runs: a notice offers them when that is wanted, the palette always."""


class Entry:
    """A command or a table: its title; what it is, or why it cannot run now; its key."""

    def __init__(self, title: str, about: "str | None", key: "str | None" = None) -> None:
        self.title = title
        self.about = about
        self.key = key
        self.is_refused = False
        self.command = ""  # the name of the command
        self.table: "Json | None" = None  # or the table


class Palette:
    """The dialog, which stays in the page, closed, once it was used."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._entries: "list[Entry]" = []
        self._names: "list[str]" = []
        self._found: "list[int]" = []
        self._at = 0
        self._field = dom.make(
            "input",
            type="text",
            role="combobox",
            aria_expanded="true",
            aria_controls="palette-list",
            aria_autocomplete="list",
            aria_label=text("palette.label"),
            autocomplete="off",
            spellcheck="false",
        )
        self._list = dom.make(
            "ul", id="palette-list", role="listbox", aria_label=text("palette.list")
        )
        self._note = dom.make("p", class_="note", role="status")
        self._dialog = dom.make(
            "dialog", class_="palette", closedby="any", aria_label=text("palette.title")
        )
        self._dialog.append(self._field, self._list, self._note)
        # One listener each, for all times that it is shown.
        dom.listen(self._field, "input", lambda _event: self._find())
        dom.listen(self._field, "keydown", self._press)
        dom.on_acts(self._list, {"choose": self._choose})
        dom.add_to_page(self._dialog)

    def show(self) -> None:
        """Shows every command, then every table and view."""
        self._open(self._commands() + self._tables(), text("palette.placeholder"))

    def show_keys(self) -> None:
        """Shows the commands that have a key."""
        entries = [entry for entry in self._commands() if entry.key is not None]
        self._open(entries, text("palette.placeholder-keys"))

    def _open(self, entries: "list[Entry]", placeholder: str) -> None:
        self._entries = entries
        self._names = [entry.title.lower() for entry in entries]
        self._field.setAttribute("placeholder", placeholder)
        self._field.value = ""
        self._find()
        self._dialog.showModal()
        self._field.focus()

    def _commands(self) -> "list[Entry]":
        """Return what can be run now, then what cannot."""
        entries = [self._of_command(command) for command in self._console.commands.all()]
        entries = [entry for entry in entries if entry.command != "palette.show"]
        entries.sort(key=lambda entry: (entry.is_refused, entry.title.lower()))
        return entries

    def _of_command(self, command: "Command") -> "Entry":
        refusal = None if command.refusal is None else command.refusal()
        entry = Entry(command.title, refusal, command.key)
        entry.is_refused = refusal is not None
        entry.command = command.name
        return entry

    def _tables(self) -> "list[Entry]":
        entries = []
        for table in self._console.state["schema"]:
            if table["type"] == "shadow":
                continue
            name = table["name"]
            if table["schema"] != "main":
                name = table["schema"] + "." + name
            kind = "palette.view" if table["type"] == "view" else "palette.table"
            entry = Entry(name, text(kind))
            entry.table = table
            entries.append(entry)
        return entries

    def _find(self) -> None:
        self._found = ranked(self._names, self._field.value)
        self._at = 0
        shown = self._found[:MOST_SHOWN]
        dom.fill(self._list, [self._option(number) for number in shown])
        more = len(self._found) - len(shown)
        if not shown:
            self._note.textContent = text("palette.nothing")
        else:
            self._note.textContent = text("palette.more", count=more) if more else ""
        self._mark()

    def _option(self, number: int) -> "Element":
        entry = self._entries[number]
        option = dom.make(
            "li",
            id="palette-{}".format(number),
            role="option",
            aria_disabled="true" if entry.is_refused else None,
            data_act="choose",
            data_key=number,
        )
        option.append(dom.named(entry.title, class_="name", title=entry.title))
        if entry.about is not None:
            option.append(dom.make("span", entry.about, class_="about", title=entry.about))
        if entry.key is not None:
            option.append(dom.make("kbd", format.key_name(entry.key, dom.is_apple())))
        return option

    def _mark(self) -> None:
        """Marks the entry that Enter chooses."""
        options = dom.items(self._list.children)
        for number, option in enumerate(options):
            option.setAttribute("aria-selected", "true" if number == self._at else "false")
        if options:
            self._field.setAttribute("aria-activedescendant", options[self._at].id)
            dom.reveal(options[self._at])
        else:
            self._field.removeAttribute("aria-activedescendant")

    def _press(self, event: "Event") -> "Any":
        count = min(len(self._found), MOST_SHOWN)
        if event.isComposing or not count:
            return None
        if event.key == "ArrowDown":
            self._at = (self._at + 1) % count
        elif event.key == "ArrowUp":
            self._at = (self._at - 1) % count
        elif event.key == "Enter":
            event.preventDefault()
            return self._take(self._found[self._at])
        else:
            return None
        event.preventDefault()
        self._mark()
        return None

    def _choose(self, option: "Element") -> "Any":
        return self._take(int(option.dataset.key))

    def _take(self, number: int) -> "Any":
        """Open a table, or run a command; return what that returns, perhaps a coroutine."""
        entry = self._entries[number]
        self._dialog.close()
        if entry.table is not None:
            source = format.source(entry.table, self._console.state["schema"])
            return self._console.events.emit("browsed", format.first_rows(source))
        if entry.command in ASKED:
            return self._ask_first(entry.command)
        return self._console.commands.run(entry.command)

    async def _ask_first(self, name: str) -> None:
        in_memory = self._console.state["storage"] == "memory"
        about = text("palette.restart-memory" if in_memory else "palette.restart-about")
        buttons = [("act.cancel", ""), ("act.restart", "primary")]
        button, _ = await dialogs.ask(text("palette.restart"), about, buttons)
        if button == "act.restart":
            dom.guarded(self._console.commands.run)(name)
