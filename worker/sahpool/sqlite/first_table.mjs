// JavaScript, because it lies in the way of xRead and xWrite: how a new database comes into WAL mode.

// Offsets in the first page: the write and read version, which say WAL mode, and the kind of page 1
// as the root of a tree with its number of cells, which say whether the schema has entries
// (fileformat2.html, 1.3.3 and 1.6).
const WRITE_VERSION_AT = 18;
const READ_VERSION_AT = 19;
const ROLLBACK = 1;
const WAL = 2;
const ROOT_KIND_AT = 100;
const ROOT_CELLS_AT = 103;
const LEAF = 13;
const MAGIC = [..."SQLite format 3"].map((each) => each.charCodeAt(0));

// Journal modes that a program may ask for instead (sqlite.org/pragma.html#pragma_journal_mode).
const OTHER_MODES = /^(delete|truncate|persist|memory|off)$/i;

// Statements of a connection whose end is watched until the first commit: each call of xProfile
// costs 0.2 µs, and a first transaction may have millions of statements.
const WATCHED = 100;

const LONGEST_WORD = 16; // characters read of a PRAGMA's name and value; the ones needed are shorter

// A database that gets WAL mode with its first committed table, and has no table yet. Until then it
// is in rollback mode, as SQLite makes it: page size, encoding and auto_vacuum can be chosen, and
// it can be the target of a backup of any page size.
//
// The transaction that commits the first table sets WAL mode in the file: the first page is changed
// on its way to the storage, so the mode is stored together with the table, not earlier, at no
// cost. Reads of connections show rollback mode until no connection holds a lock, so that a running
// statement, and all others meanwhile, keep the rules that they began with. Then each connection is
// made to drop its cache, reads the first page again, and opens the WAL (lockBtree in btree.c).
//
// The rollback journal stores the first page with the mode of the file, or the hot journal of a
// killed worker would take the mode back. Its checksums are sums of single bytes, and the write and
// read version are not among these bytes at any page size (pager_cksum in pager.c).
class FirstTable {
  #says = false; // whether the first page was last stored with WAL mode
  isCommitted = false; // whether a transaction that stored WAL mode has ended
  isLockKept = false; // whether its connection has lowered no lock since (locking_mode=EXCLUSIVE)

  // The first page with the mode to be stored; null when SQLite itself has set the mode.
  store(page) {
    if (page[READ_VERSION_AT] !== ROLLBACK) return null;
    const cells = page[ROOT_CELLS_AT] | page[ROOT_CELLS_AT + 1];
    this.#says = page[ROOT_KIND_AT] !== LEAF || cells !== 0;
    return this.#says ? asWal(page) : page;
  }

  // Bytes of the rollback journal, with the mode to be stored.
  storeInJournal(bytes) {
    return this.#says && isFirstPage(bytes) ? asWal(bytes) : bytes;
  }

  // Changes bytes that were read at an offset in the file, so that connections see rollback mode.
  show(bytes, at) {
    if (!this.#says || at > READ_VERSION_AT) return;
    for (const each of [WRITE_VERSION_AT - at, READ_VERSION_AT - at]) {
      if (each >= 0 && each < bytes.length) bytes[each] = ROLLBACK;
    }
  }

  // The same for bytes that were read anywhere in the journal.
  showOfJournal(bytes) {
    if (isFirstPage(bytes)) bytes.fill(ROLLBACK, WRITE_VERSION_AT, READ_VERSION_AT + 1);
  }

  // Stops showing rollback mode: a program has chosen another journal mode.
  decline() {
    this.#says = false;
  }

  // Notes that a transaction has ended.
  end() {
    this.isCommitted = this.#says;
    this.isLockKept = this.#says;
  }
}

function isFirstPage(bytes) {
  return bytes.length > ROOT_CELLS_AT && MAGIC.every((each, at) => bytes[at] === each);
}

function asWal(page) {
  return page.slice().fill(WAL, WRITE_VERSION_AT, READ_VERSION_AT + 1);
}

// The databases of one VFS that wait for their first table.
export class FirstTables {
  #module;
  #files;
  #became;
  #waiting = new Map(); // address of a sqlite3 → address of the sqlite3_file of its main database
  #changed = new WeakSet(); // contents that became databases in WAL mode while they were open
  #ended = new Map(); // address of a sqlite3 → how many of its statements have ended
  #sqlite = []; // see setUp()

  // files: address of a sqlite3_file → its Content. became: called with the content of a database
  // that is now in WAL mode.
  constructor(module, files, became) {
    this.#module = module;
    this.#files = files;
    this.#became = became;
    this.xProfile = module.addFunction((database) => this.#statementEnded(database >>> 0), "viij");
  }

  dispose() {
    if (this.xProfile !== null) this.#module.removeFunction(this.xProfile);
    this.xProfile = null;
  }

  // addresses: of the C functions sqlite3_profile, _exec, _backup_init, _backup_step and
  // _backup_finish; of the name of a main database; of a statement that sets WAL mode; of a sqlite3
  // in memory.
  setUp(...addresses) {
    this.#sqlite = addresses;
  }

  #call(address, ...values) {
    return this.#module.wasmTable.get(address)(...values);
  }

