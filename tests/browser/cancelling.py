"""Cancels work of the real worker, which a bare page without the page's Python drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browsers import Browser

ROWS = 3_000_000


CSV_LINES = 3_000_000


SHORTEST = 1_500.0
"""Least milliseconds that each kind must run, so that a cancel certainly comes while it runs."""


SETUP = """
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b REAL, c TEXT);
INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
  SELECT i, i * 7919 % 1000003, i * 1.5,
  'row ' || (i * 7919 % 1000003) || ' of the table that everything here is done with' FROM n;
CREATE VIRTUAL TABLE fts USING fts5 (c, content = 't', content_rowid = 'id');
"""


FINGERPRINT = """
SELECT count(*) || ' ' || sum(a) || ' ' || total(b) || ' ' || sum(length(c))
  || ' ' || (SELECT count(*) FROM fts_data) || ' ' || (
    SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name))
FROM t
"""


ALL = "all of them"


LONG_TEXT = "replace(hex(zeroblob(500)), '0', '{}')"


STATEMENTS = {
    "full scan": "SELECT count(*) FROM t WHERE c LIKE '%every%no%such%' OR c LIKE '%t%h%zz%'"
    " OR instr(replace(c, 'th', 'z'), 'zzz')",
    "sort": "SELECT * FROM t ORDER BY c, b",
    "recursive CTE": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 20000000) SELECT count(*) FROM n",
    "index build": "CREATE INDEX t_c ON t (c, b)",
    "VACUUM": "VACUUM",
    "FTS5 rebuild": "INSERT INTO fts (fts) VALUES ('rebuild')",
    "UPDATE of all rows": "UPDATE t SET a = a + 1, c = c || '!'",
    "Python function": f"SELECT levenshtein({LONG_TEXT.format('ab')}, {LONG_TEXT.format('bca')})",
}


UNDO = {
    "index build": "DROP INDEX t_c",
    "FTS5 rebuild": "INSERT INTO fts (fts) VALUES ('delete-all')",
    "UPDATE of all rows": "UPDATE t SET a = a - 1, c = substr(c, 1, length(c) - 1)",
    "import of a CSV file": "DROP TABLE imported",
}
"""Statements that restore the database after work that was not cancelled, by its kind."""


WITHIN_TRANSACTION = frozenset(STATEMENTS) - {"VACUUM"}
"""Kinds that may run in a transaction that was begun before; half of the tries do."""


START = """
const worker = new Worker("/worker/boot.mjs", { type: "module" });
const waiting = new Map();
let last = 0;
await new Promise((resolve, reject) => {
  worker.onmessage = ({ data: [head, ...parts] }) => {
    const message = JSON.parse(head);
    if (message.event === "ready") resolve();
    else if (message.event === "failed") reject(new Error(head));
    else if (message.id) {
      waiting.get(message.id)?.({ ...message, parts, at: performance.now() });
      waiting.delete(message.id);
    }
  };
});
window.ask = (op, fields = {}, ...parts) => {
  const id = ++last;
  const reply = new Promise((resolve) => waiting.set(id, resolve));
  worker.postMessage([JSON.stringify({ id, op, ...fields }), ...parts]);
  return Object.assign(reply, { id });
};
window.run = (sql, rows = 1) => ask("run", { sql, start: 0, rows, database: null });
// The single text that a query gives.
window.text = async (sql) => {
  const reply = await run(sql);
  const [{ error }] = reply.outcomes;
  if (error) throw new Error(JSON.stringify(error));
  const [length] = new Uint32Array(reply.parts[0], 0, 1); // where it ends, then itself
  return new TextDecoder().decode(new Uint8Array(reply.parts[0], 8, length));
};
// Whether a transaction is open, as SQLite has it: BEGIN is refused then.
window.inTransaction = async () => {
  const { outcomes: [{ error }] } = await run("BEGIN");
  if (!error) await run("ROLLBACK");
  return error !== null;
};
// A script that the worker may answer in pieces.
window.script = async (sql) => {
  for (let start = 0; start !== null;) {
    const reply = await ask("run", { sql, start, rows: 1, database: null });
    const error = reply.ok ? reply.outcomes.at(-1).error : reply.error;
    if (error) throw new Error(JSON.stringify(error));
    start = reply.next;
  }
};
const line = (i) => `${i},${i * 1.5},"text, of line ${i}",2026-11-21\\n`;
const lines = Array.from({ length: 1000 }, (_, i) => line(i)).join("");
window.file = new File(["a,b,c,d\\n", ...Array(args[1] / 1000).fill(lines)], "imported.csv");
await ask("open", { database: "cancel.db" });
await script(args[0]);
"""


# args: kind, statement or null, milliseconds until the cancel or null for no cancel.
TRY = """
const [kind, sql, delay] = args;
const begin = performance.now();
const request = sql !== null ? run(sql)
  : kind === "export" ? ask("export", { database: null })
  : ask("import_file",
    { name: "imported.csv", kind: "csv", database: null, table: "imported", replace: true }, file);
