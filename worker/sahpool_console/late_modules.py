"""Says of a module of the standard library that could not be loaded why it is missing.

The page loads the part of the standard library that the start needs. The rest follows in the
background (``worker/archive.mjs``), or at once when a module of it is imported, which waits for it.
"""

import sys
import zipimport
from importlib.machinery import ModuleSpec, PathFinder

import sahpool_host

__all__ = ["install"]

SUFFIXES = ("/__init__.pyc", "/__init__.py", ".pyc", ".py")
"""What ``zipimport`` adds to the path of a module, in the order in which it looks."""

PLACE = 4
"""Where in an entry of ``zipimport``'s directory the place of the file in the archive is."""


class LateFinder:
    """A finder for ``sys.meta_path`` that finds nothing: it has the archive loaded, or raises."""

    def __init__(self, archive: str) -> None:
        self._archive = archive

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """None, so that the next finder looks for the module.

        Raises:
            ModuleNotFoundError: The archive has the module, and its bytes cannot be had.
        """
        place = self._place(name.replace(".", "/"))
        if place is None or sahpool_host.available(place):
            return None
        raise ModuleNotFoundError(
            f"No module named {name!r}: this part of Python's standard library is not here yet, "
            "and could not be loaded. Check the network and try again.",
            name=name,
        )

    def _place(self, stem: str) -> int | None:
        files = zipimport._zip_directory_cache.get(self._archive, {})  # type: ignore[attr-defined]
        for suffix in SUFFIXES:
            if entry := files.get(stem + suffix):
                return int(entry[PLACE])
        return None


def install(archive: str) -> None:
    """Puts the finder in front of the one that looks into the archive."""
    at = sys.meta_path.index(PathFinder)
    sys.meta_path.insert(at, LateFinder(archive))
