"""Parts of the page that are made when they are first used."""

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable
    from typing import Any


class Lazy:
    """What ``make()`` gives, called once: at the first use, when it may load the code as well."""

    def __init__(self, make: "Callable[[], Any]") -> None:
        self._make = make
        self._made: "Any" = None

    def get(self) -> "Any":
        """Return it."""
        if self._made is None:
            self._made = self._make()
        return self._made
