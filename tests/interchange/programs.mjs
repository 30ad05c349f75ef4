// JavaScript, because the programs to be tested against are: runs one of them in a worker.

const PACKAGES = new URL("packages/", import.meta.url).href;
const OFFICIAL = {
  "3.54.1": "@sqlite.org/sqlite-wasm/dist/index.mjs",
  3.49: "sqlite-wasm-3.49/sqlite-wasm/jswasm/sqlite3.mjs",
};
const WA_SQLITE = "@journeyapps/wa-sqlite/";

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const doubleToHex = (value) => {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value);
  return hex(new Uint8Array(bytes.buffer));
};
const hexToDouble = (text) => new DataView(unhex(text).buffer).getFloat64(0);

// Values travel as [kind, text] (lab.py), so that none of them changes on the way.
const INTEGER = 1;
const FLOAT = 2;
const TEXT = 3;
const BLOB = 4;

async function official(version, name, options) {
  const { default: init } = await import(PACKAGES + OFFICIAL[version]);
  const quiet = () => {};
  self.sqlite3ApiConfig = { warn: quiet, error: quiet, debug: quiet, log: quiet };
  const { capi, oo1, installOpfsSAHPoolVfs } = await init({ print: quiet, printErr: quiet });
  const pool = await installOpfsSAHPoolVfs({ name, verbosity: 0, ...options });

  const bind = (statement, index, [kind, text]) => {
    const at = [statement.pointer, index];
    if (kind === "i") return capi.sqlite3_bind_int64(...at, BigInt(text));
    if (kind === "f") return capi.sqlite3_bind_double(...at, hexToDouble(text));
    if (kind === "n") return capi.sqlite3_bind_null(...at);
    statement.bindAsBlob(index, unhex(text));
    return 0;
  };
  const column = (statement, index) => {
    const at = [statement.pointer, index];
    const type = capi.sqlite3_column_type(...at);
    if (type === INTEGER) return ["i", String(capi.sqlite3_column_int64(...at))];
    if (type === FLOAT) return ["f", doubleToHex(capi.sqlite3_column_double(...at))];
    if (type === TEXT || type === BLOB) {
      return [type === TEXT ? "t" : "b", hex(statement.get(index, capi.SQLITE_BLOB))];
    }
    return ["n", ""];
  };

  return {
    begin: () => pool.unpauseVfs?.(),
    // Before 3.50 only the end of the worker makes it let go.
    async end() {
      pool.pauseVfs?.();
      return "pauseVfs" in pool;
    },
    open: (path) => new oo1.DB({ filename: path, flags: "cw", vfs: pool.vfsName }),
    close: (database) => database.close(),
    async execute(database, sql, rows) {
      const statement = database.prepare(sql);
      const found = [];
      try {
        for (const row of rows) {
          row.forEach((value, index) => bind(statement, index + 1, value));
          while (statement.step()) {
            found.push(Array.from({ length: statement.columnCount }, (_, i) => column(statement, i)));
          }
          statement.reset();
        }
      } finally {
        statement.finalize();
      }
      return found;
    },
    describe: () => ({ capacity: pool.getCapacity(), files: pool.getFileNames().sort() }),
    add: (count) => pool.addCapacity(count),
    unlink: (path) => pool.unlink(path),
    import: (path, content) => pool.importDb(path, unhex(content)),
    export: async (path) => hex(await pool.exportFile(path)),
  };
}

