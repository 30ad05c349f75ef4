"""The dialog "Settings": the settings of core/settings.py that a person sees."""

from core import dom, format
from core.messages import has, text
from core.settings import Flag
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Event

    from core.console import Console
    from core.settings import Setting


def setup(console: "Console") -> None:
    """Adds the command that shows the dialog."""
    console.commands.add("settings.show", SettingsDialog(console).show, key="Mod-,")


class SettingsDialog:
    """The dialog; each change is kept at once."""

    def __init__(self, console: "Console") -> None:
        self._settings = console.settings
        # Kept for all times that the dialog is shown, as its listener would leak with it.
        self._body = dom.make("div", class_="settings")
        dom.listen(self._body, "change", self._take)

    async def show(self) -> None:
        """Shows the dialog, and returns when it is closed."""
        self._draw()
        buttons = [("act.close", "primary")]
        await dialogs.ask(text("settings.title"), text("settings.about"), buttons, body=self._body)

    def _draw(self) -> None:
        self._body.replaceChildren()
        heading = ""
        for setting in self._settings.shown:
            if setting.shown and setting.shown != heading:
                heading = setting.shown
                self._body.append(dom.make("h3", text("settings." + heading)))
            label = dom.make("label", text("setting." + setting.name))
            label.append(self._control(setting))
            self._body.append(label)
            for note in self._notes(setting):
                self._body.append(dom.make("p", note, class_="note"))
        self._body.append(dom.make("p", class_="note", role="status"))

    def _control(self, setting: "Setting") -> "Element":
        value = self._settings[setting.name]
        if isinstance(setting.kind, Flag):
            box = dom.make("input", type="checkbox", data_key=setting.name)
            box.checked = value
            return box
        choices = dom.make("select", data_key=setting.name)
        for choice in setting.kind.values:
            label = text("setting.{}-{}".format(setting.name, choice))
            choices.append(dom.make("option", label, value=choice))
        choices.value = value
        return choices

    def _notes(self, setting: "Setting") -> "list[str]":
        notes = []
        key = "setting." + setting.name + "-note"
        if has(key):
            notes.append(text(key))
        broken = self._settings.broken(setting.name)
        if broken is not None:
            notes.append(text("settings.broken", value=format.brief(broken, 60)))
        return notes

    def _take(self, event: "Event") -> None:
        control = event.target
        flag = control.type == "checkbox"
        self._settings[control.dataset.key] = control.checked if flag else control.value
        if not self._settings.is_kept:
            self._body.lastElementChild.textContent = text("settings.not-kept")
