// JavaScript, because the page I/O callbacks decide the speed: what they read and write lies here.

import { FileLocks } from "./locks.mjs";
import { MemoryHandle } from "./memory_handle.mjs";

function shortWrite(written, wanted) {
  // Firefox and Chromium report an exceeded quota by a short, zero or wrapped-around count.
  return new DOMException(
    `the storage kept ${written} of ${wanted} bytes: it is probably full`,
    "QuotaExceededError",
  );
}

// Calls handle[method](...args) for Python. Pyodide passes an exception on unchanged only when it
// has a stack, which Chromium's DOMException lacks; without one its name, which tells the failures
// apart, would be lost.
export function call(handle, method, ...args) {
  try {
    const content = contents.get(handle);
    if (content !== undefined) {
      if (method === "getSize") return content.start + content.size;
      if (method !== "close") content.settle();
      if (method === "write" || method === "truncate") content.forgetAhead();
    }
    return handle[method](...args);
  } catch (error) {
    throw named(error);
  }
}

// Opens an access handle on the file of a FileSystemFileHandle, and closes it if `token` is
// dropped: Python may be interrupted before it receives a handle that the browser has made.
export async function openHandle(file, token) {
  token.handle = await file.createSyncAccessHandle();
  if (token.isDropped) token.handle.close();
  return token.handle;
}

// Closes the handle of openHandle(), now or as soon as the browser has made it.
export function dropHandle(token) {
  token.isDropped = true;
  token.handle?.close();
}

// call() on bytes in Python's memory, without a copy. The view is made here: one made before the
// arguments were converted may have length 0, as the conversion may have grown the memory.
// Addresses have no sign, also beyond 2 GiB.
export function move(memory, handle, method, address, length, at) {
  return call(handle, method, memory.HEAPU8.subarray(address, address + length), { at });
}

// An ASCII string in Python's memory as a String object, which Pyodide does not convert.
export function text(memory, address, length) {
  const bytes = memory.HEAPU8.subarray(address, address + length);
  return new String(new TextDecoder().decode(bytes));
}

// handle → its Content, while SQLite has a file open on it
export const contents = new WeakMap();

// The exception with the stack that Pyodide needs to pass it on: see call().
export function named(error) {
  if (typeof error.stack !== "string") {
    Object.defineProperty(error, "stack", { value: new Error(error.message).stack });
  }
  return error;
}

// The bytes of one file of a storage as SQLite sees them, without what the storage has before them.
// All open files on it share one Content, so that the cached size, the pending writes and the bytes
// read ahead are the same for each of them. Of a file in memory nothing is pending or read ahead.
export class Content {
  #size = null; // null: not known, the handle must be asked
  #ahead = []; // the last windows that were read ahead, the latest first
  #next = -1; // offset behind the last read
  #blocks = new Map(); // of a temporary file: offset → { bytes, length }, the oldest first

  // pending: the Pending that holds its writes. start: the offset in the handle of the file's first
  // byte. base: handle of the database that the file belongs to, its own for a database; for a
  // temporary file a symbol. kind: "database", "wal" or "other".
  constructor(pending, handle, start, base, kind) {
    this.pending = pending;
    this.handle = handle;
    this.start = start;
    this.base = base;
    this.isDatabase = kind === "database";
    this.isLog = kind === "wal";
    this.isTemporary = typeof base === "symbol";
    this.locks = new FileLocks(); // of the files open on it
    this.indexLocks = null; // of a database: its IndexLocks, while a connection uses its WAL-index
    // The FirstTable of a database that waits for one, and of its journal: see first_table.mjs.
    this.firstTable = null;
    this.isModeChosen = false; // whether a program asked for another journal mode before that
    this.commits = false; // whether the next page ends a transaction in the WAL
    this.written = -1; // offset behind the last write
    this.limit = Infinity; // bytes beyond which a temporary file moves out of memory
    this.inMemory = handle instanceof MemoryHandle;
    if (!this.isTemporary || !this.inMemory) contents.set(handle, this);
  }

  static ofFile(pending, handle, start, base, kind) {
    return new Content(pending, handle, start, base, kind);
  }

  static inMemory(pending, limit) {
    const base = Symbol("a temporary file's");
    const content = new Content(pending, new MemoryHandle(), 0, base, "other");
    content.limit = limit;
    return content;
  }

  get size() {
    if (this.#size === null) {
      const end = Math.max(this.handle.getSize(), this.pending.endOf(this));
      this.#size = Math.max(0, end - this.start);
    }
    return this.#size;
  }

  // Forgets the size and the bytes read ahead, after a failed call that may have changed the file.
  forget() {
    this.#size = null;
    this.forgetAhead();
  }

  // Extends the cached size after a write up to this offset.
  reach(end) {
    if (end > this.size) this.#size = end;
  }

