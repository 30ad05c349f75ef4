// JavaScript, because the peer is: @sqlite.org/sqlite-wasm with its opfs-sahpool VFS.

const ROW = 100;
const DONE = 101;
const TRANSIENT = -1; // SQLITE_TRANSIENT: SQLite copies the text

/** How prepared statements are fed: the object API, as its documentation shows it. */
const objects = {
  many(statement, rows) {
    for (const row of rows) statement.bind(row).stepReset();
  },
  each(statement, rows) {
    let total = 0;
    for (const row of rows) {
      statement.bind(row);
      if (statement.step()) total += statement.get(0) ?? 0;
      statement.reset();
    }
    return total;
  },
};

/**
 * The same through the C functions as WebAssembly exports them: no program is written like this,
 * but it leaves out all that the package's JavaScript costs.
 */
function bare({ wasm, oo1 }) {
  const { exports } = wasm;
  const size = 1 << 16;
  const room = wasm.alloc(size);
  const encoder = new TextEncoder();
  const bind = (pointer, index, value) => {
    if (typeof value === "string") {
      const { written } = encoder.encodeInto(value, wasm.heap8u().subarray(room, room + size));
      exports.sqlite3_bind_text(pointer, index, room, written, TRANSIENT);
    } else if ((value | 0) === value) {
      exports.sqlite3_bind_int(pointer, index, value);
    } else {
      exports.sqlite3_bind_double(pointer, index, value);
    }
  };
  const each = ({ pointer, db }, rows) => {
    let total = 0;
    for (const row of rows) {
      for (let i = 0; i < row.length; i++) bind(pointer, i + 1, row[i]);
      const code = exports.sqlite3_step(pointer);
      if (code === ROW) total += exports.sqlite3_column_double(pointer, 0);
      else if (code !== DONE) oo1.DB.checkRc(db, code);
      exports.sqlite3_reset(pointer);
    }
    return total;
  };
  return { each, many: each };
}

/**
 * A driver for player.mjs.
 *
 * `pragmas` are given to each connection as it opens; `calls` is "objects" or "bare".
 */
export async function official({ packages, directory, pragmas, calls }) {
  const quiet = () => {};
  self.sqlite3ApiConfig = { warn: quiet, error: quiet, debug: quiet, log: quiet };
  const { default: init } = await import(`${packages}@sqlite.org/sqlite-wasm/dist/index.mjs`);
  const sqlite3 = await init({ print: quiet, printErr: quiet });
  const options = { name: directory, directory, verbosity: 0 };
  const pool = await sqlite3.installOpfsSAHPoolVfs(options);
  const { many, each } = calls === "bare" ? bare(sqlite3) : objects;
  let number = 0;

  return () => {
    const path = `/${++number}.db`;
    let db;
    const prepared = (sql, use, rows) => {
      const statement = db.prepare(sql);
      try {
        return use(statement, rows);
      } finally {
        statement.finalize();
      }
    };
    const all = (statement) => {
      const found = [];
      while (statement.step()) found.push(statement.get([]));
      return found;
    };
    return {
      open(cache) {
        db = new sqlite3.oo1.DB({ filename: path, flags: "cw", vfs: pool.vfsName });
        for (const each of [...pragmas, `cache_size=-${cache}`]) prepared(`PRAGMA ${each}`, all);
      },
      close: () => db.close(),
      remove: () => pool.unlink(path),
      run: (sql) => prepared(sql, all),
      many: (sql, rows) => prepared(sql, many, rows),
      each: (sql, rows) => prepared(sql, each, rows),
    };
  };
}
