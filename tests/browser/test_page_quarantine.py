"""Files with damaged headers: the page lists them, exports, recovers and deletes them."""

from __future__ import annotations

from pathlib import Path

from tests.browser.console_page import Console
from tests.browser.page_steps import make
from tests.browsers import wait_for

# Overwrites bytes of the slots of some paths; returns the size of each path's content.
DAMAGE = """
let folder = await navigator.storage.getDirectory();
for (const name of [".opfs-sahpool", ".opaque"]) folder = await folder.getDirectoryHandle(name);
const sizes = {};
for await (const file of folder.values()) {
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  const path = new TextDecoder().decode(bytes.subarray(0, 512)).split("\\0")[0];
  const harm = args[0][path];
  if (!harm) continue;
  const writable = await file.createWritable({ keepExistingData: true });
  const data = new Uint8Array(harm.length).fill(harm.value);
  await writable.write({ type: "write", position: harm.at, data });
  await writable.close();
  sizes[path] = bytes.length - 4096;
}
return sizes;
"""

FIRST_COPY = {"at": 0, "length": 524, "value": 0}
"""Overwrites the first copy of the header; the second one still offers the name."""

ALL_OF_IT = {"at": 0, "length": 8192, "value": 0xFF}
"""Overwrites the header and the first page: the name is unknown, and the database is not sound."""

KEPT = "return document.getElementById('kept').textContent"
FIELD = "return document.querySelector('dialog input').value"
NOTICE = """
const notice = document.getElementById("kept-notice");
return notice.checkVisibility() ? notice.innerText : null;
"""


def fill(console: Console, rows: int) -> None:
    """Creates a table with ``rows`` rows in the open database."""
    console.run_sql(
        "CREATE TABLE thing (n INTEGER, name TEXT);"
        f"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) "
        "INSERT INTO thing SELECT n, 'thing ' || n FROM c"
    )
    assert console.error() is None


def check_rows(console: Console, rows: int) -> None:
    """Asserts that the table has all of its rows."""
    console.run_sql("SELECT count(*) AS n, sum(n) AS total, max(name) AS name FROM thing")
    assert console.rows() == [[str(rows), str(rows * (rows + 1) // 2), "thing 999"]]
    console.run_sql("PRAGMA integrity_check")
    assert console.rows() == [["ok"]]


def damage(console: Console, harm: dict[str, dict[str, int]]) -> dict[str, int]:
    """Damage files while no console runs, and return the sizes of their contents."""
    # Another page of the site, where no worker holds the pool.
    console.browser.open(console.url + "module_test.html")
    return dict(wait_for("the files", lambda: console.js(DAMAGE, harm)))


def downloaded(console: Console, name: str, size: int) -> bytes:
    """Wait for a download of this name and size, and return its bytes."""
    path = Path(console.browser.downloads / name)
    wait_for("the download", lambda: path.is_file() and path.stat().st_size == size)
    return path.read_bytes()


def ask(console: Console, button: str) -> str:
    """Press a button of the list of files in quarantine, and return the question that follows."""
    console.js("document.getElementById('databases').open = true")
    console.click(f"{button}, kept aside")
    return str(wait_for("the question", console.question))


def check_quarantine(console: Console) -> None:
    """Tests two databases whose names are still known, and one whose name is not."""
    console.open()
    assert console.js(NOTICE) is None
    fill(console, 1500)
    for name, rows in (("other.db", 2000), ("torn.db", 1000)):
        make(console, name)
        fill(console, rows)
    console.run_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    harm = {"/notes.db": FIRST_COPY, "/other.db": FIRST_COPY, "/torn.db": ALL_OF_IT}
    sizes = damage(console, harm)
    assert sizes.keys() == harm.keys()

    console.open()
    notice = str(wait_for("the notice", lambda: console.js(NOTICE)))
    assert "kept aside" in notice
    assert console.database() == "notes 2.db", "the lost name is left to the lost database"
    console.run_sql("CREATE TABLE own (a)")
    console.click("Show")
    listed = str(console.js(KEPT))
    for told in ("notes.db", "other.db", "unnamed", "header"):
        assert told in listed

    console.click("Export notes.db, kept aside")
    whole = downloaded(console, "notes.db", sizes["/notes.db"])
    assert whole.startswith(b"SQLite format 3\0")

    assert "It is checked first" in ask(console, "Recover… notes.db")
    assert console.js(FIELD) == "notes.db"
    console.click("Recover")
    wait_for("the recovery", lambda: console.status().startswith("Recovered notes.db · "))
    assert console.error() is None
    assert console.database() == "notes.db"
    check_rows(console, 1500)

    # Recover under a taken name: the other database is replaced only when the person says so.
    ask(console, "Recover… other.db")
    console.js(f"{FIELD} = args[0]".replace("return ", ""), "notes 2.db")
    console.click("Recover")
    wait_for("the question", lambda: "“notes 2.db” exists already" in str(console.question()))
    assert console.js(FIELD) == "notes 2 2.db"
    assert "other.db" in console.js(KEPT)
    console.click("Replace")
    wait_for("the recovery", lambda: console.status().startswith("Recovered notes 2.db · "))
    assert console.tables() == ["thing"]
    check_rows(console, 2000)

    ask(console, "Recover… unnamed")
    console.click("Recover")
    wait_for("the refusal", lambda: "“recovered.db” was not recovered" in str(console.error()))
    assert "unnamed" in console.js(KEPT), "it stays"
    assert "cannot be undone" in ask(console, "Delete… unnamed")
    console.click("Cancel")
    ask(console, "Delete… unnamed")
    console.click("Delete")
    wait_for("its end", lambda: console.status() == "Deleted unnamed, which was kept aside")
    assert console.js("return document.getElementById('kept').hidden")
    assert console.js(NOTICE) is None

    console.reload()
    assert console.js(NOTICE) is None
    assert console.database() == "notes 2.db"
    check_rows(console, 2000)
    assert [text for text in console.errors() if "favicon.ico" not in text] == []


def check_wal(console: Console) -> None:
    """Tests a database whose last changes are in a WAL that is in quarantine."""
    console.open()
    fill(console, 1500)
    assert damage(console, {"/notes.db-wal": FIRST_COPY})["/notes.db-wal"] > 0

    console.open()
    assert "“notes.db” cannot be opened" in str(wait_for("the refusal", console.error))
    assert "Recover that slot" in str(console.error())
    wait_for("the notice", lambda: console.js(NOTICE))
    console.click("Show")
    assert "It belongs to “notes.db”, and may hold its last changes" in console.js(KEPT)
    assert "tried on a copy first" in ask(console, "Recover… notes.db-wal")
    console.click("Recover")
    wait_for("the recovery", lambda: console.status().startswith("Recovered notes.db · "))
    assert console.error() is None
    assert console.database() == "notes.db"
    assert console.js(NOTICE) is None
    check_rows(console, 1500)


def test_a_database_gets_its_last_changes_back_from_a_file_kept_aside(console: Console) -> None:
    check_wal(console)


def test_a_database_gets_its_last_changes_back_in_firefox(firefox_console: Console) -> None:
    check_wal(firefox_console)


def test_damaged_databases_are_told_of_exported_and_recovered(console: Console) -> None:
    check_quarantine(console)


def test_damaged_databases_are_told_of_exported_and_recovered_in_firefox(
    firefox_console: Console,
) -> None:
    check_quarantine(firefox_console)
