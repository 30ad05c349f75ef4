"""The commands that a person can run: one entry each, for all of its buttons and keys.

A button names its command in public/index.html: ``data-command="query.run"``. Where it has several
names, it runs the first command that may run at that moment.
"""

from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any


STOPS = "Escape"


class Command:
    """One command; its title is in the catalogue, app/messages, as ``command.`` and its name.

    ``refusal()`` returns why it cannot run now, as a sentence for a person, or None when it can.
    ``key`` is written as CodeMirror does (https://codemirror.net/docs/ref/#view.KeyBinding):
    ``Mod`` is the ⌘ key where there is one, and Ctrl elsewhere. ``Escape`` may be the key of
    several: it stops whatever runs, and does nothing where nothing does.
    """

    def __init__(
        self,
        name: str,
        run: "Callable[[], Any]",
        refusal: "Callable[[], str | None] | None" = None,
        key: "str | None" = None,
    ) -> None:
        self.name = name
        self.title = text("command." + name)
        self.run = run
        self.refusal = refusal
        self.key = key


class Commands:
    """All commands by name; ``refused(reason)`` is called for a command that may not run."""

    def __init__(self, refused: "Callable[[str], object]") -> None:
        self._refused = refused
        self._commands: "dict[str, Command]" = {}

    def add(
        self,
        name: str,
        run: "Callable[[], Any]",
        refusal: "Callable[[], str | None] | None" = None,
        key: "str | None" = None,
    ) -> None:
        """Add a command.

        Raises:
            ValueError: The name or the key is taken.
            KeyError: The catalogue has no title for it.
        """
        for other in self._commands.values():
            if other.name == name or (key not in (None, STOPS) and other.key == key):
                raise ValueError("{} and {} are in each other's way".format(name, other.name))
        self._commands[name] = Command(name, run, refusal, key)

    def all(self) -> "list[Command]":
        """Return all commands, sorted by name."""
        return [self._commands[name] for name in sorted(self._commands)]

    def keys(self) -> "list[str]":
        """Return the keys that run a command."""
        return sorted({command.key for command in self.all() if command.key is not None})

    def refusal(self, name: str) -> "str | None":
        """Return why a command cannot run now, as a sentence for a person; None when it can."""
        refusal = self._commands[name].refusal
        return None if refusal is None else refusal()

    def run(self, *names: str) -> "Any":
        """Run the first command that may run, and return its result, which may be a coroutine.

        Where none may run, ``refused`` gets the reason of the first one, and None is returned.
        """
        for name in names:
            if self.refusal(name) is None:
                return self._commands[name].run()
        self._refused(self.refusal(names[0]) or "")
        return None

    def press(self, key: str) -> "Any":
        """Run the command of a key, and return its result as run() does; None if it has none."""
        for command in self.all():
            if command.key == key and (key != STOPS or self.refusal(command.name) is None):
                return self.run(command.name)
        return None
