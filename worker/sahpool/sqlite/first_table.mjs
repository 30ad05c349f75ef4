// JavaScript, because it lies in the way of xRead and xWrite: how a new database comes into WAL mode.

// The write and read version in the header, which WAL mode is told by, and what tells a schema without
// entries: the kind of page 1 as the root of a tree, and how many cells it has (fileformat2.html, 1.3.3
// and 1.6).
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

// Statements of a connection whose end is watched until the first commit: to be told costs 0.2 µs each,
// of which a first transaction may have millions.
const WATCHED = 100;

const LONGEST_WORD = 16; // of a PRAGMA's name and value; none that matters here is longer

// A database that is to be in WAL mode from its first committed table on, and has none yet. Until then
// it is as SQLite makes it, in rollback mode: page size, encoding and auto_vacuum can be chosen, and a
// backup of any page size comes in.
//
// The transaction that commits the first table writes "WAL" in the file itself: the first page says so
// on its way to the storage, so the mode is there when the table is, and not before, and costs nothing.
// Connections are shown "rollback" until nobody has a lock: a statement that is still under way goes by
// the rules that it began with, and so do all others meanwhile. Then each of them is told that its cache
// is out of date, reads the first page anew, and opens the WAL (lockBtree in btree.c).
//
// A rollback journal has the first page as it is in the file, or a worker that is killed would take the
// mode back. The checksums in it are sums of single bytes, the write and read version not among them at
// any page size (pager_cksum in pager.c).
class FirstTable {
  #says = false; // whether the first page that was written last says WAL
  isCommitted = false; // whether a transaction that wrote it so has ended
  isLockKept = false; // whether its connection has lowered no lock since (locking_mode=EXCLUSIVE)

  // The first page as it is to be stored; null: SQLite itself has set the mode.
  store(page) {
    if (page[READ_VERSION_AT] !== ROLLBACK) return null;
    const cells = page[ROOT_CELLS_AT] | page[ROOT_CELLS_AT + 1];
    this.#says = page[ROOT_KIND_AT] !== LEAF || cells !== 0;
    return this.#says ? asWal(page) : page;
  }

  // What is written to the rollback journal, as it is to be stored.
  storeInJournal(bytes) {
    return this.#says && isFirstPage(bytes) ? asWal(bytes) : bytes;
  }

