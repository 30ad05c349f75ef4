// JavaScript, because the page I/O callbacks decide the speed: through Python a cold random page
// read takes three times as long.

import { Callbacks, knowsThreadState, stopHandler } from "./callbacks.mjs";
import {
  Content, Pending, call, contents, dropHandle, move, named, openHandle, text,
} from "./contents.mjs";
import { FirstTables } from "./first_table.mjs";
import {
  FileLocks, IndexLocks, NONE, SHARED, releaseWebLock, takeWebLock,
} from "./locks.mjs";
import { MemoryHandle } from "./memory_handle.mjs";

export {
  Callbacks, FileLocks, IndexLocks, MemoryHandle, call, dropHandle, knowsThreadState, move, openHandle, releaseWebLock,
  stopHandler, takeWebLock, text,
};

const SQLITE_OK = 0;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_FULL = 13;
const SQLITE_IOERR_READ = 266;
const SQLITE_IOERR_SHORT_READ = 522;
const SQLITE_IOERR_WRITE = 778;
const SQLITE_IOERR_FSYNC = 1034;
const SQLITE_IOERR_FSTAT = 1802;
const SQLITE_NOTFOUND = 12;

// sqlite.org/c3ref/c_fcntl_begin_atomic_write.html
const SQLITE_FCNTL_VFSNAME = 12;
const SQLITE_FCNTL_PRAGMA = 14;
const SQLITE_FCNTL_SYNC = 21;
const SQLITE_FCNTL_COMMIT_PHASETWO = 22;
const SQLITE_FCNTL_CKPT_DONE = 37;

// sqlite.org/c3ref/c_shm_exclusive.html
const SQLITE_SHM_UNLOCK = 1;
const SQLITE_SHM_EXCLUSIVE = 8;

const WRITE_LOCK = 1 << 0; // WAL_WRITE_LOCK, as a mask

// WAL_READ_LOCK(0): the locks from here on are taken shared when a transaction begins (wal.c).
const READ_LOCK = 3;

// Bytes of a frame's header in a WAL, and the place of its field that is not zero where the frame
// commits a transaction (fileformat2.html, 4.2).
const FRAME_HEADER_SIZE = 24;
const FRAME_COMMIT_AT = 4;

// The header bytes that a connection compares to know whether its cache is valid
// (fileformat2.html, 1.3).
const VERSION_AT = 24;
const VERSION_SIZE = 16;

// One read in 16 is timed. Timing every read made random lookups 7 % slower in Chromium; timing
// every 16th makes no more difference than there is between runs (2 %).
const READS_A_TIME = 16;

// Names of the exceptions by which browsers say that the storage is full (errors.FULL_NAMES).
const FULL_NAMES = ["QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE"];

// The result code for an exception, as errors.sqlite_code chooses it for the other methods.
function codeOf(error, fallback) {
  return FULL_NAMES.includes(error?.name) ? SQLITE_FULL : fallback;
}

// Count and time of one kind of call; the fields are those of Tally in stats.py.
class Tally {
  calls = 0;
  bytes = 0;
  hits = 0;
  timed = 0;
  microseconds = 0;
}

// Most calls that are kept for the log until Python runs again: a long statement must not fill the
// memory.
const LONGEST_TRACE = 10_000;

// The methods that are functions of this module.
const FUNCTIONS = [
  "xRead", "xWrite", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock", "xFileControl",
  "xShmLock", "xShmBarrier",
];

// The page I/O of one VFS: the methods in FUNCTIONS as entries of the wasm function table, over the
// contents of the files that Python has opened.
export class PageIO {
  #files = new Map(); // address of a sqlite3_file → its Content
  #distrusted = new Set(); // addresses of the files whose connection must drop its cache
  #readOnly = new Set(); // addresses of the files that were opened for reading only
  // code → [method, code, exception, file] of its last failure, for Python to fetch
  #failures = new Map();
  #failed; // address of a byte that is 1 while there are any: Python reads it without a call
  #trace = null; // [name, file, amount, offset] of each call, while Python wants to log them
  #module;
  #outgrown;
  #pending = new Pending();
  #holders = new Map(); // address of a sqlite3_file → its holder among the database's IndexLocks

