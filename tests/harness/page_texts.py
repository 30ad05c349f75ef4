"""The texts of the page's Python, of which the build makes a module, for CPython."""

import sys
from types import ModuleType

from worker.build import packing


class Texts(ModuleType):
    """The module messages/en.py of the page."""

    TEXTS = packing.messages()


sys.modules["messages.en"] = Texts("messages.en")
