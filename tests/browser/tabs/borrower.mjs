// JavaScript, because the program that borrows is: the official package's pool, as in its manual.

import start from "./official/index.mjs";

onmessage = async ({ data: [name, path, ...statements] }) => {
  try {
    const sqlite3 = await start({ print() {}, printErr() {} });
    const pool = await sqlite3.installOpfsSAHPoolVfs({ name });
    const db = new pool.OpfsSAHPoolDb(path);
    // Its VFS has no shared memory; WAL without it needs exclusive locking (sqlite.org/wal.html).
    db.exec("PRAGMA locking_mode=exclusive");
    const values = statements.map((sql) => db.selectValue(sql));
    db.close();
    pool.pauseVfs();
    postMessage({ value: values.at(-1) });
  } catch (error) {
    postMessage({ error: String(error.stack ?? error) });
  }
};
