"""Tests of the packages' suites that fail over a pool and pass in memory, each with its reason."""

from __future__ import annotations

_OPEN = "reads the database with open(), which knows nothing of a pool"
_LISTED = "looks for the database in a listing of its directory"

#: They pass with ``install(pragmas={})``, which leaves new databases in rollback mode: tested.
WAL = "expects a new database in rollback mode"

#: On the POSIX desktop the old connection goes on with a file without a name. Windows refuses too.
_IN_USE = "deletes a database that another connection of its own has open"

#: Suite → test → reason.
ONLY_ON_A_POOL: dict[str, dict[str, str]] = {
    "peewee 4.3.0": {
        "tests/__init__.py::TestPwizUnknownField::test_unknown_field": _IN_USE,
    },
    "sqlite-utils 4.2.1": {
        "tests/test_cli.py::test_create_database[False]": _OPEN,
        "tests/test_cli.py::test_create_database[True]": _OPEN,
        "tests/test_cli.py::test_query_memory_does_not_create_file": _LISTED,
        "tests/test_wal.py::test_enable_disable_wal": _LISTED,
        "tests/test_cli.py::test_disable_wal": WAL,
        "tests/test_cli.py::test_enable_wal": WAL,
        "tests/test_cli.py::test_optimize[tables0]": WAL,
        "tests/test_cli.py::test_optimize[tables1]": WAL,
        "tests/test_cli.py::test_optimize[tables2]": WAL,
        "tests/test_wal.py::test_enable_wal_inside_transaction_raises": WAL,
    },
}