let sent = null;
const cancelling = delay === null ? null : new Promise((resolve) => setTimeout(() => {
  sent = performance.now();
  ask("cancel", { target: request.id }).then(resolve);
}, delay));
const reply = await request;
await cancelling;
const error = reply.ok ? reply.outcomes?.[0].error ?? null : reply.error;
return {
  error: error && error.type,
  told: error && JSON.stringify(error),
  took: reply.at - begin,
  waited: sent !== null && sent < reply.at ? reply.at - sent : null,
  inTransaction: reply.in_transaction ?? null,
};
"""


class CancelError(Exception):
    """After a cancel, the database has changed or a reply was wrong."""


class Desk:
    """The worker in one browser, and the database whose work is cancelled.

    Args:
        browser: The browser.
        url: The address of the site.
        rows: How many rows the table has.
        lines: How many lines the CSV file has; a multiple of 1000.
    """

    def __init__(
        self, browser: Browser, url: str, *, rows: int = ROWS, lines: int = CSV_LINES
    ) -> None:
        self._browser = browser
        browser.open(f"{url}module_test.html")
        self.ask(START, SETUP.format(rows), lines)
        self._before = self._fingerprint()

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return the result of a script in the page."""
        return self._browser.evaluate(script, *arguments)

    def _fingerprint(self) -> str:
        return str(self.ask("return text(args[0])", FINGERPRINT))

    def duration(self, kind: str, sql: str | None = None) -> float:
        """Return the milliseconds that work takes without a cancel; ``sql`` as for ``cancel``."""
        done = self.ask(TRY, kind, sql or STATEMENTS.get(kind), None)
        if done["error"]:
            raise CancelError(f"{kind}: {done['told']}")
        self._undo(kind)
        return float(done["took"])

    def _undo(self, kind: str) -> None:
        if kind in UNDO:
            self.ask("await script(args[0])", UNDO[kind])

    def cancel(
        self, kind: str, delay: float, *, within: bool, sql: str | None = None
    ) -> float | None:
        """Cancel work, and return the milliseconds from the cancel to the reply.

        None if the work was done before the cancel. A reply of success after the cancel counts: the
        person who cancelled waited as long.

        Args:
            kind: One of KINDS.
            delay: Milliseconds after which the work is cancelled.
            within: Whether a transaction is begun before.
            sql: A statement to run instead of the kind's own.

        Raises:
            CancelError: The database has changed, or the reply was wrong.
        """
        if within:
            self.ask("await script('BEGIN')")
        done = self.ask(TRY, kind, sql or STATEMENTS.get(kind), delay)
        open_now = self.ask("return inTransaction()")
        if done["inTransaction"] not in (open_now, None):
            raise CancelError(f"{kind}: told {done['inTransaction']}, but it is {open_now}")
        if open_now:
            self.ask("await script('ROLLBACK')")
        if done["error"] is None:
            if not within or not open_now:
                self._undo(kind)
        elif done["error"] != "Cancelled":
            raise CancelError(f"{kind}: {done['told']}")
        after = self._fingerprint()
        if after != self._before:
            raise CancelError(f"{kind}: {self._before} became {after}")
        return None if done["waited"] is None else float(done["waited"])

    def check(self) -> None:
        """Check the database with ``PRAGMA integrity_check``.

        Raises:
            CancelError: It is damaged.
        """
        found = self.ask("return text('PRAGMA integrity_check')")
        if found != "ok":
            raise CancelError(f"the database is damaged: {found}")