  // Fills `target`, which must lie within the file. Answers true when the browser was not asked.
  read(target, at) {
    if (this.inMemory) return this.#ask(target, at);
    if (this.pending.touches(this, this.start + at, target.length)) {
      this.#readPending(target, at);
      return false;
    }
    if (this.isTemporary) return this.#readBlock(target, at);
    const end = at + target.length;
    if (this.#takeAhead(target, at)) {
      this.#next = end;
      return true;
    }
    const window = this.#windowFor(at, end);
    this.#next = end;
    if (window === null) return this.#ask(target, at);
    const bytes = window.bytes.subarray(0, Math.min(window.length, this.size - at));
    window.end = -1; // the window is empty if the read fails
    if (this.pending.touches(this, this.start + at, bytes.length)) return this.#ask(target, at);
    this.#ask(bytes, at);
    window.at = at;
    window.end = at + bytes.length;
    target.set(bytes.subarray(0, target.length));
    return false;
  }

  // Reads through whole blocks of a temporary file. A sort reads 16 pieces and more in turn, each
  // page by page, so that two reads hardly ever follow one another in the file.
  #readBlock(target, at) {
    const start = at - (at % BLOCK);
    const from = at - start;
    const to = from + target.length;
    if (to > BLOCK) return this.#ask(target, at);
    let block = this.#blocks.get(start);
    if (block !== undefined && to <= block.length) {
      target.set(block.bytes.subarray(from, to));
      return true;
    }
    const length = Math.min(BLOCK, this.size - start);
    if (this.pending.touches(this, this.start + start, length)) return this.#ask(target, at);
    if (block === undefined) {
      block = this.#takeBlock();
      this.#blocks.set(start, block);
    }
    block.length = 0; // the block is empty if the read fails
    this.#ask(block.bytes.subarray(0, length), start);
    block.length = length;
    target.set(block.bytes.subarray(from, to));
    return false;
  }

  // A new block, or the oldest one for reuse.
  #takeBlock() {
    if (this.#blocks.size < BLOCKS) return { bytes: new Uint8Array(BLOCK), length: 0 };
    const [[start, block]] = this.#blocks;
    this.#blocks.delete(start);
    return block;
  }

  // The window to read ahead into when a read continues the last read or a window; else null.
  // Between the two a small gap is allowed: the header of a frame in a WAL.
  #windowFor(at, end) {
    if (end - at < SMALLEST_AHEAD) return null;
    const found = this.#ahead.findIndex(
      (window) => at >= window.end && at - window.end <= LARGEST_GAP,
    );
    const follows = at >= this.#next && at - this.#next <= LARGEST_GAP && this.#next >= 0;
    if (found < 0 && !follows) return null;
    let window;
    if (found >= 0) {
      [window] = this.#ahead.splice(found, 1);
      window.length = Math.min(2 * window.length, LONGEST_AHEAD);
    } else {
      const isNew = this.#ahead.length < WINDOWS;
      window = isNew ? { at: 0, end: -1, bytes: new Uint8Array(0) } : this.#ahead.pop();
      window.length = SHORTEST_AHEAD;
    }
    if (window.length <= end - at) return null;
    if (window.bytes.length < window.length) window.bytes = new Uint8Array(window.length);
    this.#ahead.unshift(window);
    return window;
  }

  // Fills the target from one window; answers false when no window has all of its bytes.
  #takeAhead(target, at) {
    const end = at + target.length;
    for (const window of this.#ahead) {
      if (at >= window.at && end <= window.end) {
        target.set(window.bytes.subarray(at - window.at, end - window.at));
        return true;
      }
    }
    return false;
  }

  #load(target, at) {
    AT.at = this.start + at;
    return this.handle.read(target, AT);
  }

  // Reads from the handle; answers true when that is memory, so that the browser was not asked.
  #ask(target, at) {
    const count = this.#load(target, at);
    if (count !== target.length) {
      throw new Error(`read ${count} bytes of ${target.length} at ${at}`);
    }
    return this.inMemory;
  }

  // Reads bytes of which some are pending.
  #readPending(target, at) {
    try {
      this.pending.drain();
      this.#ask(target, at);
    } catch (error) {
      if (this.pending.isEmpty) throw error;
      // The storage is full: pending bytes are read from memory until there is room.
      target.fill(0);
      this.#load(target, at);
      this.pending.lay(target, this.start + at);
    }
  }

  // Forgets the bytes read ahead, which the file may not hold any more.
  forgetAhead() {
    for (const window of this.#ahead) window.end = -1;
    this.#blocks.clear();
  }

  // Fills the target with written bytes; answers false when the file ends before.
  fetch(target, at) {
    return this.#takeAhead(target, at) || this.#load(target, at) === target.length;
  }

  // Writes, soon (see Pending), and updates the bytes read ahead.
  write(source, at) {
    for (const window of this.#ahead) {
      const from = Math.max(at, window.at);
      const to = Math.min(at + source.length, window.end);
      if (from < to) window.bytes.set(source.subarray(from - at, to - at), from - window.at);
    }
    if (this.#blocks.size > 0) this.#writeBlocks(source, at);
    if (this.inMemory) {
      AT.at = this.start + at;
      this.handle.write(source, AT);
    } else {
      this.pending.write(this, source, this.start + at);
    }
  }

  #writeBlocks(source, at) {
    const end = at + source.length;
    for (let start = at - (at % BLOCK); start < end; start += BLOCK) {
      const block = this.#blocks.get(start);
      if (block === undefined) continue;
      const from = Math.max(at, start);
      const to = Math.min(end, start + block.length);
      if (from < to) block.bytes.set(source.subarray(from - at, to - at), from - start);
    }
  }

  // Writes what is pending, before code other than SQLite uses the handle.
  settle() {
    this.pending.drain(this);
  }

  // Drops pending bytes beyond this size.
  cut(size) {
    if (this.pending.cut(this, this.start + size)) this.forget();
  }

  truncate(size) {
    this.forget();
    call(this.handle, "truncate", this.start + size);
    this.#size = size;
  }

  // Ends the use of the content, with the last file open on it.
  close() {
    this.#ahead = [];
    this.#blocks.clear();
    if (this.isTemporary && this.inMemory) {
      this.handle.close();
    } else {
      this.pending.leave(this);
      contents.delete(this.handle);
    }
  }

  // Moves a temporary file from memory to another handle.
  moveTo(handle, start) {
    const piece = new Uint8Array(Math.min(this.size, 1 << 20));
    for (let at = 0; at < this.size; at += piece.length) {
      const count = this.handle.read(piece, { at });
      const written = call(handle, "write", piece.subarray(0, count), { at: start + at });
      if (written !== count) throw shortWrite(written, count);
    }
    this.handle.close();
    this.handle = handle;
    this.start = start;
    this.limit = Infinity;
    this.inMemory = false;
    contents.set(handle, this);
  }
}

