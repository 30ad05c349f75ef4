"""Whether each module imports what it may, by pyproject.toml: ``python3 -m tests.imports``."""

from __future__ import annotations

import sys

import serve


def main() -> int:
    """Prints what is broken; returns the exit code."""
    from importlinter.cli import lint_imports

    sys.path[:0] = [str(serve.ROOT / "worker"), str(serve.ROOT / "app")]
    return int(lint_imports(no_logo=True, no_cache=True) or 0)


if __name__ == "__main__":
    sys.exit(main())
