"""The test-suites of the packages, and where they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.ecosystem import packages
from tests.ecosystem.lab import Lab

#: Where a suite runs: on Pyodide's file system in memory; over a pool that is the default VFS;
#: over such a pool whose databases ``os`` sees as files (inside_suites.py, VisibleFiles).
SIDES = ("memory", "pool", "visible")

_RUN = """
await unpack(base, suite["wheels"], [suite["source"]])
await run_suite(
    side, suite["folder"], suite["package"], arguments, suite["environment"], suite["own_databases"]
)
"""

_MINUTES = 15  # that one worker may take


@dataclass(frozen=True)
class Suite:
    """The test-suite of one package.

    Attributes:
        name: Its name in the table.
        wheels: What is unpacked for it.
        source: The source archive with the tests.
        folder: What that unpacks to.
        package: The package in there that gives way to the one from the wheel; empty for none.
        batches: Arguments for pytest; each batch runs in a worker of its own.
        environment: Environment variables.
        own_databases: Whether no test uses the databases of the one before: they are deleted after
            each test.
    """

    name: str
    wheels: list[str]
    source: str
    folder: str
    package: str
    batches: tuple[tuple[str, ...], ...]
    environment: dict[str, str] = field(default_factory=dict)
    own_databases: bool = False


@dataclass
class Outcome:
    """What became of a suite on one side: test → outcome, test → report of its failure, time."""

    tests: dict[str, str]
    why: dict[str, str]
    seconds: float

    @property
    def failed(self) -> set[str]:
        return {test for test, outcome in self.tests.items() if outcome == "failed"}

    def __str__(self) -> str:
        counted = Counter(self.tests.values())
        return f"{counted['passed']} / {counted['failed']} / {counted['skipped']}"


def run(suite: Suite, side: str, lab: Lab) -> Outcome:
    """Runs a suite on one side, batch after batch."""
    result = Outcome({}, {}, 0.0)
    fields = {
        "wheels": suite.wheels,
        "source": suite.source,
        "folder": suite.folder,
        "package": suite.package,
        "environment": suite.environment,
        "own_databases": suite.own_databases,
    }
    for arguments in suite.batches:
        part = lab.run_alone(_RUN, 60 * _MINUTES, suite=fields, side=side, arguments=arguments)
        result.tests.update(part["outcome"])
        result.why.update(part["why"])
        result.seconds += part["seconds"]
    return result


def _files(folder: str, names: str) -> Iterable[str]:
    return (f"{folder}/test_{name}.py" for name in names.split())


_FILE_DATABASE = ("--dburi", "sqlite:///querytest.db")

SQLALCHEMY_DIALECT = Suite(
    name="SQLAlchemy 2.1.9: the dialect",
    wheels=packages.with_pytest(*packages.SQLALCHEMY),
    source=packages.source("sqlalchemy"),
    folder="sqlalchemy-2.1.9",
    package="lib",
    batches=((*_FILE_DATABASE, "test/dialect/sqlite"),),
)

SUITES = [
    replace(
        SQLALCHEMY_DIALECT,
        name="SQLAlchemy 2.1.9",
        batches=(
            (
                *_FILE_DATABASE,
                *("test/dialect/sqlite", "test/dialect/test_suite.py", "test/dialect/test_all.py"),
                "test/engine",
            ),
            (
                *_FILE_DATABASE,
                *_files("test/orm", "cascade cycles naturalpks session transaction unitofwork"),
                *_files("test/orm", "unitofworkv2 versioning"),
            ),
            (
                *_FILE_DATABASE,
                *_files("test/sql", "constraints defaults functions insert_exec query resultset"),
                *_files("test/sql", "returning sequences type_expressions"),
            ),
        ),
    ),
    Suite(
        name="Alembic 1.20.1",
        wheels=packages.with_pytest(*packages.ALEMBIC),
        source=packages.source("alembic"),
        folder="alembic-1.20.1",
        package="alembic",
        batches=((*_FILE_DATABASE, "tests"),),
    ),
    Suite(
        name="peewee 4.3.0",
        wheels=packages.with_pytest(*packages.PEEWEE),
        source=packages.PEEWEE_TESTS,
        folder="peewee-4.3.0",
        package="",
        batches=(("tests/__init__.py",),),
    ),
    Suite(
        name="sqlite-utils 4.2.1",
        wheels=packages.with_pytest(*packages.SQLITE_UTILS, "hypothesis", "sortedcontainers"),
        source=packages.source("sqlite_utils"),
        folder="sqlite_utils-4.2.1",
        package="sqlite_utils",
        batches=(("tests",),),
        own_databases=True,
    ),
    Suite(
        name="dataset 2.0.0",
        wheels=packages.with_pytest(*packages.DATASET),
        source=packages.source("dataset"),
        folder="dataset-2.0.0",
        package="dataset",
        batches=(("test",),),
        environment={"DATABASE_URL": "sqlite:////home/ecosystem/dataset.db"},
    ),
]
