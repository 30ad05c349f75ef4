"""The page's Python under CPython, without a browser: a document whose elements take everything."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from core.commands import Commands
from core.console import Console
from core.events import Events
from core.settings import Settings
from core.state import State

if TYPE_CHECKING:
    from js import Element

#: Where the page's modules are that know the browser, and must not outlive the fake one.
PACKAGES = ("core", "features", "ui")


class FakePage:
    """What features share, and what they do with it.

    Attributes:
        said: What the status line has shown, or the reasons of commands that may not run.
        kept: What the browser keeps from visit to visit.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._before = set(sys.modules)
        self._elements: dict[str, MagicMock] = {}
        browser: Any = ModuleType("js")
        browser.document = MagicMock()
        browser.document.getElementById = self.element
        for name in ("window", "console", "location", "performance", "sahpoolStart"):
            setattr(browser, name, MagicMock())
        scripts: Any = ModuleType("polyscript.js_modules")
        scripts.parts = MagicMock()
        polyscript: Any = ModuleType("polyscript")
        polyscript.js_modules = scripts
        for name, module in (("js", browser), ("polyscript", polyscript)):
            monkeypatch.setitem(sys.modules, name, module)
        self.said: list[str] = []
        self.kept: dict[str, str] = {}
        self.state = State()
        self.events = Events()
        self.commands = Commands(self.said.append)
        self.settings = Settings(self.kept.get, self._remember)
        status = MagicMock()
        status.say = self.said.append
        self.console = Console(
            MagicMock(),
            self.state,
            self.commands,
            self.events,
            MagicMock(),
            self.settings,
            status,
            MagicMock(),
        )

    def element(self, name: str) -> Element:
        """The element of an id; it is made when it is first asked for."""
        return self._elements.setdefault(name, MagicMock())

    def set_up(self, name: str) -> None:
        """Sets a feature up, as app/main.py does."""
        importlib.import_module(f"features.{name}").setup(self.console)

    def close(self) -> None:
        """Forgets the modules that know the fake browser."""
        for name in set(sys.modules) - self._before:
            if name.partition(".")[0] in PACKAGES:
                del sys.modules[name]
                parent, _, child = name.rpartition(".")
                if parent in sys.modules:
                    delattr(sys.modules[parent], child)

    def _remember(self, key: str, text: str) -> bool:
        self.kept[key] = text
        return True
