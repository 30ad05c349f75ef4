// JavaScript, because the program measured against is: the official package's pool, as in its manual.

import start from "./packages/@sqlite.org/sqlite-wasm/dist/index.mjs";

const [ROWS, ID] = [30_000, 17_001]; // as start.py has them

try {
  const sqlite3 = await start({ print() {}, printErr() {} });
  const pool = await sqlite3.installOpfsSAHPoolVfs({ name: "official-start" });
  const db = new pool.OpfsSAHPoolDb("/start.db");
  if (!db.selectValue("SELECT count(*) FROM sqlite_schema")) {
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);
      INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      SELECT i, printf('%0*d', 1000, i) FROM n`);
  }
  postMessage({ value: db.selectValue(`SELECT length(b) FROM t WHERE id = ${ID}`) });
  db.close();
  pool.pauseVfs(); // or the next visit may find the files held
  postMessage({ isClosed: true });
} catch (error) {
  postMessage({ error: String(error.stack ?? error) });
}
