// JavaScript, because the programs measured against are: PapaParse and the official package's pool.
// A classic worker: PapaParse is no module.

importScripts("/bench/packages/papaparse/papaparse.min.js");

const PRAGMAS =
  "PRAGMA locking_mode=exclusive; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" +
  "PRAGMA cache_size=-32768";

let pool;
const ready = (async () => {
  const url = "/bench/packages/@sqlite.org/sqlite-wasm/dist/index.mjs";
  const { default: start } = await import(url);
  const sqlite3 = await start({ print() {}, printErr() {} });
  pool = await sqlite3.installOpfsSAHPoolVfs({ name: "official-page", initialCapacity: 8 });
})();

function open(path) {
  const db = new pool.OpfsSAHPoolDb(path);
  db.exec(PRAGMAS);
  return db;
}

const isMissing = (text) => text === "" || text === "NA";

const OPERATIONS = {
  prepare({ setup }) {
    const db = open("/rows.db");
    db.exec(setup);
    db.close();
  },

  // The rows of a query to the page, as the worker API's exec with resultRows gives them.
  rows({ sql }) {
    const db = open("/rows.db");
    const rows = db.exec({ sql, rowMode: "array", returnValue: "resultRows" });
    db.close();
    return rows;
  },

  // The types are given, and integers are bound as such: the peer need not find them out.
  csv: ({ file, columns }) =>
    new Promise((resolve, reject) => {
      for (const end of ["", "-wal", "-journal"]) pool.unlink("/flights.db" + end);
      const db = open("/flights.db");
      const isInteger = columns.map(([, type]) => type === "INTEGER");
      const declared = columns.map(([name, type]) => `"${name}" ${type}`);
      db.exec("BEGIN");
      db.exec(`CREATE TABLE flights (${declared.join()})`);
      const insert = db.prepare(`INSERT INTO flights VALUES (${columns.map(() => "?").join()})`);
      let isHeader = true;
      Papa.parse(file, {
        skipEmptyLines: true,
        chunk({ data }) {
          for (const row of data) {
            if (isHeader) {
              isHeader = false;
              continue;
            }
            for (let i = 0; i < row.length; i++) {
              if (isMissing(row[i])) row[i] = null;
              else if (isInteger[i]) row[i] = Number(row[i]);
            }
            insert.bind(row).stepReset();
          }
        },
        complete() {
          insert.finalize();
          db.exec("COMMIT");
          const found = db.selectArray(
            "SELECT count(*), sum(dep_delay), sum(distance), max(time_hour), count(dep_time) " +
              "FROM flights",
          );
          db.close();
          resolve(found.join(" "));
        },
        error: reject,
      });
    }),
};

onmessage = async ({ data: { id, operation, ...fields } }) => {
  try {
    await ready;
    postMessage({ id, value: await OPERATIONS[operation](fields) });
  } catch (error) {
    postMessage({ id, error: String(error.stack ?? error) });
  }
};
