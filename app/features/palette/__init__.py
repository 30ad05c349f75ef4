"""The palette: one dialog that finds and runs every command, and opens every table."""

from core.lazy import Lazy

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console
    from features.palette.dialog import Palette


def setup(console: "Console") -> None:
    """Adds the commands that show everything, and only what has a key."""
    palette = Lazy(lambda: _load(console))
    console.commands.add("palette.show", lambda: palette.get().show(), key="Mod-k")
    console.commands.add("palette.keys", lambda: palette.get().show_keys(), key="?")


def _load(console: "Console") -> "Palette":
    from features.palette.dialog import Palette

    return Palette(console)