  // Bytes that were read at an offset in the file, or anywhere in the journal, become as they are to be
  // seen.
  show(bytes, at) {
    if (!this.#says || at > READ_VERSION_AT) return;
    for (const each of [WRITE_VERSION_AT - at, READ_VERSION_AT - at]) {
      if (each >= 0 && each < bytes.length) bytes[each] = ROLLBACK;
    }
  }

  showOfJournal(bytes) {
    if (isFirstPage(bytes)) bytes.fill(ROLLBACK, WRITE_VERSION_AT, READ_VERSION_AT + 1);
  }

  // A program has chosen another mode.
  decline() {
    this.#says = false;
  }

  // A transaction has ended.
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

// The databases of one VFS that await their first table.
export class FirstTables {
  #module;
  #files;
  #usesWal;
  #became;
  #awaited = new Map(); // path → the FirstTable of it
  #waiting = new Map(); // address of a sqlite3 → address of the sqlite3_file of its main database
  #changed = new WeakSet(); // contents of which became databases in WAL mode while they were open
  #ended = new Map(); // address of a sqlite3 → how many of its statements have ended
  #sqlite = []; // see setUp()

  // files: address of a sqlite3_file → its Content. usesWal: whether a connection uses the WAL of the
  // database of a path. became: called with a content that is that of a database in WAL mode now.
  constructor(module, files, usesWal, became) {
    this.#module = module;
    this.#files = files;
    this.#usesWal = usesWal;
    this.#became = became;
    this.xProfile = module.addFunction((database) => this.#statementEnded(database >>> 0), "viij");
  }

  dispose() {
    if (this.xProfile !== null) this.#module.removeFunction(this.xProfile);
    this.xProfile = null;
  }

  // addresses: of the C functions sqlite3_profile, _exec, _backup_init, _backup_step and _backup_finish;
  // of the name of a main database; of a statement that sets WAL mode; of a sqlite3 in memory.
  setUp(...addresses) {
    this.#sqlite = addresses;
  }

  #call(address, ...values) {
    return this.#module.wasmTable.get(address)(...values);
  }

  // The main database of a connection is to be in WAL mode from its first table on; answers whether
  // it will be. file, database: addresses of the sqlite3_file and of the sqlite3.
  expect(file, database) {
    const content = this.#files.get(file);
    if (content.isModeChosen) return false;
    content.firstTable ??= new FirstTable();
    this.#awaited.set(content.base, content.firstTable);
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

  // A transaction on a database that awaits its first table has ended.
  commit(content) {
    content.firstTable.end();
    for (const [database] of this.#waitingFor(content)) {
      if (!this.#ended.has(database)) this.#watch(database);
    }
  }

  // A content is opened that is no database: what it has to do with one that awaits its first table.
  of(base) {
    return this.#awaited.get(base) ?? null;
  }

  close(file) {
    for (const [database, its] of this.#waiting) if (its === file) this.#forget(database);
  }

  closeContent(content) {
    if (content.isDatabase) this.#awaited.delete(content.base);
  }

  #end(content) {
    content.firstTable = null;
    this.#awaited.delete(content.base);
  }

  // What is written at an offset in a content, as it is to be stored.
  store(content, bytes, at) {
    if (!content.isDatabase) return content.firstTable.storeInJournal(bytes);
    if (at !== 0) return bytes;
    const stored = content.firstTable.store(bytes);
    if (stored === null) this.#end(content);
    return stored ?? bytes;
  }

  show(content, bytes, at) {
    if (content.isDatabase) content.firstTable.show(bytes, at);
    else content.firstTable.showOfJournal(bytes);
  }

  // A connection has lowered its lock on a database that awaits its first table.
  unlocked(content) {
    const first = content.firstTable;
    first.isLockKept = false;
    if (!content.locks.isFree() || !first.isCommitted) return;
    this.#end(content);
    this.#changed.add(content);
    this.#became(content);
  }

  // A statement has ended of a connection that awaits a table (sqlite.org/c3ref/profile.html). SQLite
  // finds out about WAL mode when it next begins to read, and would call it "delete" until then. A
  // connection that keeps its lock reads nothing anew: it sets the mode by a transaction of its own.
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
    // A statement of it may be open still.
    if (first !== null && content.firstTable === first) this.#watch(database);
    else this.#forget(database);
  }

  // Has a connection begin to read, and end. A backup of no page does that without a statement, of which
  // the program's authorizer or progress handler would be told: that one may let other tasks run, which
  // is fatal beneath a function of JavaScript's.
  #read(database) {
    const [, , init, step, finish, main, , memory] = this.#sqlite;
    const backup = this.#call(init, memory, main, database, main);
    if (backup === 0) return;
    this.#call(step, backup, 0);
    this.#call(finish, backup);
  }

  // A connection has a PRAGMA prepared. A program that asks for another journal mode has it: as long as
  // nobody uses the WAL, the database goes on in rollback mode.
  pragma(file, argument) {
    const content = this.#files.get(file);
    if (content.firstTable === null && !this.#changed.has(content)) return;
    if (this.#word(argument + 4) !== "journal_mode") return;
    if (!OTHER_MODES.test(this.#word(argument + 8)) || this.#usesWal(content.base)) {
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
    this.#end(content);
    this.#changed.delete(content);
  }

  // The C string whose address is kept at another, in small letters.
  #word(pointer) {
    const { HEAPU8: heap } = this.#module;
    const address = new DataView(heap.buffer).getUint32(pointer, true);
    if (address === 0) return "";
    const bytes = heap.subarray(address, address + LONGEST_WORD);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end)).toLowerCase();
  }
}
