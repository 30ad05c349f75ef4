// JavaScript, because the peer is: wa-sqlite with its AccessHandlePoolVFS or OPFSWriteAheadVFS.

const ROW = 100;

const VFS = {
  async AccessHandlePoolVFS({ AccessHandlePoolVFS }, module, directory) {
    const vfs = await AccessHandlePoolVFS.create(directory, module);
    return {
      vfs,
      remove(path) {
        for (const suffix of ["", "-journal", "-wal"]) vfs.jDelete(path + suffix, 0);
      },
    };
  },
  async OPFSWriteAheadVFS({ OPFSWriteAheadVFS }, module, directory) {
    const vfs = await OPFSWriteAheadVFS.create(directory, module);
    const root = await navigator.storage.getDirectory();
    return {
      vfs,
      async remove(path) {
        for (const suffix of ["", "-wa0", "-wa1"]) await root.removeEntry(path.slice(1) + suffix);
      },
    };
  },
};

/**
 * A driver for player.mjs, by the package's API: prepared statements, bind, step, reset.
 *
 * Both VFS are synchronous, so the synchronous build serves (the package's src/examples/README.md).
 * `pragmas` are given to each connection as it opens, `last` as it closes.
 */
export async function waSqlite({ packages, vfs: kind, directory, pragmas, last = [] }) {
  const base = `${packages}@journeyapps/wa-sqlite/`;
  const [{ default: factory }, { Factory }, parts] = await Promise.all([
    import(`${base}dist/wa-sqlite.mjs`),
    import(`${base}src/sqlite-api.js`),
    import(`${base}src/examples/${kind}.js`),
  ]);
  const module = await factory();
  const sqlite3 = Factory(module);
  const { vfs, remove } = await VFS[kind](parts, module, directory);
  sqlite3.vfs_register(vfs, true);
  let number = 0;

  return () => {
    const path = `/${directory}-${++number}.db`;
    let db;
    const bind = (statement, row) => {
      for (let i = 0; i < row.length; i++) sqlite3.bind(statement, i + 1, row[i]);
    };
    const driver = {
      async open(cache) {
        db = await sqlite3.open_v2(path);
        for (const each of [...pragmas, `cache_size=-${cache}`]) await driver.run(`PRAGMA ${each}`);
      },
      async close() {
        for (const each of last) await driver.run(`PRAGMA ${each}`);
        await sqlite3.close(db);
      },
      remove: () => remove(path),
      async run(sql) {
        const found = [];
        for await (const statement of sqlite3.statements(db, sql)) {
          while ((await sqlite3.step(statement)) === ROW) found.push(sqlite3.row(statement));
        }
        return found;
      },
      async many(sql, rows) {
        for await (const statement of sqlite3.statements(db, sql)) {
          for (const row of rows) {
            bind(statement, row);
            await sqlite3.step(statement);
            await sqlite3.reset(statement);
          }
        }
      },
      async each(sql, rows) {
        let total = 0;
        for await (const statement of sqlite3.statements(db, sql)) {
          for (const row of rows) {
            bind(statement, row);
            if ((await sqlite3.step(statement)) === ROW) {
              total += sqlite3.column(statement, 0) ?? 0;
            }
            await sqlite3.reset(statement);
          }
        }
        return total;
      },
    };
    return driver;
  };
}