async function waSqlite(name) {
  const base = PACKAGES + WA_SQLITE;
  const [{ default: factory }, { Factory }, { AccessHandlePoolVFS }] = await Promise.all([
    import(base + "dist/wa-sqlite.mjs"),
    import(base + "src/sqlite-api.js"),
    import(base + "src/examples/AccessHandlePoolVFS.js"),
  ]);
  const module = await factory();
  const sqlite3 = Factory(module);
  const vfs = await AccessHandlePoolVFS.create(name, module);
  sqlite3.vfs_register(vfs, true);

  const bind = (statement, index, [kind, text]) => {
    if (kind === "i") return sqlite3.bind_int64(statement, index, BigInt(text));
    if (kind === "f") return sqlite3.bind_double(statement, index, hexToDouble(text));
    if (kind === "n") return sqlite3.bind_null(statement, index);
    return sqlite3.bind_blob(statement, index, unhex(text));
  };
  const column = (statement, index) => {
    const type = sqlite3.column_type(statement, index);
    if (type === INTEGER) return ["i", String(sqlite3.column_int64(statement, index))];
    if (type === FLOAT) return ["f", doubleToHex(sqlite3.column_double(statement, index))];
    if (type === TEXT || type === BLOB) {
      return [type === TEXT ? "t" : "b", hex(sqlite3.column_blob(statement, index))];
    }
    return ["n", ""];
  };

  return {
    begin: async () => {},
    async end() {
      await vfs.close();
      return false;
    },
    open: (path) => sqlite3.open_v2(path),
    close: (database) => sqlite3.close(database),
    async execute(database, sql, rows) {
      const found = [];
      for await (const statement of sqlite3.statements(database, sql)) {
        for (const row of rows) {
          row.forEach((value, index) => bind(statement, index + 1, value));
          while ((await sqlite3.step(statement)) === 100) {
            const count = sqlite3.column_count(statement);
            found.push(Array.from({ length: count }, (_, i) => column(statement, i)));
          }
          await sqlite3.reset(statement);
        }
      }
      return found;
    },
    describe: () => ({ capacity: vfs.getCapacity(), files: vfs.getSize() }),
    add: (count) => vfs.addCapacity(count),
  };
}

async function directoryOf(path) {
  let directory = await navigator.storage.getDirectory();
  for (const part of path.split("/")) {
    directory = await directory.getDirectoryHandle(part, { create: true });
  }
  return directory;
}

// Until nobody holds a file below the directory: a worker that was ended lets go a little later.
async function letGo(directory) {
  for (const entry of await Array.fromAsync(directory.values())) {
    if (entry.kind === "directory") {
      await letGo(entry);
      continue;
    }
    for (let tries = 0; ; tries++) {
      try {
        (await entry.createSyncAccessHandle()).close();
        break;
      } catch (error) {
        if (tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

const pools = new Map();
const open = new Map();

async function poolOf(program, name, options) {
  const key = `${program} ${name}`;
  if (!pools.has(key)) {
    const made = program === "wa-sqlite" ? waSqlite(name) : official(program, name, options);
    pools.set(key, await made);
  }
  return pools.get(key);
}

const STEPS = {
  async open(pool, { path, before = [] }) {
    open.set(path, await pool.open(path));
    for (const sql of before) await pool.execute(open.get(path), sql, [[]]);
  },
  close: async (pool, { path }) => {
    await pool.close(open.get(path));
    open.delete(path);
  },
  execute: (pool, { path, sql, rows = [[]] }) => pool.execute(open.get(path), sql, rows),
  describe: (pool) => pool.describe(),
  add: (pool, { count }) => pool.add(count),
  unlink: (pool, { path }) => pool.unlink(path),
  import: (pool, { path, content }) => pool.import(path, content),
  export: (pool, { path }) => pool.export(path),
  copy: async (pool, { path, to }) => pool.import(to, await pool.export(path)),
};

onmessage = async ({ data: { program, name, options, steps, stay, wait } }) => {
  try {
    if (wait) await letGo(await directoryOf(name));
    const pool = await poolOf(program, name, options);
    await pool.begin();
    const results = [];
    for (const { step, ...rest } of steps) {
      try {
        results.push({ value: (await STEPS[step](pool, rest)) ?? null });
      } catch (error) {
        results.push({ error: String(error.message ?? error) });
      }
    }
    const again = stay || (await pool.end());
    postMessage({ results, again });
  } catch (error) {
    postMessage({ error: `${error}\n${error.stack}` });
  }
};
