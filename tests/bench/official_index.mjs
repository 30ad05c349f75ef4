// JavaScript, because the program measured against is: the official package's pool, exclusive + WAL.

import start from "./packages/@sqlite.org/sqlite-wasm/dist/index.mjs";

onmessage = async ({ data: { pragmas, create, fill, pieces, index } }) => {
  try {
    const sqlite3 = await start({ print() {}, printErr() {} });
    const pool = await sqlite3.installOpfsSAHPoolVfs({ name: "official-index", clearOnInit: true });
    const db = new pool.OpfsSAHPoolDb("/index.db");
    db.exec(`PRAGMA locking_mode=exclusive; PRAGMA journal_mode=WAL; ${pragmas}; ${create}`);
    for (const bind of pieces) db.exec({ sql: fill, bind });
    const began = performance.now();
    db.exec(index);
    const seconds = (performance.now() - began) / 1000;
    const heap = sqlite3.wasm.heap8u().length;
    db.close();
    await pool.removeVfs();
    postMessage({ seconds, heap });
  } catch (error) {
    postMessage({ error: String(error.stack ?? error) });
  }
};
