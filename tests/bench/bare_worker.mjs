// JavaScript, because the program measured against is: the official package's pool, as in its manual.

import start from "./packages/@sqlite.org/sqlite-wasm/dist/index.mjs";

const { fill, query } = JSON.parse(decodeURIComponent(location.hash.slice(1)));

try {
  const sqlite3 = await start({ print() {}, printErr() {} });
  const pool = await sqlite3.installOpfsSAHPoolVfs({ name: "official-start" });
  const db = new pool.OpfsSAHPoolDb("/start.db");
  if (!db.selectValue("SELECT count(*) FROM sqlite_schema")) db.exec(fill);
  postMessage({ value: db.selectValue(query) });
  db.close();
  pool.pauseVfs(); // or the next visit may find the files held
  postMessage({ isClosed: true });
} catch (error) {
  postMessage({ error: String(error.stack ?? error) });
}
