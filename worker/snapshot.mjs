// JavaScript because it is about Pyodide's memory before there is any Python in it.
//
// A snapshot is Pyodide's memory once Python has started and the site's own modules are imported,
// so that the next start need not do that again. It is taken before SQLite draws its first random
// number: random numbers, the nonces of journals among them, would otherwise repeat from one start
// to the next. It is also taken before there is any callback, for a callback is JavaScript and not
// in the memory. JavaScript objects that the memory refers to are recorded by name. The snapshot is
// kept with a checksum, under a key that changes with Pyodide, with the site's code and with the
// browser; if anything is wrong with it, Python starts without it.
//
// It is kept in a file in OPFS, beside the pool's directory, because a synchronous handle reads it
// to where it belongs in WebAssembly's memory: nothing is copied a second time, and pages of zeros
// are not touched. The file:
//
//     32 bytes     FORMAT (8), how long the next two are (4 each), their checksum (16)
//     description  JSON: the key, the size of the memory, the runs, the checksum of the runs
//     head         what Pyodide puts before the memory: its build, and names of JavaScript objects
//     runs         from the next multiple of 4096 on: all pages but long stretches of zeros
//
// All but the runs is written last. So a file that was not written whole has no FORMAT, and costs
// a start without a snapshot, as one does that is damaged, of another version or in use.
//
// Source: Pyodide's own src/js/snapshot.ts; its interface is undocumented, and tested with one
// version.

const KEPT = "sahpool-snapshot "; // app/parts/browser.mjs, which deletes these files, has it, too
const SITE = new URL("../", import.meta.url).pathname; // an origin may have sites in other folders
const NAME = KEPT + encodeURIComponent(SITE);
const OLD_CACHE = "sahpool-snapshot"; // where the snapshot was kept before

const ROOM = 20; // a snapshot is kept only where this many times its size is free
const PAGE = 65536; // bytes of one page of WebAssembly's memory
const FORMAT = [0x53504b31, 1]; // of the file, and its version
const FIXED = 32; // bytes of the file before its description
const BLOCK = 4096; // bytes; runs begin and end at a multiple of it
const GAP = 1 << 20; // bytes of zeros that end a run: the stack that is not used, and the free heap
const AT_ONCE = 1 << 20; // bytes written before the worker looks for messages
const FACTOR = 0x9e3779b1; // of the checksum: odd, so that no change of a word is lost

const PATIENCE = 3000; // ms after which a storage that does not answer counts as none
// Milliseconds between attempts. A tab that starts has the file open for some hundred, and where
// the mode "read-only" is unknown no other tab can read it meanwhile.
const ATTEMPTS = [10, 30, 60, 100, 200, 300];

const DAMAGED = "the snapshot is damaged";

