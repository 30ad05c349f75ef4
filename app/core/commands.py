"""What a person may ask for: each command is one entry here, whatever button or key asks for it.

A button names its command in public/index.html: ``data-command="query.run"``; of several names the
first one that may run just now is meant.
"""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any


class Command:
    """One entry.

    ``refusal()`` answers why it cannot be run just now, in words for a person, or None when it can.
    ``key`` is written as CodeMirror does (https://codemirror.net/docs/ref/#view.KeyBinding):
    ``Mod`` is the ⌘ key where there is one, and Ctrl elsewhere.
    """

    def __init__(
        self,
        name: str,
        title: str,
        run: "Callable[[], Any]",
        refusal: "Callable[[], str | None] | None" = None,
        key: "str | None" = None,
    ) -> None:
        self.name = name
        self.title = title
        self.run = run
        self.refusal = refusal
        self.key = key


class Commands:
    """All commands by their names; ``refused(reason)`` is told of those that were not run."""

    def __init__(self, refused: "Callable[[str], object]") -> None:
        self._refused = refused
        self._commands: "dict[str, Command]" = {}

    def add(
        self,
        name: str,
        title: str,
        run: "Callable[[], Any]",
        refusal: "Callable[[], str | None] | None" = None,
        key: "str | None" = None,
    ) -> None:
        """Adds an entry; ValueError if the name or the key is taken."""
        for other in self._commands.values():
            if other.name == name or (key is not None and other.key == key):
                raise ValueError("{} and {} are in each other's way".format(name, other.name))
        self._commands[name] = Command(name, title, run, refusal, key)

    def all(self) -> "list[Command]":
        """The entries, by name."""
        return [self._commands[name] for name in sorted(self._commands)]

    def keys(self) -> "list[str]":
        """The keys that run a command."""
        return [command.key for command in self.all() if command.key is not None]

    def refusal(self, name: str) -> "str | None":
        """Why a command cannot be run just now; None when it can."""
        refusal = self._commands[name].refusal
        return None if refusal is None else refusal()

    def run(self, *names: str) -> "Any":
        """Runs the first command that may run; answers what it answers, perhaps a coroutine.

        Where none may run, the first one's reason is told.
        """
        for name in names:
            if self.refusal(name) is None:
                return self._commands[name].run()
        self._refused(self.refusal(names[0]) or "")
        return None

    def press(self, key: str) -> "Any":
        """Runs the command of a key."""
        for command in self.all():
            if command.key == key:
                return self.run(command.name)
        return None
