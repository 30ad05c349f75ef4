// JavaScript, because the page I/O callbacks decide the speed: through Python a cold random page
// read takes three times as long.

// The bytes of a slot's header (header.py); SQLite's own bytes begin behind it.
export const SECTOR_SIZE = 4096;

const SQLITE_OK = 0;
const SQLITE_FULL = 13;
const SQLITE_IOERR_READ = 266;
const SQLITE_IOERR_SHORT_READ = 522;
const SQLITE_IOERR_WRITE = 778;

// What a connection compares to know whether its cache is still right (fileformat2.html, 1.3).
const VERSION_AT = 24;
const VERSION_SIZE = 16;

// The time is taken of one read in so many. At every read it made random lookups 7 % slower in
// Chromium, at every 16th no more than runs differ among themselves (2 %).
const READS_A_TIME = 16;

// The result code for an exception of a write, as errors.py has it for the other methods.
function writeCode(error) {
  return error?.name === "QuotaExceededError" ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

// handle[method](...args) for Python. Pyodide passes an exception on as it is only when it has a
// stack, which Chromium's DOMException lacks: without one its name, by which the failure is told
// from others, would be lost.
export function call(handle, method, ...args) {
  try {
    return handle[method](...args);
  } catch (error) {
    if (typeof error.stack !== "string") {
      Object.defineProperty(error, "stack", { value: new Error(error.message).stack });
    }
    throw error;
  }
}

// A file in memory with the interface of a FileSystemSyncAccessHandle: temporary files live in it
// until they outgrow their bound. Grows by doubling, so that n writes cost O(n) copying.
export class MemoryHandle {
  #bytes = new Uint8Array(0);
  #size = 0;

  read(target, { at }) {
    const count = Math.max(0, Math.min(target.length, this.#size - at));
    target.set(this.#bytes.subarray(at, at + count));
    return count;
  }

  write(source, { at }) {
    const end = at + source.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length, 65536));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(source, at);
    this.#size = Math.max(this.#size, end);
    return source.length;
  }

  truncate(size) {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    else if (size > this.#size) this.write(new Uint8Array(size - this.#size), { at: this.#size });
    this.#size = size;
  }

  getSize() {
    return this.#size;
  }

  flush() {}

  close() {
    this.#bytes = new Uint8Array(0);
    this.#size = 0;
  }
}

// The bytes of one slot as SQLite sees them: without the header, with the size kept at hand.
// All open files of a slot share one Content, so that the size is the same for each of them.
export class Content {
  #size = null; // null: not known, the handle must be asked

  constructor(handle, start) {
    this.handle = handle;
    this.start = start;
    this.limit = Infinity; // bytes beyond which a temporary file moves out of memory
    this.inMemory = handle instanceof MemoryHandle;
  }

  static ofSlot(handle) {
    return new Content(handle, SECTOR_SIZE);
  }

  static inMemory(limit) {
    const content = new Content(new MemoryHandle(), 0);
    content.limit = limit;
    return content;
  }

  get size() {
    this.#size ??= Math.max(0, call(this.handle, "getSize") - this.start);
    return this.#size;
  }

  // A call has failed that may have changed the size.
  forgetSize() {
    this.#size = null;
  }

  // Bytes up to this offset were written.
  reach(end) {
    if (end > this.size) this.#size = end;
  }

  truncate(size) {
    this.forgetSize();
    call(this.handle, "truncate", this.start + size);
    this.#size = size;
  }

  flush() {
    call(this.handle, "flush");
  }

  // Moves a temporary file from memory into a slot's handle.
  moveTo(handle) {
    const piece = new Uint8Array(Math.min(this.size, 1 << 20));
    for (let at = 0; at < this.size; at += piece.length) {
      const count = this.handle.read(piece, { at });
      const written = call(handle, "write", piece.subarray(0, count), { at: SECTOR_SIZE + at });
      if (written !== count) throw shortWrite(written, count);
    }
    this.handle.close();
    this.handle = handle;
    this.start = SECTOR_SIZE;
    this.limit = Infinity;
    this.inMemory = false;
  }
}

// How often a kind of call came and what it took; the fields are those of Tally in stats.py.
class Tally {
  calls = 0;
  bytes = 0;
  hits = 0;
  timed = 0;
  microseconds = 0;
}

function shortWrite(written, wanted) {
  // Firefox and Chromium report an exceeded quota by a short, zero or wrapped-around count.
  return new DOMException(
    `the storage kept ${written} of ${wanted} bytes: it is probably full`,
    "QuotaExceededError",
  );
}

// A C function that calls the ctypes closure with a clean slate and puts an exception that was
// pending back afterwards. CPython's sqlite3 sets its exception first and resets the statement then,
// and the reset calls the VFS: Python code that begins with an exception set ends with another one.
// Returns the address, in the wasm function table.
export function shielded(module, closure, signature) {
  const call = module.wasmTable.get(closure);
  return module.addFunction((...values) => {
    const gil = module._PyGILState_Ensure();
    const pending = module._PyErr_GetRaisedException();
    const result = call(...values);
    module._PyErr_SetRaisedException(pending);
    module._PyGILState_Release(gil);
    return result;
  }, signature);
}

// Calls that are kept for the log until Python's next turn; a long statement must not fill the memory.
const LONGEST_TRACE = 10_000;

// The page I/O of one VFS: xRead and xWrite as entries of the wasm function table, over the
// contents of the files that Python has opened.
export class PageIO {
  #files = new Map(); // address of a sqlite3_file → its Content
  #distrusted = new Set(); // addresses of those whose connection must drop its cache
  #readOnly = new Set(); // addresses of those that were opened for reading only
  #failures = new Map(); // code → [code, exception, file] of its last failure, for Python to fetch
  #failed; // address of a byte that is 1 while there are any: Python looks at it without a call
  #trace = null; // [name, file, amount, offset] of each call, while Python wants to log them
  #at = { at: 0 }; // reused: a call that allocates nothing
  #module;
  #outgrown;

  // module: Pyodide's Emscripten module. outgrown: address of the C function that is called with the
  // address of a temporary file that is about to pass its limit; it moves the content into a slot,
  // or leaves it in memory, and answers a result code. A C function, and failures that are fetched
  // later: CPython's sqlite3 lets go of the GIL while SQLite runs, and no Python object may be
  // touched from JavaScript then. failed: address of the byte.
  constructor(module, outgrown, failed) {
    this.#module = module;
    this.#outgrown = outgrown;
    this.#failed = failed;
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
  }

  #read(file, buffer, amount, at) {
    if (this.#trace !== null) this.#traced("xRead", file, amount, at);
    // The heap view is fetched anew in every call: one kept from before has length 0 once the
    // memory has grown.
    const target = this.#module.HEAPU8.subarray(buffer, buffer + amount);
    try {
      const content = this.#files.get(file);
      const wanted = Math.max(0, Math.min(amount, content.size - at));
      if (wanted > 0) {
        this.#at.at = content.start + at;
        const count = content.handle.read(
          wanted === amount ? target : target.subarray(0, wanted),
          this.#at,
        );
        if (count !== wanted) throw new Error(`read ${count} bytes of ${wanted} at ${at}`);
        this.reads.bytes += count;
      }
      if (wanted === 0 || content.inMemory) this.reads.hits++;
      if (wanted === amount) {
        if (amount === VERSION_SIZE && at === VERSION_AT && this.#distrusted.delete(file)) {
          target[0] ^= 0xff;
        }
        return SQLITE_OK;
      }
      target.fill(0, wanted); // sqlite.org/c3ref/io_methods.html: the rest must be zeroed
      return SQLITE_IOERR_SHORT_READ;
    } catch (error) {
      target.fill(0);
      return this.#fail(SQLITE_IOERR_READ, error, file);
    }
  }

  #write(file, buffer, amount, at) {
    if (this.#trace !== null) this.#traced("xWrite", file, amount, at);
    const content = this.#files.get(file);
    try {
      // SQLite itself writes to it all the same when a checkpoint is asked for.
      if (this.#readOnly.has(file)) throw new Error("the file was opened for reading only");
      if (at + amount > content.limit) {
        const code = this.#module.wasmTable.get(this.#outgrown)(file);
        if (code !== SQLITE_OK) return code;
      }
      this.#at.at = content.start + at;
      const count = content.handle.write(
        this.#module.HEAPU8.subarray(buffer, buffer + amount),
        this.#at,
      );
      if (count !== amount) throw shortWrite(count, amount);
      this.writes.bytes += amount;
      if (content.inMemory) this.writes.hits++;
      content.reach(at + amount);
      return SQLITE_OK;
    } catch (error) {
      content.forgetSize(); // a part may have been written
      return this.#fail(writeCode(error), error, file);
    }
  }

  resetTallies() {
    this.reads = new Tally();
    this.writes = new Tally();
  }

  #fail(code, error, file) {
    this.#failures.set(code, [code, error, file]);
    this.#module.HEAPU8[this.#failed] = 1;
    return code;
  }

  #traced(...call) {
    if (this.#trace.length < LONGEST_TRACE) this.#trace.push(call);
  }

  // The calls since the last time, LONGEST_TRACE of them at most; from now on they are kept.
  takeTrace() {
    const trace = this.#trace ?? [];
    this.#trace = [];
    return trace;
  }

  stopTrace() {
    this.#trace = null;
  }

  // [code, exception, file] of the last failure with each code; fetching them forgets them.
  takeFailures() {
    const failures = [...this.#failures.values()];
    this.#failures.clear();
    this.#module.HEAPU8[this.#failed] = 0;
    return failures;
  }

  open(file, content, readOnly) {
    this.#files.set(file, content);
    if (readOnly) this.#readOnly.add(file);
  }

  close(file) {
    this.#files.delete(file);
    this.#distrusted.delete(file);
    this.#readOnly.delete(file);
  }

  // The next time that the file's connection asks whether its cache is still right, it is not. It
  // reads the change counter and what follows it for nothing else (pager.c).
  distrust(file) {
    this.#distrusted.add(file);
  }
}
