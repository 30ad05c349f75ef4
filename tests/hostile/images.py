"""Files made to harm whoever opens them; runs where SQLite is Pyodide's, so each is the same.

Runs on both sides, inside Pyodide and outside.

Two sorts: sound databases in which something was changed (a seed tells what), and databases that
are sound to the last byte and do harm by what their schema says.
"""

from __future__ import annotations

import random
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

Change = Callable[[random.Random, bytearray, int], None]

EDGES = (0, 1, 2, 3, 7, 8, 100, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
WIDE_EDGES = (*EDGES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def made(*statements: str, settings: Iterable[str] = (), schema: Iterable[str] = ()) -> bytes:
    """The bytes of a database.

    Args:
        *statements: What fills it.
        settings: PRAGMAs before anything is there.
        schema: What changes ``sqlite_schema`` at the end, unchecked.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        for setting in settings:
            con.execute(f"PRAGMA {setting}")
        con.execute("BEGIN")
        for statement in statements:
            con.execute(statement)
        con.execute("COMMIT")
        con.execute("PRAGMA writable_schema=ON")
        for statement in schema:
            con.execute(statement)
        return con.serialize()


def numbers(count: int) -> str:
    """A subquery of the numbers ``i`` from 1."""
    return (
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        f"WHERE i < {count}) SELECT i FROM n)"
    )


FILLED = (
    "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, note)",
    "CREATE TABLE child(a, b NOT NULL DEFAULT 7, c TEXT COLLATE NOCASE, CHECK (b > 0))",
    "CREATE INDEX child_c ON child(c, a)",
    "CREATE INDEX child_part ON child(a) WHERE b > 5",
    "CREATE INDEX child_made ON child(abs(a))",
    "CREATE TABLE pair(k TEXT, v, PRIMARY KEY (k, v)) WITHOUT ROWID",
    "CREATE TABLE strict_one(i INT NOT NULL, t TEXT, r REAL) STRICT",
    "CREATE TABLE computed(a, b AS (a * 2) NOT NULL, c AS (a || 'x') STORED)",
    "CREATE VIEW both AS SELECT p.name, c.b FROM parent p JOIN child c ON c.a = p.id",
    "CREATE TRIGGER noted AFTER INSERT ON child BEGIN UPDATE parent SET note = new.b; END",
    f"INSERT INTO parent SELECT i, 'name ' || i, hex(i) FROM {numbers(120)}",
    f"INSERT INTO child SELECT i % 120, i, printf('%0*d', 1 + i % 90, i) FROM {numbers(150)}",
    f"INSERT INTO pair SELECT printf('%030d', i % 17), i FROM {numbers(90)}",
    f"INSERT INTO strict_one SELECT i, 'text', i / 3.0 FROM {numbers(40)}",
    f"INSERT INTO computed(a) SELECT i FROM {numbers(40)}",
    "INSERT INTO child VALUES (9, 9, printf('%9000d', 9)), (10, 10, printf('%30000d', 10))",
    "DELETE FROM child WHERE b BETWEEN 20 AND 110",
    "ANALYZE",
)
SEARCHED = (
    "CREATE VIRTUAL TABLE words USING fts5(title, body)",
    "CREATE VIRTUAL TABLE old_words USING fts4(title, body)",
    "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1)",
    f"INSERT INTO words SELECT 'title ' || i, 'some body ' || hex(i) FROM {numbers(60)}",
    f"INSERT INTO old_words SELECT 'title ' || i, 'some body ' || hex(i) FROM {numbers(60)}",
    f"INSERT INTO boxes SELECT i, i, i + 3, i % 9, i % 9 + 1 FROM {numbers(90)}",
)


def sound() -> list[bytes]:
    """Databases with all that a file may hold, of many forms."""
    return [
        made(*FILLED, settings=["page_size=512"]),
        made(*FILLED, settings=["page_size=4096"]),
        made(*FILLED, settings=["page_size=1024", "auto_vacuum=FULL"]),
        made(*FILLED, settings=["page_size=512", "auto_vacuum=INCREMENTAL"]),
        made(*FILLED, settings=["page_size=1024", "encoding='UTF-16le'"]),
        made(*FILLED, settings=["page_size=512", "encoding='UTF-16be'"]),
        made(*SEARCHED, settings=["page_size=1024"]),
        made(*SEARCHED, settings=["page_size=512", "encoding='UTF-16le'", "auto_vacuum=FULL"]),
        made("CREATE TABLE t(a, b)", "INSERT INTO t VALUES (1, 2)", settings=["page_size=65536"]),
    ]


# --- what is changed ----------------------------------------------------------------------------


def _page(rng: random.Random, image: bytearray, size: int) -> int:
    """Where some page's tree header begins."""
    number = rng.randrange(len(image) // size)
    return number * size + (100 if number == 0 else 0)


def _put(image: bytearray, form: str, at: int, *values: int) -> None:
    if at + struct.calcsize(form) <= len(image):
        struct.pack_into(form, image, at, *values)


def header_byte(rng: random.Random, image: bytearray, _size: int) -> None:
    image[rng.randrange(16, 100)] = rng.choice([rng.randrange(256), *(n for n in EDGES if n < 256)])


def header_field(rng: random.Random, image: bytearray, _size: int) -> None:
    """Version numbers, page counts, freelist, schema format, encoding, autovacuum."""
    at = rng.choice([24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 92, 96])
    _put(image, ">I", at, rng.choice([*WIDE_EDGES, rng.randrange(2**32)]))


def wal_mode(rng: random.Random, image: bytearray, _size: int) -> None:
    image[18], image[19] = rng.choice([(2, 2), (1, 2), (2, 1), (3, 1), (3, 3), (0, 0), (255, 255)])


def reserved_bytes(rng: random.Random, image: bytearray, _size: int) -> None:
    image[20] = rng.choice([1, 8, 32, 64, 200, 255])


def page_size_field(rng: random.Random, image: bytearray, size: int) -> None:
    other = rng.choice([2, 512, 1024, 2048, 4096, 8192, 32768, 1, size % 65536])
    _put(image, ">H", 16, other)


def any_bytes(rng: random.Random, image: bytearray, _size: int) -> None:
    for _ in range(rng.randrange(1, 17)):
        image[rng.randrange(16, len(image))] = rng.randrange(256)


def tree_header(rng: random.Random, image: bytearray, size: int) -> None:
    at = _page(rng, image, size)
    field = rng.randrange(5)
    if field == 0:
        image[at] = rng.choice([0, 2, 5, 10, 13, rng.randrange(256)])
    else:
        _put(image, ">H", at + (1, 3, 5, 7)[field - 1], rng.choice([n for n in EDGES if n < 65536]))


def cell_pointer(rng: random.Random, image: bytearray, size: int) -> None:
    at = _page(rng, image, size)
    edge = rng.choice([*(n for n in EDGES if n < 65536), rng.randrange(size), size - 1])
    _put(image, ">H", at + rng.choice([8, 12]) + 2 * rng.randrange(12), edge % 65536)


def child_pointer(rng: random.Random, image: bytearray, size: int) -> None:
    pages = len(image) // size
    at = _page(rng, image, size)
    own = at // size + 1
    target = rng.choice([own, 0, 1, pages, pages + 1, rng.randrange(1, pages + 1), 0xFFFFFFFF])
    _put(image, ">I", rng.choice([at + 8, at + rng.randrange(12, size)]), target)


def chain(rng: random.Random, image: bytearray, size: int) -> None:
    """Overflow pages and freelist trunks begin with the number of the next one."""
    pages = len(image) // size
    number = rng.randrange(1, pages) if pages > 1 else 0
    _put(image, ">I", number * size, rng.choice([number + 1, rng.randrange(1, pages + 1), 2**31]))


def free_pages(rng: random.Random, image: bytearray, size: int) -> None:
    pages = len(image) // size
    trunk = rng.randrange(1, pages + 1)
    _put(image, ">I", 32, trunk)
    _put(image, ">I", 36, rng.choice([0, 1, pages, 0x7FFFFFFF, 0xFFFFFFFF]))
    begin = (trunk - 1) * size
    if trunk > 1:
        _put(image, ">II", begin, rng.choice([trunk, 0, 2]), rng.choice([1, size // 4, 0xFFFFFFFF]))


def back_pointers(rng: random.Random, image: bytearray, size: int) -> None:
    """The second page of a file with autovacuum tells of each page whose it is."""
    at = size + 5 * rng.randrange(max(1, size // 5))
    _put(image, ">BI", at, rng.randrange(7), rng.choice(WIDE_EDGES))


def long_numbers(rng: random.Random, image: bytearray, size: int) -> None:
    """Sizes of cells and types of values are numbers of up to nine bytes."""
    at = rng.randrange(100, len(image) - 9)
    length = rng.randrange(1, 10)
    image[at : at + length] = bytes(rng.choice([0x80, 0x81, 0xFF, 0x8F]) for _ in range(length))


def moved_pages(rng: random.Random, image: bytearray, size: int) -> None:
    pages = len(image) // size
    one, two = rng.randrange(pages) * size, rng.randrange(pages) * size
    first, second = image[one : one + size], image[two : two + size]
    image[two : two + size] = first
    if rng.random() < 0.5:
        image[one : one + size] = second


def emptied_page(rng: random.Random, image: bytearray, size: int) -> None:
    at = _page(rng, image, size)
    image[at : (at // size + 1) * size] = bytes([rng.choice([0, 0xFF])]) * (size - at % size)


def cut(rng: random.Random, image: bytearray, size: int) -> None:
    del image[rng.choice([rng.randrange(1, len(image)), size * rng.randrange(1, 4)]) :]
    if rng.random() < 0.7 and len(image) > 96:  # and the header knows of nothing
        _put(image, ">I", 28, 0)


def lengthened(rng: random.Random, image: bytearray, size: int) -> None:
    image += rng.randbytes(rng.choice([1, size, 3 * size]))
    if rng.random() < 0.5:
        _put(image, ">I", 28, len(image) // size)


def schema_text(rng: random.Random, image: bytearray, _size: int) -> None:
    """Some letters of what CREATE statements say."""
    begin = image.find(b"CREATE", rng.randrange(len(image)))
    if begin < 0:
        begin = image.find(b"C\0R\0E\0")
    if begin >= 0:
        for _ in range(rng.randrange(1, 5)):
            at = min(begin + rng.randrange(90), len(image) - 1)
            image[at] = rng.choice([*b"(),'\"; -*/x0\0", rng.randrange(256)])


CHANGES: list[Change] = [
    *(header_byte, header_field, wal_mode, reserved_bytes, page_size_field, any_bytes),
    *(tree_header, cell_pointer, child_pointer, chain, free_pages, back_pointers, long_numbers),
    *(moved_pages, emptied_page, cut, lengthened, schema_text),
]


def schema_changes(rng: random.Random) -> list[str]:
    """What changes rows of ``sqlite_schema`` that no statement could write."""
    row = f"(SELECT rowid FROM sqlite_schema ORDER BY rowid LIMIT 1 OFFSET {rng.randrange(14)})"
    other = rng.choice(["0", "1", "2", "3", "-1", "4294967296", "2147483647", "NULL", "'x'"])
    return [
        rng.choice(
            [
                f"UPDATE sqlite_schema SET rootpage = {other} WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET type = 'view' WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET type = 'trigger' WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET name = 'sqlite_' || name WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET name = CAST(x'74ff' AS TEXT) WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET tbl_name = name || 'x' WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET sql = {other} WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET sql = substr(sql, 1, {rng.randrange(60)})",
                f"UPDATE sqlite_schema SET sql = replace(sql, 'a', 'b') WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET sql = sql || ' WITHOUT ROWID' WHERE rowid = {row}",
                f"UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE rowid = {row}",
                f"INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE rowid = {row}",
                f"DELETE FROM sqlite_schema WHERE rowid = {row}",
                "UPDATE sqlite_stat1 SET stat = '-1 99999999999999999999 sz=0 unordered x'",
                "UPDATE sqlite_stat1 SET stat = zeroblob(50), idx = tbl, tbl = 5",
                f"UPDATE words_data SET block = x'{rng.randbytes(40).hex()}' WHERE id < 20",
                "UPDATE words_data SET block = substr(block, 1, length(block) / 2)",
                "UPDATE words_config SET v = 99",
                f"UPDATE old_words_segdir SET root = x'{rng.randbytes(40).hex()}'",
                "UPDATE old_words_segments SET block = zeroblob(9)",
                "UPDATE boxes_node SET data = zeroblob(40)",
                f"UPDATE boxes_node SET data = x'7fff7fff{rng.randbytes(200).hex()}'",
            ]
        )
    ]


def changed(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many files, each with the name of what was done to it; a seed gives the same ones."""
    whole = sound()
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        image = bytearray(rng.choice(whole))
        done = []
        if rng.random() < 0.15:
            done.append("schema_changes")
            image = bytearray(_with_schema(bytes(image), schema_changes(rng)))
        while not done or rng.random() < 0.25:
            change = rng.choice(CHANGES)
            size = int.from_bytes(image[16:18], "big")
            size = 65536 if size == 1 else size
            if size < 512 or len(image) < size:
                break
            change(rng, image, size)
            done.append(change.__name__)
        yield "+".join(done), bytes(image)


def _with_schema(image: bytes, statements: list[str]) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.deserialize(image)
        con.execute("PRAGMA writable_schema=ON")
        for statement in statements:
            try:
                con.execute(statement)
            except sqlite3.Error:
                con.execute("SELECT 1")  # that table is not in this one: the file stays as it is
        return con.serialize()