  // module: Pyodide's Emscripten module.
  // outgrown: address of the C function that is called with the address of a temporary file that is
  // about to pass its limit; it moves the content into a slot, or leaves it in memory, and answers
  // a result code.
  // control: address of the C function that answers SQLITE_FCNTL_VFSNAME.
  // begins: address of the C function that is called when a transaction begins while the byte is 1.
  // failed: address of that byte, which is 1 while there are failures.
  // Python is called through C functions, and fetches failures later, because CPython's sqlite3
  // releases the GIL while SQLite runs: JavaScript may touch no Python object then.
  constructor(module, outgrown, control, begins, failed) {
    this.#module = module;
    this.#outgrown = outgrown;
    this.#failed = failed;
    this.firstTables = new FirstTables(
      module,
      this.#files,
      (content) => this.#distrustAll(content),
    );
    this.resetTallies();
    // Addresses arrive as signed numbers: beyond 2 GiB of heap they are negative.
    this.xRead = module.addFunction((file, buffer, amount, offset) => {
      const tally = this.reads;
      if (tally.calls++ % READS_A_TIME !== 0) {
        return this.#read(file >>> 0, buffer >>> 0, amount, Number(offset));
      }
      const began = performance.now();
      const code = this.#read(file >>> 0, buffer >>> 0, amount, Number(offset));
      tally.microseconds += 1000 * (performance.now() - began);
      tally.timed++;
      return code;
    }, "iiiij");

    this.xWrite = module.addFunction((file, buffer, amount, offset) => {
      const tally = this.writes;
      const began = performance.now();
      const code = this.#write(file >>> 0, buffer >>> 0, amount, Number(offset));
      tally.microseconds += 1000 * (performance.now() - began);
      tally.timed++;
      tally.calls++;
      return code;
    }, "iiiij");

    this.xSync = module.addFunction((address) => {
      const tally = this.syncs;
      const began = performance.now();
      const code = this.#sync(address >>> 0, tally);
      tally.microseconds += 1000 * (performance.now() - began);
      tally.timed++;
      tally.calls++;
      return code;
    }, "iii");

    this.xFileSize = module.addFunction((address, result) => {
      const file = address >>> 0;
      if (this.#trace !== null) this.#traced("xFileSize", file, 0, 0);
      try {
        this.#storeInt64(result >>> 0, this.#files.get(file).size);
        return SQLITE_OK;
      } catch (error) {
        return this.#fail("xFileSize", SQLITE_IOERR_FSTAT, error, file);
      }
    }, "iii");

    this.xLock = module.addFunction((address, level) => {
      const file = address >>> 0;
      if (this.#trace !== null) this.#traced("xLock", file, 0, 0);
      // Failures that SQLite ignored before are not the cause of later errors.
      if (level === SHARED && module.HEAPU8[failed] !== 0) module.wasmTable.get(begins)(address);
      // Otherwise the last connection would checkpoint the WAL as it closes, and change the file.
      if (level > SHARED && this.#readOnly.has(file)) return SQLITE_READONLY;
      if (this.#files.get(file).locks.lock(file, level)) return SQLITE_OK;
      this.busy++;
      return SQLITE_BUSY;
    }, "iii");

    this.xUnlock = module.addFunction((address, level) => {
      const file = address >>> 0;
      if (this.#trace !== null) this.#traced("xUnlock", file, 0, 0);
      const content = this.#files.get(file);
      content.locks.unlock(file, level);
      if (content.firstTable !== null) this.firstTables.unlocked(content);
      return SQLITE_OK;
    }, "iii");

    this.xCheckReservedLock = module.addFunction((address, result) => {
      const file = address >>> 0;
      if (this.#trace !== null) this.#traced("xCheckReservedLock", file, 0, 0);
      module.HEAP32[result >>> 2] = this.#files.get(file).locks.isReserved() ? 1 : 0;
      return SQLITE_OK;
    }, "iii");

    this.xFileControl = module.addFunction((address, operation, argument) => {
      if (operation === SQLITE_FCNTL_VFSNAME) {
        return module.wasmTable.get(control)(address, operation, argument);
      }
      const ends =
        operation === SQLITE_FCNTL_SYNC ||
        operation === SQLITE_FCNTL_COMMIT_PHASETWO ||
        operation === SQLITE_FCNTL_CKPT_DONE;
      if (operation === SQLITE_FCNTL_PRAGMA) return this.#pragma(address >>> 0, argument >>> 0);
      if (!ends) return SQLITE_NOTFOUND;
      const code = this.#end(address >>> 0);
      if (operation === SQLITE_FCNTL_COMMIT_PHASETWO && code === SQLITE_OK) {
        const content = this.#files.get(address >>> 0);
        if (content.firstTable !== null) this.firstTables.commit(content);
      }
      return code || SQLITE_NOTFOUND;
    }, "iiii");

    this.xShmLock = module.addFunction((address, first, count, flags) => {
      const file = address >>> 0;
      const holder = this.#holders.get(file) ?? this.#join(file);
      const mask = ((1 << count) - 1) << first;
      if ((flags & SQLITE_SHM_UNLOCK) !== 0) {
        // The writer ends: frames of it that are still pending were rolled back.
        if ((holder.exclusive & mask & WRITE_LOCK) !== 0 && !this.#pending.isEmpty) {
          this.#pending.abandonLog(this.#files.get(file).base);
        }
        holder.locks.unlock(holder, mask);
        return SQLITE_OK;
      }
      const exclusive = (flags & SQLITE_SHM_EXCLUSIVE) !== 0;
      if (!exclusive && first >= READ_LOCK && module.HEAPU8[failed] !== 0) {
        module.wasmTable.get(begins)(address);
      }
      if (holder.locks.lock(holder, mask, exclusive)) return SQLITE_OK;
      this.busy++;
      return SQLITE_BUSY;
    }, "iiiii");

    // All connections run in one thread: there is nothing to order.
    this.xShmBarrier = module.addFunction(() => {}, "vi");
  }

  #join(file) {
    const content = this.#files.get(file);
    content.indexLocks ??= new IndexLocks();
    const holder = content.indexLocks.join();
    this.#holders.set(file, holder);
    return holder;
  }

  // Releases all locks of a connection on its WAL-index, which it stops using.
  leaveIndex(file) {
    const holder = this.#holders.get(file);
    if (holder === undefined) return;
    this.#holders.delete(file);
    if (holder.locks.leave(holder)) this.#files.get(file).indexLocks = null;
  }

  // Frees the entries of the function table, each once; SQLite must not call them any more.
  dispose() {
    for (const name of FUNCTIONS) {
      if (this[name] !== null) this.#module.removeFunction(this[name]);
      this[name] = null;
    }
    this.firstTables.dispose();
  }

  #read(file, buffer, amount, at) {
    if (this.#trace !== null) this.#traced("xRead", file, amount, at);
    // HEAPU8 is read anew in every call: an older view has length 0 once the memory has grown.
    const target = this.#module.HEAPU8.subarray(buffer, buffer + amount);
    try {
      const content = this.#files.get(file);
      const wanted = Math.max(0, Math.min(amount, content.size - at));
      if (wanted === amount) {
        if (content.read(target, at)) this.reads.hits++;
        this.reads.bytes += amount;
        if (amount === VERSION_SIZE && at === VERSION_AT && this.#distrusted.delete(file)) {
          target[0] ^= 0xff;
        }
        if (content.firstTable !== null) this.firstTables.show(content, target, at);
        return SQLITE_OK;
      }
      if (wanted === 0 || content.read(target.subarray(0, wanted), at)) this.reads.hits++;
      this.reads.bytes += wanted;
      if (content.firstTable !== null) {
        this.firstTables.show(content, target.subarray(0, wanted), at);
      }
      target.fill(0, wanted); // sqlite.org/c3ref/io_methods.html: the rest must be zeroed
      return SQLITE_IOERR_SHORT_READ;
    } catch (error) {
      target.fill(0);
      return this.#fail("xRead", SQLITE_IOERR_READ, error, file);
    }
  }

  #write(file, buffer, amount, at) {
    if (this.#trace !== null) this.#traced("xWrite", file, amount, at);
    const content = this.#files.get(file);
    try {
      // SQLite writes even to a file opened for reading only when a checkpoint is asked for.
      if (this.#readOnly.has(file)) throw new Error("the file was opened for reading only");
      if (at + amount > content.limit) {
        const code = this.#module.wasmTable.get(this.#outgrown)(file);
        if (code !== SQLITE_OK) return code;
      }
      let source = this.#module.HEAPU8.subarray(buffer, buffer + amount);
      if (content.firstTable !== null) source = this.firstTables.store(content, source, at);
      const { asked } = this.#pending;
      content.write(source, at);
      if (content.isLog && this.#commits(content, source, at)) {
        // Pending frames behind the last page of a transaction were rolled back.
        if (amount !== FRAME_HEADER_SIZE) content.cut(at + amount);
        this.#commit(content);
      }
      if (this.#pending.asked === asked) this.writes.hits++;
      this.writes.bytes += amount;
      content.reach(at + amount);
      return SQLITE_OK;
    } catch (error) {
      content.forget(); // the write may have been done in part
      return this.#fail("xWrite", codeOf(error, SQLITE_IOERR_WRITE), error, file);
    }
  }

  #sync(file, tally) {
    if (this.#trace !== null) this.#traced("xSync", file, 0, 0);
    const content = this.#files.get(file);
    if (content.isTemporary) {
      tally.hits++; // nobody reads a temporary file after a crash
      return SQLITE_OK;
    }
    const code = this.#written(file, () => this.#pending.drainOwn(content));
    if (code !== SQLITE_OK) return code;
    try {
      content.handle.flush();
      return SQLITE_OK;
    } catch (error) {
      return this.#fail("xSync", codeOf(error, SQLITE_IOERR_FSYNC), error, file);
    }
  }

  // Whether this write to the WAL completes a transaction: it is the page of a frame that commits,
  // or the header of such a frame that SQLite rewrites.
  #commits(content, source, at) {
    const follows = content.written === at;
    content.written = at + source.length;
    if (source.length !== FRAME_HEADER_SIZE) {
      const commits = content.commits;
      content.commits = false;
      return commits;
    }
    const field = source.subarray(FRAME_COMMIT_AT, FRAME_COMMIT_AT + 4);
    content.commits = field.some((byte) => byte !== 0);
    return content.commits && !follows;
  }

  // Writes a committed transaction. When that fails, SQLite rolls it back, so nothing of it may
  // stay pending.
  #commit(content) {
    try {
      this.#pending.drain(content);
    } catch (error) {
      this.#pending.abandonLog(content.base);
      throw error;
    }
  }

  // Writes what is pending of a database, as a transaction or a checkpoint ends; answers a code.
  #end(file) {
    return this.#written(file, () => this.#pending.drain(this.#files.get(file)));
  }

  // Passes a PRAGMA on to firstTables; SQLITE_NOTFOUND has SQLite run it itself.
  #pragma(file, argument) {
    try {
      this.firstTables.pragma(file, argument);
      return SQLITE_NOTFOUND;
    } catch (error) {
      return this.#fail("xWrite", codeOf(error, SQLITE_IOERR_WRITE), error, file);
    }
  }

  // Truncates a file; answers a result code.
  truncate(file, size) {
    const content = this.#files.get(file);
    content.cut(size);
    const code = this.#written(file, () => this.#pending.drain(content));
    if (code === SQLITE_OK) content.truncate(size);
    return code;
  }

  #written(file, drain) {
    if (this.#pending.isEmpty) return SQLITE_OK;
    try {
      drain();
      return SQLITE_OK;
    } catch (error) {
      return this.#fail("xWrite", codeOf(error, SQLITE_IOERR_WRITE), error, file);
    }
  }

  resetTallies() {
    this.busy = 0;
    this.reads = new Tally();
    this.writes = new Tally();
    this.syncs = new Tally();
  }

  #fail(method, code, error, file) {
    this.#failures.set(code, [method, code, error, file]);
    this.#module.HEAPU8[this.#failed] = 1;
    return code;
  }

  #storeInt64(address, value) {
    const { HEAPU32 } = this.#module;
    HEAPU32[address >>> 2] = value % 2 ** 32;
    HEAPU32[(address >>> 2) + 1] = Math.floor(value / 2 ** 32);
  }

  #traced(...call) {
    if (this.#trace.length < LONGEST_TRACE) this.#trace.push(call);
  }

  // Returns the calls since the last takeTrace(), LONGEST_TRACE at most; later calls are kept.
  takeTrace() {
    const trace = this.#trace ?? [];
    this.#trace = [];
    return trace;
  }

  stopTrace() {
    this.#trace = null;
  }

  // Returns [method, code, exception, file] of the last failure with each code, and forgets them.
  takeFailures() {
    const failures = [...this.#failures.values()];
    this.#failures.clear();
    this.#module.HEAPU8[this.#failed] = 0;
    return failures;
  }

  // The Content of a file of the storage, the same for all files open on it. database: the handle of
  // the database that it belongs to; nothing where there is none.
  contentOf(handle, start, database, kind) {
    const base = database ?? handle;
    const content =
      contents.get(handle) ?? Content.ofFile(this.#pending, handle, start, base, kind);
    if (kind === "other") content.firstTable = contents.get(base)?.firstTable ?? null;
    return content;
  }

  // Closes the Content of a file with its last open file.
  closeContent(handle) {
    contents.get(handle)?.close();
  }

  // The Content of a new temporary file, which stays in memory up to a limit in bytes.
  contentInMemory(limit) {
    return Content.inMemory(this.#pending, limit);
  }

  // Writes what is pending of the database with this handle, before a change that must not precede
  // its writes.
  drainDatabase(base) {
    try {
      this.#pending.drain({ base });
    } catch (error) {
      throw named(error);
    }
  }

  open(file, content, readOnly) {
    this.#files.set(file, content);
    if (readOnly) this.#readOnly.add(file);
  }

  close(file) {
    this.leaveIndex(file);
    this.#files.get(file)?.locks.unlock(file, NONE);
    this.#files.delete(file);
    this.#distrusted.delete(file);
    this.#readOnly.delete(file);
    this.firstTables.close(file);
  }

  // For tests: whether nobody holds a lock on any file that is open.
  get isUnlocked() {
    return [...this.#files.values()].every((content) => content.locks.isFree());
  }

  // Makes the file's connection drop its cache: the next read of the change counter and the bytes
  // behind it returns other ones. SQLite reads exactly these bytes for nothing else (pager.c).
  distrust(file) {
    this.#distrusted.add(file);
  }

  #distrustAll(content) {
    for (const [file, its] of this.#files) if (its === content) this.#distrusted.add(file);
  }
}

// A callback for Python's gc.callbacks (collecting.py): while Python collects garbage, only the
// current thread state has frames to follow. In JavaScript because a Python callback can be ended
// by a signal or at the recursion limit before it has done anything, and Python then still
// collects.
export class SuspendedFrames {
  #aside = new Map(); // thread state → its current frame, both as addresses
  #module;
  #offset;

  // offset: offset in bytes of the current frame in a thread state. none: address of None.
  constructor(module, offset, none) {
    this.#module = module;
    this.#offset = offset;
    this.address = module.addFunction((phase) => {
      // The phase is "start" or "stop"; 0x61 is "a".
      const begins = module.HEAPU8[(module._PyUnicode_AsUTF8(phase) + 2) >>> 0] === 0x61;
      this.#putBack();
      if (begins) this.#putAside();
      return none;
    }, "iii");
  }

  drop() {
    this.#module.removeFunction(this.address);
  }

  *#frames() {
    const { HEAPU32 } = this.#module;
    const interpreter = this.#module._PyInterpreterState_Get();
    let state = this.#module._PyInterpreterState_ThreadHead(interpreter) >>> 0;
    for (; state !== 0; state = this.#module._PyThreadState_Next(state) >>> 0) {
      yield { state, HEAPU32, at: (state + this.#offset) >>> 2 };
    }
  }

  #putAside() {
    const current = this.#module._PyThreadState_Get() >>> 0;
    for (const { state, HEAPU32, at } of this.#frames()) {
      if (state === current || HEAPU32[at] === 0) continue;
      this.#aside.set(state, HEAPU32[at]);
      HEAPU32[at] = 0;
    }
    // A finaliser may suspend this collection: the others need their frames before they continue.
    if (this.#aside.size > 0) queueMicrotask(() => this.#putBack());
  }

  #putBack() {
    if (this.#aside.size === 0) return;
    for (const { state, HEAPU32, at } of this.#frames()) {
      const frame = this.#aside.get(state);
      if (frame !== undefined && HEAPU32[at] === 0) HEAPU32[at] = frame;
    }
    this.#aside.clear();
  }
}
