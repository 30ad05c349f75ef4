"""Databases with what lies beside them, as a program leaves them that is killed: made by CPython.

Each maker works in a folder of its own, on ``a.db``, and the copy is taken while the connection is
open, so that its last transactions are in the WAL, or a journal is hot. ``recovered`` says what a
desktop's SQLite finds in such a copy.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

Rows = dict[str, list[Any]]
Maker = Callable[[Path], "Made"]

SUFFIXES = ("", "-wal", "-journal")

_COPY = "copy"  # the folder of the copy, below that of the database


class Made:
    """Bytes by suffix: ``""`` (the database), ``-wal``, ``-journal``."""

    def __init__(self, **files: bytes) -> None:
        self.files = files

    @property
    def main(self) -> bytes:
        """The database file."""
        return self.files.get("main", b"")

    def beside(self) -> dict[str, bytes]:
        """What import_db is given with it."""
        return {kind: each for kind, each in self.files.items() if kind in ("wal", "journal")}

    def but(self, **files: bytes) -> Made:
        """The same with other bytes for some of them."""
        return Made(**{**self.files, **files})


def taken(folder: Path, name: str = "a.db") -> Made:
    """What lies there just now, open or not."""
    found = {
        suffix.lstrip("-") or "main": (folder / (name + suffix)).read_bytes()
        for suffix in SUFFIXES
        if (folder / (name + suffix)).exists()
    }
    return Made(**found)


def recovered(folder: Path, made: Made) -> Rows:
    """Every row of every table, by the table's name, as the desktop's SQLite opens the files."""
    home = folder / _COPY
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for kind, content in made.files.items():
        (home / ("a.db" + ("" if kind == "main" else f"-{kind}"))).write_bytes(content)
    with closing(sqlite3.connect(home / "a.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        return {
            name: [list(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1')]
            for (name,) in connection.execute(names).fetchall()
        }


@contextmanager
def connected(folder: Path, *pragmas: str, name: str = "a.db") -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode."""
    with closing(sqlite3.connect(folder / name, isolation_level=None)) as connection:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        yield connection


def fill(connection: sqlite3.Connection, rows: int = 60, length: int = 300) -> None:
    """A table with an index and some rows."""
    connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    connection.execute("CREATE INDEX i ON t(b)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO t SELECT i, printf('%0*d ä', ?, i) FROM n",
        (rows, length),
    )


# --- WAL ----------------------------------------------------------------------------------------

PAGES = ("page_count", "page_size")
IN_WAL = ("journal_mode=WAL", "wal_autocheckpoint=0")


def wal(folder: Path, *pragmas: str, changes: int = 3, checkpoint: bool = True) -> Made:
    """Some commits in the database, and some only in its WAL."""
    with connected(folder, *pragmas, *IN_WAL) as con:
        fill(con)
        if checkpoint:
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for number in range(changes):
            con.execute("UPDATE t SET b = b || ? WHERE a % 7 = ?", (f" {number}", number % 7))
            con.execute("INSERT INTO t VALUES(?, 'later')", (1000 + number,))
        return taken(folder)


def wal_of_several_generations(folder: Path) -> Made:
    """The last one is short: frames of those before lie behind it."""
    with connected(folder, *IN_WAL) as con:
        fill(con)
        con.execute("UPDATE t SET b = upper(b) || 'long'")
        for number in range(3):
            con.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            con.execute("INSERT INTO t VALUES(?, 'generation')", (500 + number,))
        return taken(folder)


def wal_of_which_a_part_is_in_the_database(folder: Path) -> Made:
    """A reader kept the checkpoint from its end."""
    with connected(folder, *IN_WAL) as con, connected(folder) as reader:
        fill(con)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchall()
        con.execute("INSERT INTO t VALUES(500, 'not seen by the reader')")
        con.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        con.execute("DELETE FROM t WHERE a < 20")
        return taken(folder)


def wal_with_a_transaction_under_way(folder: Path) -> Made:
    """More pages than the cache holds are in the WAL, and were never committed."""
    with connected(folder, *IN_WAL, "cache_size=3") as con:
        fill(con)
        con.execute("INSERT INTO t VALUES(500, 'committed')")
        con.execute("BEGIN")
        con.execute("UPDATE t SET b = 'gone' || b")
        made = taken(folder)
        con.execute("ROLLBACK")
    return made


