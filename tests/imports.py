"""Whether each module imports what it may, by pyproject.toml: ``python3 -m tests.imports``.

A new storage, a package of ``sahpool`` with a ``store.py``, gets the place of the other storages.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import serve

#: The layer of the storages in pyproject.toml.
STORAGES = "databases | opfs_pool | memory | functions"


def contracts() -> str:
    """The contracts of pyproject.toml, with the storages that they do not name."""
    text = (serve.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert text.count(f'"{STORAGES}"') == 1
    stores = (serve.ROOT / "worker" / "sahpool").glob("*/store.py")
    new = {path.parent.name for path in stores} - set(STORAGES.split(" | "))
    return text.replace(f'"{STORAGES}"', f'"{" | ".join([STORAGES, *sorted(new)])}"')


def main() -> int:
    """Prints what is broken; returns the exit code."""
    from importlinter.cli import lint_imports

    sys.path[:0] = [str(serve.ROOT / "worker"), str(serve.ROOT / "app")]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pyproject.toml"
        config.write_text(contracts(), encoding="utf-8")
        return int(lint_imports(config_filename=str(config), no_logo=True, no_cache=True) or 0)


if __name__ == "__main__":
    sys.exit(main())
