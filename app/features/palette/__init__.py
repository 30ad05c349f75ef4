"""The palette: one dialog that finds and runs every command, and opens every table."""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console
    from features.palette.dialog import Palette

_palettes: "list[Palette]" = []  # the one, once it was used


def setup(console: "Console") -> None:
    """Adds the commands that show everything, and only what has a key."""
    _palettes.clear()
    console.commands.add("palette.show", lambda: _palette(console).show(), key="Mod-k")
    console.commands.add("palette.keys", lambda: _palette(console).show_keys(), key="?")


def _palette(console: "Console") -> "Palette":
    """Return the palette; its code is loaded at the first use."""
    if not _palettes:
        from features.palette.dialog import Palette

        _palettes.append(Palette(console))
    return _palettes[0]