// Windows read ahead: how many there are of a file (a table and its index are read in turn), their
// first and largest length, the smallest read that makes one, and the largest gap between a read
// and the one that continues it. All but the first are in bytes.
const WINDOWS = 4;
const SHORTEST_AHEAD = 32 << 10;
const LONGEST_AHEAD = 256 << 10;
const SMALLEST_AHEAD = 512;
const LARGEST_GAP = 64;

// Blocks of a temporary file: the bytes of one, and how many of a file are kept.
const BLOCK = 32 << 10;
const BLOCKS = 64;

const AT = { at: 0 }; // reused: a call that allocates nothing

const LONGEST_RUN = 1 << 20; // bytes that are written in one call
const LARGEST_BRIDGE = 65536; // the largest page

// The writes of SQLite that have not reached their handle yet: one run of bytes of one file,
// without a gap. In Chromium a write of 4 KiB costs 37 µs and one of 1 MiB 480, in Firefox a call
// costs 30 to 100 µs whatever its size: bytes are almost free, calls are not.
//
// There is one run for all files of a pool, so that the writes reach their handles in the order in
// which SQLite made them, as long as the storage takes them. A killed tab loses the last of them,
// as if it had been killed a little earlier. So one invariant is enough: nothing is pending that an
// answer was given for:
//
// - xSync drains it, and so do xTruncate and the deletion of another file of the same database;
// - SQLITE_FCNTL_SYNC comes before a rollback journal ends, SQLITE_FCNTL_COMMIT_PHASETWO after it,
//   at synchronous=OFF too (pager.c);
// - the page of a WAL's frame that commits drains it within its own xWrite: right after it SQLite
//   shows the transaction to other connections (sqlite3WalFrames in wal.c).
//
// When the storage refuses a write, the bytes stay pending, are tried again, and are read from
// memory: SQLite may undo one statement of a transaction and continue with the others, whose pages
// must not be lost. A write of the same database that must follow fails; a write of another
// database overtakes the pending one, or a full storage could not even be emptied.
export class Pending {
  asked = 0; // how often the browser was asked to write
  #content = null;
  #bytes = new Uint8Array(0);
  #at = 0; // offset in the handle of the first byte
  #length = 0;
  #isRefused = false; // whether the storage refused it; tried again only where it must be written

  get isEmpty() {
    return this.#length === 0;
  }