def wal_of_a_database_that_shrank(folder: Path) -> Made:
    """The database file is longer than what it holds."""
    with connected(folder, "auto_vacuum=FULL", *IN_WAL) as con:
        fill(con, 300)
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        con.execute("DELETE FROM t WHERE a > 9")
        con.execute("VACUUM")
        return taken(folder)


def wal_that_is_all_in_the_database(folder: Path) -> Made:
    """It was carried over, and is still there."""
    with connected(folder, *IN_WAL) as con:
        fill(con)
        con.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
        return taken(folder)


def wal_checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """Section 4.2 of sqlite.org/fileformat2.html."""
    one, two = sums
    for first, second in struct.iter_unpack(f"{order}2I", data):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def frames(content: bytes) -> list[int]:
    """Where the frames of a WAL begin."""
    step = 24 + int.from_bytes(content[8:12], "big")
    return list(range(32, len(content) - step + 1, step))


def big_endian(content: bytes) -> bytes:
    """The WAL as a machine would write it that has the other order of bytes."""
    head = bytes.fromhex("377f0683") + content[4:24]
    sums = wal_checksum(">", head, (0, 0))
    out = [head, struct.pack(">2I", *sums)]
    step = 24 + int.from_bytes(content[8:12], "big")
    for at in frames(content):
        frame = content[at : at + step]
        sums = wal_checksum(">", frame[24:], wal_checksum(">", frame[:8], sums))
        out += [frame[:16], struct.pack(">2I", *sums), frame[24:]]
    return b"".join(out)


def flipped(content: bytes, at: int) -> bytes:
    """One byte is another."""
    return content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]


# --- journals -----------------------------------------------------------------------------------


def hot(folder: Path, *pragmas: str, rows: int = 60, before: str = "", where: str = "1") -> Made:
    """A transaction that changed more pages than the cache holds, and was not committed."""
    with connected(folder, *pragmas, "cache_size=3") as con:
        fill(con, rows)
        con.execute("INSERT INTO t VALUES(-1, 'committed')")
        if before:
            con.execute(before)
        con.execute("BEGIN")
        con.execute(f"UPDATE t SET b = 'gone' || b WHERE {where}")
        con.execute("INSERT INTO t SELECT a + 100000, b FROM t")
        made = taken(folder)
        con.execute("ROLLBACK")
    return made


def hot_of_the_first_transaction(folder: Path) -> Made:
    """There was no database before it."""
    with connected(folder, "cache_size=3") as con:
        con.execute("BEGIN")
        fill(con, 300)
        made = taken(folder)
        con.execute("ROLLBACK")
    return made


def hot_with_another_page_size(folder: Path) -> Made:
    """The database was being written over by one of other pages, as VACUUM does it as well."""
    copies: list[Made] = []
    with (
        connected(folder, "page_size=1024", name="source.db") as source,
        connected(folder, "page_size=4096", "cache_size=3") as target,
    ):
        fill(source, 500)
        source.execute("DELETE FROM t WHERE a > 400")
        fill(target, 200)
        source.backup(target, pages=1, progress=lambda *_: copies.append(taken(folder)))
        # All is written that the transaction writes, but for the end of its journal.
        return copies[-2].but(main=taken(folder).main)


def hot_in_wal_mode(folder: Path) -> Made:
    """The transaction that was cut off is the one that leaves WAL mode, or enters it."""
    made = hot(folder)
    head = made.main[:18] + b"\2\2" + made.main[20:]
    return made.but(main=head)


def not_ended(folder: Path, change: Callable[[sqlite3.Connection], object], *pragmas: str) -> Made:
    """All is written that a transaction writes, but the end of its journal.

    PERSIST mode ends it by zeros in its first 28 bytes, which are put back.
    """
    with connected(folder, *pragmas, "journal_mode=PERSIST") as con:
        fill(con, 300)
        con.execute("DELETE FROM t WHERE a > 90")
        pages, size = (con.execute(f"PRAGMA {each}").fetchone()[0] for each in PAGES)
        change(con)
        made = taken(folder)
    journal, step, nonces = made.files["journal"], size + 8, []
    for at in range(512, len(journal) - step + 1, step):
        (told,) = struct.unpack_from(">I", journal, at + 4 + size)
        nonces.append((told - sum(journal[at + 4 : at + 4 + size][-200:0:-200])) & 0xFFFFFFFF)
    count = next((n for n, each in enumerate(nonces) if each != nonces[0]), len(nonces))
    head = struct.pack(
        ">8s5I", bytes.fromhex("d9d505f920a163d7"), count, nonces[0], pages, 512, size
    )
    return made.but(journal=head + journal[28:])


