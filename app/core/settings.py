"""What is kept in this browser from visit to visit: one entry of SETTINGS each.

Not the texts of the editor, which app/parts/texts.mjs keeps.

Values are kept as text in localStorage, below ``sahpool.`` and the name. A text that is no value of
its setting, because an older or a newer version wrote it, counts as the default. It is not lost: it
stays until another value is set, and then moves to ``sahpool.NAME.before``.
"""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any


class Text:
    """The type of a setting that is any text."""

    def read(self, text: str) -> str:
        """Return the value that is kept as ``text``."""
        return text

    def write(self, value: "Any") -> str:
        """Return the text that a value is kept as."""
        return str(value)


class Choice(Text):
    """The type of a setting that is one of a few texts."""

    def __init__(self, *values: str) -> None:
        self.values = values

    def read(self, text: str) -> str:
        """Return the value that is kept as ``text``.

        Raises:
            ValueError: It is none of them.
        """
        if text not in self.values:
            raise ValueError(text)
        return text


class Flag(Text):
    """The type of a setting that is True or False."""

    def read(self, text: str) -> "Any":
        """Return the value that is kept as ``text``.

        Raises:
            ValueError: It is neither.
        """
        if text not in ("yes", "no"):
            raise ValueError(text)
        return text == "yes"

    def write(self, value: "Any") -> str:
        """Return the text that a value is kept as."""
        return "yes" if value else "no"


class Number(Text):
    """The type of a setting that is a number from ``least`` to ``most``."""

    def __init__(self, least: float, most: float) -> None:
        self.least = least
        self.most = most

    def read(self, text: str) -> "Any":
        """Return the value that is kept as ``text``.

        Raises:
            ValueError: It is no such number.
        """
        number = float(text)
        if not self.least <= number <= self.most:  # also when it is not a number
            raise ValueError(text)
        return number


class Setting:
    """One entry: its name, its type, its default, and where a person sees it.

    ``shown`` is the heading below which the dialog "Settings" shows it, ``settings.`` and that
    name in the catalogue; None: the page alone sets it. The catalogue has its label as ``setting.``
    and the name, those of choices with a hyphen and the value after that.
    """

    def __init__(self, name: str, kind: "Any", default: "Any", shown: "str | None" = None) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.shown = shown


SETTINGS = (
    # Seconds after which a statement is stopped; 0: never.
    Setting("seconds", Choice("0", "10", "60", "600"), "0", shown="statements"),
    # Whether the first rows of the last result are kept for the next visit (app/parts/last.mjs).
    Setting("last-rows", Flag(), True, shown="results"),
    # How much the library logs; public/first.js reads it when the page is loaded.
    Setting("verbosity", Choice("usual", "0", "1", "2", "3"), "usual", shown="diagnosis"),
    # The name of the database that was open last.
    Setting("database", Text(), ""),
    # Seconds from the navigation to the first answer to SQL, at the last start; 0: not known.
    Setting("start-seconds", Number(0, 3600), 0.0),
)


class Settings:
    """The values of SETTINGS; ``recall`` and ``remember`` are those of core/dom.py."""

    def __init__(
        self,
        recall: "Callable[[str], str | None]",
        remember: "Callable[[str, str], bool]",
        settings: "tuple[Setting, ...]" = SETTINGS,
    ) -> None:
        self._recall = recall
        self._remember = remember
        self._settings = {setting.name: setting for setting in settings}
        self.shown = [setting for setting in settings if setting.shown is not None]
        """Those that the dialog shows, in the order of SETTINGS."""
        self._values: "dict[str, Any]" = {}
        self._watchers: "dict[str, list[Callable[[Any], object]]]" = {}
        self.is_kept = True
        """Whether the browser has kept the value that was set last."""

    def __getitem__(self, name: str) -> "Any":
        if name not in self._values:
            setting = self._settings[name]
            self._values[name] = self._kept(setting)
        return self._values[name]

    def __setitem__(self, name: str, value: "Any") -> None:
        """Set a value, and keep it for the next visit where the browser allows that.

        Raises:
            ValueError: It is no value of this setting; nothing has changed.
        """
        kind = self._settings[name].kind
        kept = kind.write(value)
        value = kind.read(kept)
        broken = self.broken(name)
        if broken is not None:
            self._remember(name + ".before", broken)
        self.is_kept = self._remember(name, kept)
        self._values[name] = value
        for watcher in self._watchers.get(name, ()):
            watcher(value)

    def broken(self, name: str) -> "str | None":
        """Return the text that is kept for a setting if it is no value of it, else None."""
        kept = self._recall(name)
        if kept is None:
            return None
        try:
            self._settings[name].kind.read(kept)
        except ValueError:
            return kept
        return None

    def watch(self, name: str, watcher: "Callable[[Any], object]") -> None:
        """Calls ``watcher(value)`` whenever a setting is set, and once now."""
        self._watchers.setdefault(name, []).append(watcher)
        watcher(self[name])

    def _kept(self, setting: "Setting") -> "Any":
        kept = self._recall(setting.name)
        if kept is None or self.broken(setting.name) is not None:
            return setting.default
        return setting.kind.read(kept)
