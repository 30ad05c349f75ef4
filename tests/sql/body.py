"""Thousands of SQL statements, made from a seed: what SQLite does that a storage could get wrong.

A script is a list of statements (runner.py says what each may be) for a database of its own; it is
of one of the kinds in queries.py and schemas.py. Left out are, as they depend on SQLite's version,
on how it was built, on its random generator or on the machine:

- random(), randomblob(), sqlite_version(), the current time and 'localtime';
- EXPLAIN, and the numbers that ANALYZE finds;
- sin(), pow() and the like, which are the platform's, and quote() of a REAL, which is computed in
  the platform's long double;
- LIKE and GLOB on a BLOB, which builds may refuse to match;
- PRAGMAs about files (page_count, freelist_count), and the shadow tables of virtual tables;
- the order of rows where a statement has no ORDER BY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.sql import queries, schemas
from tests.sql.maker import Maker, Script

#: Kind → how many scripts of it.
KINDS: dict[Callable[[Maker], Script], int] = {
    queries.values_and_affinities: 10,
    queries.expressions: 18,
    queries.joins: 6,
    queries.aggregates: 7,
    queries.windows: 6,
    queries.recursion: 7,
    queries.writing: 11,
    queries.triggers_and_views: 5,
    queries.foreign_keys: 8,
    queries.transactions: 10,
    schemas.indexes: 8,
    schemas.computed_columns: 8,
    schemas.strict_tables: 6,
    schemas.without_rowid: 8,
    schemas.searching: 6,
    schemas.boxes: 6,
    schemas.json_values: 8,
    schemas.dates: 5,
    schemas.blobs: 5,
    schemas.several_databases: 8,
    schemas.altering: 8,
    schemas.many_rows: 4,
}


def scripts(times: int = 1) -> Iterator[tuple[str, Script]]:
    """Every script with its name; ``times`` as many of each kind.

    The first ones are the same whatever ``times`` is.
    """
    for kind, count in KINDS.items():
        for number in range(count * times):
            yield f"{kind.__name__} {number}", kind(Maker(f"{kind.__name__} {number}"))