def vacuum_to_other_pages(folder: Path) -> Made:
    """VACUUM was about to end: the database has other pages than its journal."""

    def change(con: sqlite3.Connection) -> None:
        con.execute("PRAGMA page_size=1024")
        con.execute("VACUUM")

    return not_ended(folder, change)


def incremental_vacuum(folder: Path) -> Made:
    """Free pages were cut off, which nobody saves before."""
    return not_ended(
        folder,
        lambda con: con.execute("PRAGMA incremental_vacuum").fetchall(),
        "auto_vacuum=INCREMENTAL",
    )


def ended(folder: Path, mode: str) -> Made:
    """The journal of a transaction that was committed, as PERSIST and TRUNCATE leave it."""
    with connected(folder, f"journal_mode={mode}") as con:
        fill(con)
        con.execute("UPDATE t SET b = 'x' || b")
        return taken(folder)


def with_super_journal(journal: bytes, name: str) -> bytes:
    """The same as that of a transaction over several databases (``writeSuperJournal``, pager.c)."""
    text = name.encode()
    pending = 0x40000000 // int.from_bytes(journal[24:28], "big") + 1
    tail = struct.pack(">II8s", len(text), sum(text), bytes.fromhex("d9d505f920a163d7"))
    return journal + struct.pack(">I", pending) + text + tail


def headers(journal: bytes) -> list[int]:
    """Where the segments of a journal begin."""
    sector = int.from_bytes(journal[20:24], "big")
    magic = bytes.fromhex("d9d505f920a163d7")
    return [at for at in range(0, len(journal), sector) if journal[at : at + 8] == magic]


def without_first_page(made: Made) -> Made:
    """A power cut has torn the first page of the database; the journal or WAL has it whole."""
    return made.but(main=b"\xff" * 4096 + made.main[4096:])


# --- what does not belong together --------------------------------------------------------------


def of_an_earlier_state(folder: Path) -> Made:
    """The database some checkpoints after its WAL was copied; both have the first page."""
    with connected(folder, *IN_WAL) as con:
        fill(con)
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        con.execute("CREATE TABLE first(x)")
        earlier = taken(folder)
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        con.execute("CREATE TABLE second(x)")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return earlier.but(main=taken(folder).main)


def of_another(folder: Path, make: Callable[[Path], Made]) -> Made:
    """What ``make`` makes in a folder of its own."""
    other = folder / "other"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    return make(other)


def stranger(folder: Path, main: Maker, beside: Maker) -> Made:
    """The database of one copy with the WAL or journal of another."""
    return Made(main=main(folder).main, **of_another(folder, beside).beside())


def plain(folder: Path, *pragmas: str, rows: int = 60, changes: int = 0) -> Made:
    """A database in rollback mode and nothing beside it."""
    with connected(folder, *pragmas) as con:
        fill(con, rows)
        for number in range(changes):
            con.execute("UPDATE t SET b = b || ? WHERE a = 1", (str(number),))
    return taken(folder)


def of_version(content: bytes, version: int) -> bytes:
    """The WAL with another version in its header, whose checksum is right."""
    head = content[:4] + struct.pack(">I", version) + content[8:24]
    order = "<" if content[3] == 0x82 else ">"
    return head + struct.pack(">2I", *wal_checksum(order, head, (0, 0))) + content[32:]


def _with(kind: str, make: Maker, change: Callable[[bytes], bytes]) -> Maker:
    def changed(folder: Path) -> Made:
        made = make(folder)
        return made.but(**{kind: change(made.files.get(kind, b""))})

    return changed


def _grown(folder: Path) -> Made:
    """A WAL that holds a few pages of a large database."""
    with connected(folder, *IN_WAL) as con:
        fill(con, 900)
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        con.execute("UPDATE t SET b = 'x' WHERE a = 500")
        return taken(folder)


def _record(journal: bytes, number: int) -> int:
    """Where a page of a journal's first segment begins."""
    sector, size = struct.unpack_from(">II", journal, 20)
    return int(sector + number * (4 + size + 4) + 4)


