"""Each tab has a session of its own: what others see of it, wait for, and are notified of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import serve
from tests.browser.many_tabs import Tab, Tabs, soon
from tests.browser.tabs.figures import Figure, at_most, exactly
from tests.conftest import ServedSite

_names = count(1)

SECONDS = 1.0  # until a tab shows what another one has changed


def _table(tab: Tab) -> str:
    """Create a table with the one value 1, and return its name."""
    name = f"t{next(_names)}"
    tab.do(f"CREATE TABLE {name} (v); INSERT INTO {name} VALUES (1)")
    return name


def _waits_for(waiter: Tab, holder: Tab, sql: str) -> None:
    """The waiter begins a statement, and says that it waits for the holder."""
    waiter.begin(sql)
    words = f"Waiting for tab {holder.number}, which is changing this database…"
    soon(f"“{words}”", partial(_has, waiter, words))


def hides_what_is_not_committed(tabs: Tabs, holder_leads: bool) -> None:
    """Others see a change once it is committed; another writer waits until then."""
    a, b = tabs.pair(leads=holder_leads)
    name = _table(a)
    a.do(f"BEGIN; UPDATE {name} SET v = 2")
    assert b.value(f"SELECT v FROM {name}") == "1"
    _waits_for(b, a, f"UPDATE {name} SET v = v + 10")
    a.do("COMMIT")
    assert b.said() == ""
    assert b.value(f"SELECT v FROM {name}") == "12"
    assert a.value(f"SELECT v FROM {name}") == "12"


def undoes_by_rollback(tabs: Tabs, holder_leads: bool) -> None:
    """After ROLLBACK the waiting writer sees the database as it was before the transaction."""
    a, b = tabs.pair(leads=holder_leads)
    name = _table(a)
    a.do(f"BEGIN IMMEDIATE; UPDATE {name} SET v = 2")
    _waits_for(b, a, f"UPDATE {name} SET v = v + 10")
    a.do("ROLLBACK")
    assert b.said() == ""
    assert b.value(f"SELECT v FROM {name}") == "11"


def undoes_by_closing(tabs: Tabs, holder_leads: bool) -> None:
    """Closing the tab that holds the lock rolls back its transaction; the waiting one goes on."""
    a, b = tabs.pair(leads=holder_leads)
    name = _table(a)
    a.do(f"BEGIN; UPDATE {name} SET v = 2")
    _waits_for(b, a, f"UPDATE {name} SET v = v + 10")
    tabs.close(a)
    assert b.said() == ""
    assert b.value(f"SELECT v FROM {name}") == "11"


def keeps_temporary_things_apart(tabs: Tabs, holder_leads: bool) -> None:
    """Only the tab that set them has its temporary tables and PRAGMAs."""
    a, b = tabs.pair(leads=holder_leads)
    a.do("CREATE TEMP TABLE mine (v); INSERT INTO mine VALUES (1)")
    assert "no such table: mine" in b.ask("SELECT * FROM mine")
    b.do("CREATE TEMP TABLE mine (other)")
    assert a.value("SELECT v FROM mine") == "1"
    for tab in (a, b):
        tab.do("DROP TABLE mine")
    for pragma, value in (("foreign_keys", "1"), ("busy_timeout", "1234"), ("cache_size", "321")):
        before = b.value(f"PRAGMA {pragma}")
        a.do(f"PRAGMA {pragma} = {value}")
        assert a.value(f"PRAGMA {pragma}") == value
        assert b.value(f"PRAGMA {pragma}") == before
        a.do(f"PRAGMA {pragma} = {before}")


def names_who_is_waited_for(tabs: Tabs, holder_leads: bool) -> None:
    """A writer that has waited for busy_timeout is told which tab holds the lock."""
    a, b = tabs.pair(leads=holder_leads)
    name = _table(a)
    b.do("PRAGMA busy_timeout = 2000")
    a.do(f"BEGIN; UPDATE {name} SET v = 2")
    began = time.monotonic()
    said = b.ask(f"UPDATE {name} SET v = 3")
    assert "database is locked" in said, said
    assert f"Tab {a.number} holds the lock" in said, said
    assert 1.9 < time.monotonic() - began < 10
    a.do("COMMIT")
    b.do(f"UPDATE {name} SET v = 3; PRAGMA busy_timeout = 0")


ISOLATION: dict[str, Callable[[Tabs, bool], None]] = {
    "a change is hidden until COMMIT, the other writer waits": hides_what_is_not_committed,
    "ROLLBACK: the other one proceeds": undoes_by_rollback,
    "the tab closed: the other one proceeds, its change is gone": undoes_by_closing,
    "temporary tables and PRAGMAs are the tab's own": keeps_temporary_things_apart,
    "a lock held too long: the error names the tab": names_who_is_waited_for,
}


def isolation(tabs: Tabs) -> Iterator[Figure]:
    """Runs all of ISOLATION, with the leader and with a follower as the tab that changes."""
    for what, check in ISOLATION.items():
        for leads in (True, False):
            check(tabs, leads)
            yield exactly(f"{what} ({'leader' if leads else 'follower'} changes)", "so", "so")


def changes(tabs: Tabs, rounds: int = 10) -> Iterator[Figure]:
    """After a commit in one tab, the other one updates its schema and marks old results."""
    a, b = tabs.pair(leads=True)
    schema, mark = [], []
    for writer, reader in [(a, b), (b, a)] * rounds:
        name = f"t{next(_names)}"
        listed = f"document.getElementById('schema').textContent.includes('{name}')"
        schema.append(_lateness(writer, reader, f"CREATE TABLE {name} (v)", listed))
        reader.do(f"SELECT * FROM {name}")
        assert not _is_old(reader)
        is_old = "!document.getElementById('older').hidden"
        mark.append(_lateness(writer, reader, f"INSERT INTO {name} VALUES (1)", is_old))
        reader.do(f"SELECT * FROM {name}")
        assert not _is_old(reader)
    yield at_most("the list of tables follows, most", SECONDS, max(schema), "s")
    yield at_most("the mark “older than the data” follows, most", SECONDS, max(mark), "s")


def _is_old(tab: Tab) -> bool:
    return not tab.js("return document.getElementById('older').hidden")


def _lateness(writer: Tab, reader: Tab, sql: str, shown: str) -> float:
    """Return the seconds from the end of SQL in one tab until ``shown`` is true in the other."""
    watch = f"while (!({shown})) await new Promise((resolve) => setTimeout(resolve, 2));"
    reader.js(f"window.noticed = (async () => {{ {watch} return Date.now(); }})(); return 0")
    writer.begin(sql)
    said, ended = writer.js("return asked")
    assert said == ""
    return max(0.0, (float(reader.js("return noticed")) - float(ended)) / 1000)


BORROW = """
const worker = new Worker("tests/borrower.mjs", { type: "module" });
try {
  const { value } = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(args);
  });
  return value;
} finally {
  worker.terminate();
}
"""


def loan(tabs: Tabs) -> Iterator[Figure]:
    """The storage is lent to the official package, whose pool writes, and taken back."""
    leader, follower = tabs.pair(leads=True)
    (third,) = tabs.open()
    name = _table(leader)
    third.do(f"BEGIN; UPDATE {name} SET v = 5")
    _lend(follower)
    said = str(soon("the refusal", follower.error))
    assert "The storage was not lent" in said, said
    assert f"Tab {third.number} " in said, said
    yield exactly("refused while another tab has a transaction", "names it", " ".join(said.split()))
    third.do("ROLLBACK")
    for lender, taker, who in ((follower, leader, "the leader"), (leader, third, "a follower")):
        _lend(lender)
        for tab in tabs.all:
            soon("the notice", partial(_is_lent, tab))
        value = _borrow(tabs, leader.database(), name)
        _take_back(tabs, taker, name, value)
        what = f"what the official package wrote, taken back by {who}"
        yield exactly(what, "every tab sees it", f"v = {value}")


def loan_without_its_leader(tabs: Tabs) -> Iterator[Figure]:
    """While the storage is lent, the leader is closed, and then the next leader as well."""
    tabs.have(4)
    leader = tabs.leader
    name = _table(leader)
    database = leader.database()
    _lend(leader)
    for who in ("the leader", "the next one"):
        gone = tabs.leader
        for tab in tabs.all:
            soon("the notice", partial(_is_lent, tab))
        tabs.close(gone)
        heir = tabs.leader
        heir.wait_ready()
        assert _is_lent(heir), "the loan is over"
        value = _borrow(tabs, database, name)
        yield exactly(f"the other program writes after {who} has gone", "as before", f"v = {value}")
    _take_back(tabs, tabs.all[-1], name, value)
    yield exactly("taken back in the end", "every tab sees it", f"v = {value}")


def _borrow(tabs: Tabs, database: str, name: str) -> int:
    """Let the other program add 100 to the value, and return what it reads then."""
    add = f"UPDATE {name} SET v = v + 100"
    query = f"SELECT v FROM {name}"
    return int(tabs.in_keeper(BORROW, "opfs-sahpool", f"/{database}", add, query))


def _take_back(tabs: Tabs, taker: Tab, name: str, value: int) -> None:
    """Ends the loan; asserts that every tab reads what the other program wrote, and can write."""
    taker.click("Take it back")
    for tab in tabs.all:
        soon("the storage", partial(_has, tab, "The storage is back"))
        assert not _is_lent(tab)
        assert tab.value(f"SELECT v FROM {name}") == str(value), tab.name
        tab.do(f"UPDATE {name} SET v = v")


def _is_lent(tab: Tab) -> bool:
    return not tab.js("return document.getElementById('lent-notice').hidden")


def _has(tab: Tab, status: str) -> bool:
    return tab.status().startswith(status)


def _lend(tab: Tab) -> None:
    tab.js("document.getElementById('databases').open = true")
    tab.click("Lend it to another program")


def serve_borrower(site: ServedSite) -> None:
    """Lets the site serve the program to which the storage is lent."""
    package = serve.ROOT / "node_modules/@sqlite.org/sqlite-wasm/dist"
    site.extra["/tests/borrower.mjs"] = Path(__file__).parent / "borrower.mjs"
    for name in ("index.mjs", "sqlite3.wasm"):
        site.extra[f"/tests/official/{name}"] = package / name