const KINDS = ["object", "function"];

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function globals() {
  const found = new Map();
  for (let scope = globalThis; scope; scope = Object.getPrototypeOf(scope)) {
    for (const name of Object.getOwnPropertyNames(scope)) {
      // Accessors are left out: they make new objects or throw, and Python's memory refers to no
      // such object at this point.
      const value = Object.getOwnPropertyDescriptor(scope, name).value;
      if (KINDS.includes(typeof value) && value !== null) found.set(value, name);
    }
  }
  return found;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns what a promise becomes; after PATIENCE rejects, and `late` gets what comes later. */
async function within(promise, late = () => {}) {
  let over = false;
  promise.then((found) => over && late(found)).catch(() => null);
  const end = sleep(PATIENCE).then(() => {
    over = true;
    throw new Error(`no answer of the storage within ${PATIENCE} ms`);
  });
  return Promise.race([promise, end]);
}

/** Does something with a file as soon as no other tab has it open. */
async function patiently(act) {
  for (const ms of ATTEMPTS) {
    try {
      return await act();
    } catch ({ name }) {
      // Safari has the second name; any other error comes again below.
      if (!["NoModificationAllowedError", "InvalidStateError"].includes(name)) break;
    }
    await sleep(ms);
  }
  return act();
}

/**
 * Adds words to a checksum of four lanes, which a processor computes side by side. It finds a file
 * that is torn or has rotted; nobody but this site's own code can write there.
 *
 * @param {Int32Array} sum @param {Uint32Array} words a multiple of four
 */
function add(sum, words) {
  let [a, b, c, d] = sum;
  for (let at = 0; at < words.length; at += 4) {
    a = Math.imul(a ^ words[at], FACTOR);
    b = Math.imul(b ^ words[at + 1], FACTOR);
    c = Math.imul(c ^ words[at + 2], FACTOR);
    d = Math.imul(d ^ words[at + 3], FACTOR);
    // The product alone would leave the highest bit of each word in the highest bit of the sum.
    a = (a << 13) | (a >>> 19);
    b = (b << 13) | (b >>> 19);
    c = (c << 13) | (c >>> 19);
    d = (d << 13) | (d >>> 19);
  }
  sum.set([a, b, c, d]);
}

const newSum = () => new Int32Array(4);
const same = (sum, other) => sum.every((lane, at) => lane === other[at]);
const upTo = (length, multiple) => Math.ceil(length / multiple) * multiple;

/**
 * Returns the key of a snapshot: everything that it depends on, as text.
 *
 * @param {string} version of everything that is not in the packages
 * @param {Uint8Array[]} packages the bytes that Python imports from: the name of a file does not
 *    tell which version of it was loaded
 */
export async function keyOf(version, packages) {
  const digests = await Promise.all(packages.map(digest));
  // Before a snapshot is taken, Python has read what WebAssembly can do and the time zone: of that
  // these two offsets (tzset). Intl would tell its name, but its first use takes 16 ms.
  const year = new Date().getFullYear();
  const zone = [0, 6].map((month) => new Date(year, month, 1).getTimezoneOffset());
  const suspends = "Suspending" in WebAssembly;
  return [version, ...digests, navigator.userAgent, suspends, ...zone].join(" ");
}

/** Frees a buffer at once: this thread is mostly idle, and garbage collection comes late then. */
const free = (buffer) => buffer.transfer?.(0);

/**
 * The head of a snapshot. Pyodide's restoreSnapshot() asks it for what is behind the head, in order
 * to copy that to the memory; it is put there then, and there is nothing left to be copied.
 */
class Head extends Uint8Array {
  static get [Symbol.species]() {
    return Uint8Array;
  }

  subarray(begin, end) {
    if (begin === this.length && end === undefined) this.fillMemory();
    return super.subarray(begin, end);
  }
}

/** The snapshot that is kept, with the file open. */
class Kept {
  #handle;
  #description;
  #head;
  #runs; // where they begin in the file
  #memory = null;
  #whole = false;

  constructor(handle) {
    const fixed = new Uint32Array(FIXED / 4);
    this.#handle = handle;
    this.#read(fixed, 0);
    const [format, version, length, headLength, ...sums] = fixed;
    if (format !== FORMAT[0] || version !== FORMAT[1]) throw new Error(DAMAGED);
    const end = FIXED + length + headLength;
    if (end > handle.getSize()) throw new Error(DAMAGED);
    const bytes = new Uint8Array(end - FIXED);
    this.#read(bytes, FIXED);
    const sum = newSum();
    add(sum, new Uint32Array(bytes.buffer));
    if (!same(sum, new Int32Array(Uint32Array.from(sums).buffer))) throw new Error(DAMAGED);
    this.#description = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
    this.#head = new Head(headLength);
    this.#head.set(bytes.subarray(length));
    this.#head.fillMemory = () => this.#fill();
    this.#runs = upTo(end, BLOCK);
  }

  get key() {
    return this.#description.key;
  }

  /**
   * Returns the options with which loadPyodide starts from it. `modules` is as for `take`; before
   * Pyodide does anything with an instance, `prepare` needs it.
   */
  options(modules) {
    return {
      _loadSnapshot: this.#head,
      _snapshotDeserializer: ({ module, global }) =>
        module ? modules[module] : globalThis[global],
    };
  }

  /** Grows a new WebAssembly instance's memory to the snapshot's: Pyodide does not do it. */
  prepare({ exports: { memory } }) {
    this.#memory = memory;
    const more = this.#description.pages - memory.buffer.byteLength / PAGE;
    if (more > 0) memory.grow(more);
  }

  /** Forgets what Pyodide keeps of the options; throws if it has not restored the memory. */
  release({ _api: { config } }) {
    delete config._loadSnapshot;
    delete config._snapshotDeserializer;
    if (!this.#whole) throw new Error("Pyodide has not asked for the memory");
  }

  close() {
    this.#handle?.close();
    this.#handle = null;
  }

  /** Reads the runs to where they belong; throws when they are not those that were written. */
  #fill() {
    // No address in a gap has another value than 0 that anything reads: what a new instance has
    // written before this lies within the runs (tests/pyodide/test_snapshot_memory.py).
    const { buffer } = this.#memory;
    const sum = newSum();
    let at = this.#runs;
    for (const [start, length] of this.#description.runs) {
      const words = new Uint32Array(buffer, start, length / 4);
      this.#read(words, at);
      add(sum, words);
      at += length;
    }
    if (!same(sum, this.#description.sum)) throw new Error(DAMAGED);
    this.#whole = true;
    this.close();
  }

  #read(view, at) {
    if (this.#handle.read(view, { at }) !== view.byteLength) throw new Error(DAMAGED);
  }
}

async function opened() {
  const root = await navigator.storage.getDirectory();
  let file;
  try {
    file = await root.getFileHandle(NAME);
  } catch (error) {
    if (error.name === "NotFoundError") return null;
    throw error;
  }
  return patiently(() => file.createSyncAccessHandle({ mode: "read-only" }));
}

/**
 * Returns the snapshot that is kept, whatever its key, or null when there is none; throws when it
 * is damaged or cannot be opened. The caller closes it.
 *
 * @returns {Promise<Kept | null>}
 */
export async function find() {
  const handle = await within(opened(), (late) => late?.close());
  if (!handle) return null;
  try {
    return new Kept(handle);
  } catch (error) {
    handle.close();
    throw error;
  }
}

/**
 * Returns the memory of a Pyodide that was started without a snapshot and has made no callback yet.
 *
 * @param {object} pyodide
 * @param {Record<string, object>} modules the JavaScript modules that Python has imported
 */
export function take(pyodide, modules) {
  const names = new Map(Object.entries(modules).map(([name, module]) => [module, name]));
  const known = globals();
  const { config } = pyodide._api;
  // Set only now: set at the start, it would give Python all of JavaScript's globals behind
  // proxies.
  config._makeSnapshot = true;
  try {
    return pyodide.makeMemorySnapshot({
      serializer(value) {
        if (names.has(value)) return { module: names.get(value) };
        if (known.has(value)) return { global: known.get(value) };
        throw new Error(`Python's memory refers to ${Object.prototype.toString.call(value)}`);
      },
    });
  } finally {
    config._makeSnapshot = false;
  }
}

/** Returns the places and lengths, in bytes, of all of a memory but long stretches of zeros. */
function runsOf(memory) {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  const runs = [];
  for (let start = 0; start < memory.length; start += BLOCK) {
    const end = (start + BLOCK) / 4;
    let at = start / 4;
    while (at < end && words[at] === 0) at++;
    if (at === end) continue;
    const last = runs.at(-1);
    if (last && start - (last[0] + last[1]) < GAP) last[1] = start + BLOCK - last[0];
    else runs.push([start, BLOCK]);
  }
  return runs;
}

function write(handle, view, at) {
  // A write may be short without an error where there is no room.
  if (handle.write(view, { at }) !== view.byteLength) throw new Error("there is no room");
}

async function writeAll(handle, bytes, key) {
  handle.truncate(0); // from here on there is no snapshot
  // Where the memory begins, behind Pyodide's head.
  const [, begin] = new Uint32Array(bytes.buffer, 0, 2);
  const memory = bytes.subarray(begin);
  const runs = runsOf(memory);
  const sum = newSum();
  for (const [start, length] of runs) {
    add(sum, new Uint32Array(memory.buffer, memory.byteOffset + start, length / 4));
  }
  const about = JSON.stringify({ key, pages: memory.length / PAGE, runs, sum: [...sum] });
  const text = new TextEncoder().encode(about);
  const first = new Uint8Array(FIXED + upTo(text.length, 16) + begin);
  first.fill(0x20, FIXED); // JSON may end in spaces
  first.set(text, FIXED);
  first.set(bytes.subarray(0, begin), first.length - begin);
  const firstSum = newSum();
  add(firstSum, new Uint32Array(first.buffer, FIXED));
  const lengths = [first.length - FIXED - begin, begin];
  new Uint32Array(first.buffer).set([...FORMAT, ...lengths, ...firstSum]);

  let at = upTo(first.length, BLOCK);
  for (const [start, length] of runs) {
    for (let from = start; from < start + length; from += AT_ONCE) {
      const to = Math.min(from + AT_ONCE, start + length);
      write(handle, memory.subarray(from, to), at);
      at += to - from;
      await sleep(0); // requests of the page come first
    }
  }
  handle.flush();
  write(handle, first, 0);
  handle.flush();
}

/** Keeps a snapshot in place of any earlier one, unless databases may need the room (ROOM). */
export async function keep(bytes, key) {
  await within(Promise.resolve(globalThis.caches?.delete(OLD_CACHE))).catch(() => null);
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < ROOM * bytes.length) {
    await discard();
    return;
  }
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(NAME, { create: true });
  const handle = await patiently(() => file.createSyncAccessHandle());
  try {
    await writeAll(handle, bytes, key);
  } catch (error) {
    handle.close();
    await discard();
    throw error;
  }
  handle.close();
  free(bytes.buffer);
}

/** Deletes the snapshot; if that fails, the next start finds it unusable again. */
export async function discard() {
  const root = navigator.storage.getDirectory();
  const deleted = patiently(async () => (await root).removeEntry(NAME));
  await within(deleted).catch(() => null);
}