#: What cannot be brought in → what is said of it.
REFUSED: dict[str, tuple[Maker, str]] = {
    "a WAL with pages of another size": (
        lambda f: stranger(f, wal, lambda g: wal(g, "page_size=1024")),
        "its pages have 1024 bytes, those of the database 4096",
    ),
    "a WAL of an earlier state": (of_an_earlier_state, "the database is newer"),
    "a WAL beside a database that is not in WAL mode": (
        lambda f: stranger(f, plain, wal),
        "not in WAL mode",
    ),
    "a WAL of another text encoding": (
        lambda f: stranger(
            f,
            lambda g: wal(g, "encoding='UTF-16le'"),
            lambda g: wal(g, checkpoint=False),
        ),
        "another encoding",
    ),
    "a WAL of a larger database": (lambda f: stranger(f, wal, _grown), "does not belong"),
    "a WAL with a damaged header": (
        _with("wal", wal, lambda wal: flipped(wal, 17)),
        "header of the WAL is damaged",
    ),
    "a WAL of another version": (
        _with("wal", wal, lambda wal: of_version(wal, 3007001)),
        "version 3007001",
    ),
    "a WAL cut off in its header": (_with("wal", wal, lambda wal: wal[:20]), "within its header"),
    "a WAL whose header is zeros": (
        _with("wal", wal, lambda wal: bytes(32) + wal[32:]),
        "is no WAL",
    ),
    "a journal as WAL": (
        lambda f: Made(main=wal(f).main, wal=of_another(f, hot).files["journal"]),
        "is no WAL, but a rollback journal",
    ),
    "a database as WAL": (
        lambda f: Made(main=wal(f).main, wal=of_another(f, wal).main),
        "is no WAL, but a SQLite database",
    ),
    "a WAL as journal": (
        lambda f: Made(main=wal(f).main, journal=of_another(f, wal).files["wal"]),
        "is no rollback journal, but a WAL",
    ),
    "text as WAL": (_with("wal", wal, lambda _: b"a,b\n1,2\n" * 9), "does not begin as one"),
    "text as journal": (_with("journal", plain, lambda _: b"a,b\n1,2\n"), "does not begin as one"),
    "both exchanged": (
        lambda f: (lambda made: Made(main=made.files["wal"], wal=made.main))(wal(f)),
        "The file is a WAL",
    ),
    "a WAL and a hot journal": (
        lambda f: Made(**{**wal(f).files, **of_another(f, hot).beside()}),
        "either a hot journal or a WAL",
    ),
    "a damaged database with its WAL": (
        _with("main", _grown, lambda main: main[:8192] + bytes(len(main) - 8192)),
        "damaged",
    ),
    "a database that is none, with its WAL": (
        lambda f: Made(main=b"a,b\n" * 3000, **of_another(f, wal).beside()),
        "not a database",
    ),
    "a journal that is cut off": (
        _with("journal", lambda f: hot(f, rows=300), lambda journal: journal[: len(journal) // 2]),
        "are missing",
    ),
    "a journal cut off in its header": (
        _with("journal", hot, lambda journal: journal[:20]),
        "within its header",
    ),
    "a journal cut off in a later header": (
        _with("journal", hot, lambda journal: journal[: headers(journal)[1] + 100]),
        "within a header",
    ),
    "a journal with a damaged page": (
        _with("journal", hot, lambda journal: flipped(journal, _record(journal, 1) + 4096 - 400)),
        "checksum",
    ),
    "a journal with pages of no size": (
        _with("journal", hot, lambda journal: journal[:24] + b"\0\0\3\3" + journal[28:]),
        "pages of 771 bytes",
    ),
    "a journal with sectors of no size": (
        _with("journal", hot, lambda journal: journal[:20] + b"\0\0\0\7" + journal[24:]),
        "sectors of 7 bytes",
    ),
    "a journal of an earlier state": (
        lambda f: stranger(
            f, lambda g: plain(g, changes=99), lambda g: hot(g, before="CREATE TABLE more(x)")
        ),
        "change counter",
    ),
    "a journal of a later state": (
        lambda f: stranger(f, plain, lambda g: hot(g, before="CREATE VIEW more AS SELECT 1")),
        "change counter",
    ),
    "a journal of a larger database": (
        lambda f: stranger(
            f, lambda g: plain(g, rows=9, changes=1), lambda g: hot(g, rows=900, where="a < 200")
        ),
        "is in neither",
    ),
    "a journal of more pages than there can be": (
        _with("journal", hot, lambda journal: journal[:16] + b"\x7f\xff\xff\xff" + journal[20:]),
        "of 2147483647 pages",
    ),
    "a journal that would undo everything": (
        lambda f: stranger(f, plain, hot_of_the_first_transaction),
        "undo every transaction",
    ),
    "a hot journal beside an empty file": (_with("main", hot, lambda _: b""), "is empty"),
    "a journal of a transaction over several databases": (
        _with("journal", hot, lambda journal: with_super_journal(journal, "/x/a.db-mj12345678")),
        "/x/a.db-mj12345678",
    ),
}


def _of_size(make: Callable[..., Made], size: int, folder: Path, **options: int) -> Made:
    return make(folder, f"page_size={size}", **options)


def _other_order(made: Made) -> Made:
    return made.but(wal=big_endian(made.files["wal"]))


def _headed(made: Made) -> Made:
    return made.but(wal=made.files["wal"][:32])


#: Copies of which all must come in that the desktop finds.
COPIES: dict[str, Maker] = {
    "a WAL": wal,
    "a WAL with all but the first page": lambda f: wal(f, checkpoint=False),
    **{
        f"a WAL, pages of {size} bytes": partial(_of_size, wal, size)
        for size in (512, 1024, 8192, 65536)
    },
    "a WAL, UTF-16le": lambda f: wal(f, "encoding='UTF-16le'"),
    "a WAL, UTF-16be": lambda f: wal(f, "encoding='UTF-16be'"),
    "a WAL, UTF-16le, with all but the first page": lambda f: wal(
        f, "encoding='UTF-16le'", checkpoint=False
    ),
    "a WAL with the other order of bytes": lambda f: _other_order(wal(f)),
    "a WAL larger than its database": lambda f: wal(f, changes=60),
    "a WAL of several generations": wal_of_several_generations,
    "a WAL of which a part is in the database": wal_of_which_a_part_is_in_the_database,
    "a WAL with a transaction under way": wal_with_a_transaction_under_way,
    "a WAL of a database that shrank": wal_of_a_database_that_shrank,
    "a WAL that is all in the database": wal_that_is_all_in_the_database,
    "a WAL, the first page torn": lambda f: without_first_page(wal(f, checkpoint=False)),
    "an empty WAL": lambda f: wal(f).but(wal=b""),
    "a WAL without a frame": lambda f: _headed(wal(f)),
    "a WAL of zeros": lambda f: wal(f).but(wal=bytes(5000)),
    "an ended journal beside a WAL": lambda f: wal(f).but(journal=bytes(600)),
    "a hot journal": hot,
    "a hot journal of many segments": lambda f: hot(f, "synchronous=FULL", rows=300),
    "a hot journal, synchronous=OFF": lambda f: hot(f, "synchronous=OFF"),
    "a hot journal, PERSIST": lambda f: hot(f, "journal_mode=PERSIST"),
    "a hot journal, PERSIST, OFF, older pages behind": lambda f: hot(
        f, "journal_mode=PERSIST", "synchronous=OFF", before="UPDATE t SET b = 'very' || b || b"
    ),
    "a hot journal, TRUNCATE": lambda f: hot(f, "journal_mode=TRUNCATE"),
    **{
        f"a hot journal, pages of {size} bytes": partial(_of_size, hot, size, rows=size // 20)
        for size in (1024, 8192, 65536)
    },
    "a hot journal of a database in WAL mode": hot_in_wal_mode,
    "a hot journal, UTF-16be": lambda f: hot(f, "encoding='UTF-16be'"),
    "a hot journal, the first page torn": lambda f: without_first_page(
        hot(f, before="CREATE TABLE more(x)")
    ),
    "a hot journal with another page size": hot_with_another_page_size,
    "a hot journal of a VACUUM with another page size": vacuum_to_other_pages,
    "a hot journal of an incremental vacuum": incremental_vacuum,
    "a journal ended by PERSIST": lambda f: ended(f, "PERSIST"),
    "a journal ended by TRUNCATE": lambda f: ended(f, "TRUNCATE"),
    "a hot journal of the first transaction": hot_of_the_first_transaction,
}