  // Switches the main database of a connection to WAL mode with its first table; answers false when
  // a program has chosen another mode. file, database: addresses of the sqlite3_file and the
  // sqlite3.
  expect(file, database) {
    const content = this.#files.get(file);
    if (content.isModeChosen) return false;
    content.firstTable ??= new FirstTable();
    this.#waiting.set(database, file);
    this.#watch(database);
    return true;
  }

  #watch(database) {
    this.#ended.set(database, 0);
    this.#call(this.#sqlite[0], database, this.xProfile, database);
  }

  #unwatch(database) {
    this.#ended.delete(database);
    this.#call(this.#sqlite[0], database, 0, 0);
  }

  #forget(database) {
    this.#waiting.delete(database);
    this.#ended.delete(database);
  }

  #waitingFor(content) {
    return [...this.#waiting].filter(([, file]) => this.#files.get(file) === content);
  }

  // Ends a transaction on a database that waits for its first table.
  commit(content) {
    content.firstTable.end();
    for (const [database] of this.#waitingFor(content)) {
      if (!this.#ended.has(database)) this.#watch(database);
    }
  }

  close(file) {
    for (const [database, its] of this.#waiting) if (its === file) this.#forget(database);
  }

  // Bytes that are written at an offset in a content, with the mode to be stored.
  store(content, bytes, at) {
    if (!content.isDatabase) return content.firstTable.storeInJournal(bytes);
    if (at !== 0) return bytes;
    const stored = content.firstTable.store(bytes);
    if (stored === null) content.firstTable = null;
    return stored ?? bytes;
  }

  show(content, bytes, at) {
    if (content.isDatabase) content.firstTable.show(bytes, at);
    else content.firstTable.showOfJournal(bytes);
  }

  // Switches a database with a committed first table to WAL mode once no connection holds a lock;
  // called when a connection has lowered its lock.
  unlocked(content) {
    const first = content.firstTable;
    first.isLockKept = false;
    if (!content.locks.isFree() || !first.isCommitted) return;
    content.firstTable = null;
    this.#changed.add(content);
    this.#became(content);
  }

  // Called when a statement has ended on a connection to such a database
  // (sqlite.org/c3ref/profile.html). SQLite notices WAL mode when it next begins to read, and would
  // report "delete" until then. A connection that keeps its lock does not read the first page
  // again, so it sets the mode by a transaction of its own.
  #statementEnded(database) {
    const content = this.#files.get(this.#waiting.get(database));
    const first = content?.firstTable ?? null;
    if (first !== null && !first.isLockKept) {
      const count = this.#ended.get(database) + 1;
      if (count < WATCHED) this.#ended.set(database, count);
      else this.#unwatch(database);
      return;
    }
    const [, exec, , , , , change] = this.#sqlite;
    this.#unwatch(database);
    if (first !== null) this.#call(exec, database, change, 0, 0, 0);
    else if (this.#changed.has(content)) this.#read(database);
    // Another statement of the connection may still be open, and keep the mode from being set.
    if (first !== null && content.firstTable === first) this.#watch(database);
    else this.#forget(database);
  }

  // Makes a connection begin and end a read. A backup of no page does that without a statement, so
  // that the program's authorizer and progress handler are not called: these may let other tasks
  // run, which is fatal beneath a JavaScript function.
  #read(database) {
    const [, , init, step, finish, main, , memory] = this.#sqlite;
    const backup = this.#call(init, memory, main, database, main);
    if (backup === 0) return;
    this.#call(step, backup, 0);
    this.#call(finish, backup);
  }

  // Called when a connection prepares a PRAGMA. A program that asks for another journal mode gets
  // it: as long as no connection uses the WAL, the database stays in rollback mode.
  pragma(file, argument) {
    const content = this.#files.get(file);
    if (content.firstTable === null && !this.#changed.has(content)) return;
    if (this.#word(argument + 4) !== "journal_mode") return;
    if (!OTHER_MODES.test(this.#word(argument + 8)) || content.indexLocks !== null) {
      if (content.firstTable !== null) return;
      for (const [database, its] of this.#waiting) if (its === file) this.#read(database);
      return;
    }
    const versions = new Uint8Array(2);
    if (content.size > READ_VERSION_AT) content.read(versions, WRITE_VERSION_AT);
    if (versions[1] === WAL) {
      content.write(versions.fill(ROLLBACK), WRITE_VERSION_AT);
      content.settle();
    }
    content.isModeChosen = true;
    content.firstTable?.decline();
    content.firstTable = null;
    this.#changed.delete(content);
  }

  // The C string whose address is stored at `pointer`, in lower case.
  #word(pointer) {
    const { HEAPU8: heap } = this.#module;
    const address = new DataView(heap.buffer).getUint32(pointer, true);
    if (address === 0) return "";
    const bytes = heap.subarray(address, address + LONGEST_WORD);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end)).toLowerCase();
  }
}