  get #end() {
    return this.#at + this.#length;
  }

  // Offset in the handle behind the pending bytes of this content; 0 without any.
  endOf(content) {
    return this.#content === content ? this.#end : 0;
  }

  touches(content, at, length) {
    return this.#content === content && at < this.#end && at + length > this.#at;
  }

  write(content, source, at) {
    if (this.#content === content) {
      if (content.isLog && at > this.#end) this.#bridge(at);
      if (at === this.#end && this.#length + source.length <= LONGEST_RUN) {
        this.#append(source);
        return;
      }
      if (at >= this.#at && at + source.length <= this.#end) {
        this.#bytes.set(source, at - this.#at);
        return;
      }
    }
    this.#makeWay(content, at, source.length);
    // A pending write beyond the end would leave a gap, which reads must find filled with zeros.
    const leavesGap = at > content.start + content.size;
    if (this.#length > 0 || source.length >= LONGEST_RUN || leavesGap) {
      this.#ask(content, source, at);
      return;
    }
    this.#content = content;
    this.#at = at;
    this.#append(source);
  }

  #ask(content, source, at) {
    this.asked++;
    AT.at = at;
    const count = content.handle.write(source, AT);
    if (count !== source.length) throw shortWrite(count, source.length);
  }

  #append(source) {
    this.#makeRoom(this.#length + source.length);
    this.#bytes.set(source, this.#length);
    this.#length += source.length;
  }

  #makeRoom(length) {
    if (length <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.min(LONGEST_RUN, Math.max(2 * length, 65536)));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }

  // Extends the run over a gap by the bytes that the file has there. When a large transaction has
  // replaced a page of one of its frames in the WAL, SQLite rewrites the headers of its frames
  // before the commit. The pages between those headers belong to the same transaction, so no
  // committed bytes are written again.
  #bridge(at) {
    const gap = at - this.#end;
    if (gap > LARGEST_BRIDGE || this.#length + gap > LONGEST_RUN) return;
    this.#makeRoom(this.#length + gap);
    const between = this.#bytes.subarray(this.#length, this.#length + gap);
    if (this.#content.fetch(between, this.#end - this.#content.start)) this.#length += gap;
  }

  // Drains the run before a write that does not continue it. When the storage refuses that, a write
  // may overtake the run only where the order does not matter: in files of another database, or
  // elsewhere in the same file unless that is a journal. SQLite writes and rolls back a database in
  // any order between two syncs; frames of a WAL behind a missing one are ignored.
  #makeWay(content, at, length) {
    if (this.#length === 0) return;
    const own = this.#content === content;
    const mayGoBy = own
      ? (content.isDatabase || content.isLog || content.isTemporary) &&
        !this.touches(content, at, length)
      : this.#content.base !== content.base;
    if (this.#isRefused && mayGoBy) return;
    try {
      this.drain();
    } catch (error) {
      if (!mayGoBy) throw error;
    }
  }

  // Drops the pending bytes of the database's WAL, whose transaction was rolled back.
  abandonLog(base) {
    const content = this.#content;
    if (content === null || !content.isLog || content.base !== base) return;
    this.#cutTo(0);
    content.forget();
  }

  #cutTo(length) {
    this.#length = length;
    if (length === 0) {
      this.#content = null;
      this.#isRefused = false;
    }
  }

  // Drops the pending bytes beyond an offset in the content's handle; answers whether there were
  // any.
  cut(content, end) {
    if (this.#content !== content || end >= this.#end) return false;
    this.#cutTo(Math.max(0, end - this.#at));
    return true;
  }

  // Writes the run. Given a content that is about to change, a refused run of another database does
  // not count as a failure. A truncation is such a change: a journal must not end before its
  // database is written, and a checkpoint truncates its database last; at synchronous=OFF only a
  // failure here shows SQLite that some of it was not written.
  drain(content = null) {
    if (this.#length === 0) return;
    const owner = this.#content;
    try {
      this.#ask(owner, this.#bytes.subarray(0, this.#length), this.#at);
      this.#cutTo(0);
    } catch (error) {
      this.#isRefused = true;
      if (content === null || content.base === owner.base) throw error;
    }
  }

  // Writes the run before a sync of a file. It must succeed only for a run of that file: SQLite
  // syncs a journal before it rolls back with it, whatever has become of the database.
  drainOwn(content) {
    if (this.#content === content) this.drain(content);
    else this.#tryToDrain();
  }

  #tryToDrain() {
    try {
      this.drain();
    } catch {
      // The run stays pending and is tried again.
    }
  }

  // Copies the pending bytes over bytes that were read at an offset in the handle.
  lay(target, at) {
    const from = Math.max(at, this.#at);
    const to = Math.min(at + target.length, this.#end);
    target.set(this.#bytes.subarray(from - this.#at, to - this.#at), from - at);
  }

  // Writes the run of a content that closes. Bytes that the storage refuses even now were never
  // acknowledged: their transaction has failed, and its journal or WAL is as it was.
  leave(content) {
    if (this.#content !== content) return;
    if (!content.isTemporary) this.#tryToDrain();
    this.#cutTo(0);
  }
}

