"""Tries the mutations of the promises: ``python3 -m tests.promises [NAME…]``.

For each it makes the change in a copy of this repository, and runs the promise's test there, which
must fail; without the change it must pass. All of them take an hour.
"""

from __future__ import annotations

import sys

from tests import __main__ as tests

if __name__ == "__main__":
    sys.exit(tests.run_inside("promises", "-m", "tests.promises.mutating", *sys.argv[1:]))
