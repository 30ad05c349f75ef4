// JavaScript because it is about Pyodide's memory before there is any Python in it.
//
// A snapshot is Pyodide's memory once Python has started and the site's own modules are imported,
// so that the next start need not do that again. It is taken before SQLite draws its first random
// number: random numbers, the nonces of journals among them, would otherwise repeat from one start
// to the next. It is also taken before there is any callback, for a callback is JavaScript and not
// in the memory. JavaScript objects that the memory refers to are recorded by name. The snapshot is
// kept with its digest, under a key that changes with Pyodide, with the site's code and with the
// browser; if anything is wrong with it, Python starts without it.
//
// Source: Pyodide's own src/js/snapshot.ts; its interface is undocumented, and tested with one
// version.

const CACHE = "sahpool-snapshot"; // boot.mjs, which looks in the cache, has it and ADDRESS, too
const KEY = "X-Sahpool-Key";
const DIGEST = "X-Sahpool-Digest";
const PAGES = "X-Sahpool-Pages";
const LENGTH = "X-Sahpool-Length";
const ADDRESS = new URL("snapshot", import.meta.url).href; // a key; no server is asked for it

const ROOM = 20; // a snapshot is kept only where this many times its size is free
const PAGE = 65536; // bytes of one page of WebAssembly's memory
const CHUNK = 4096; // bytes; a chunk of zeros is left out, and half of a memory is zeros
// Milliseconds after which a cache that does not answer counts as none.
const FIND_PATIENCE = 3000, READ_PATIENCE = 10_000;

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

const within = (ms, promise) =>
  Promise.race([
    promise,
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`no answer of the cache within ${ms} ms`)), ms);
    }),
  ]);

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

/**
 * Returns the bytes without chunks of zeros: the length, the number of chunks that follow, their
 * places, the chunks.
 */
function packed(bytes) {
  const places = [];
  for (let place = 0; place * CHUNK < bytes.length; place++) {
    const chunk = bytes.subarray(place * CHUNK, (place + 1) * CHUNK);
    if (chunk.some((byte) => byte !== 0)) places.push(place);
  }
  const head = new Uint32Array([bytes.length, places.length, ...places]);
  const chunks = places.map((place) => bytes.subarray(place * CHUNK, (place + 1) * CHUNK));
  return new Blob([head, ...chunks]).arrayBuffer();
}

/** Frees a buffer at once: this thread is mostly idle, and garbage collection comes late then. */
const free = (buffer) => buffer.transfer?.(0);

function unpack(buffer, bytes) {
  const [length, count] = new Uint32Array(buffer, 0, 2);
  if (length !== bytes.length) throw new Error(DAMAGED);
  let from = 8 + 4 * count;
  for (const place of new Uint32Array(buffer, 8, count)) {
    const to = place * CHUNK;
    const chunk = new Uint8Array(buffer, from, Math.min(CHUNK, length - to));
    bytes.set(chunk, to);
    from += chunk.length;
  }
}

/**
 * Returns the snapshot that is kept, or null when there is none. Its bytes are read at once,
 * whatever its key.
 *
 * @param {Promise<Response | undefined>} matching
 * @returns {Promise<{key: string, sum: string, pages: number, length: number, packed: Promise<ArrayBuffer>}
 *    | null>} `length` is that of the snapshot, in bytes; `pages` is the size of the memory
 */
export async function find(matching) {
  const kept = await within(FIND_PATIENCE, matching);
  if (!kept) return null;
  const packed = within(READ_PATIENCE, kept.arrayBuffer());
  packed.catch(() => null); // whoever awaits it later gets the error
  const [pages, length] = [PAGES, LENGTH].map((name) => Number(kept.headers.get(name)));
  return { key: kept.headers.get(KEY), sum: kept.headers.get(DIGEST), pages, length, packed };
}

/** Fills `bytes` from the snapshot that `find` returned; throws when its digest is wrong. */
export async function fill(bytes, { packed, sum }) {
  const buffer = await packed;
  const digesting = digest(buffer); // in another thread
  unpack(buffer, bytes);
  if ((await digesting) !== sum) throw new Error(DAMAGED);
  free(buffer);
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

/**
 * Returns the options with which loadPyodide starts from a snapshot's bytes. It needs their length
 * at once, and their content once it has an instance. `modules` is as for `take`.
 */
export const restoring = (bytes, modules) => ({
  _loadSnapshot: bytes,
  _snapshotDeserializer: ({ module, global }) => (module ? modules[module] : globalThis[global]),
});

/** Frees the bytes of the snapshot, which Pyodide keeps among the options that started it. */
export async function release(pyodide) {
  free((await pyodide._api.config._loadSnapshot).buffer);
  delete pyodide._api.config._loadSnapshot;
  delete pyodide._api.config._snapshotDeserializer;
}

/** Keeps a snapshot in place of any earlier one, unless databases may need the room (ROOM). */
export async function keep(bytes, key) {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < ROOM * bytes.length) return;
  // Where the memory begins, behind its description.
  const [, begin] = new Uint32Array(bytes.buffer, 0, 2);
  const pages = (bytes.length - begin) / PAGE;
  const buffer = await packed(bytes);
  const headers = {
    [KEY]: key,
    [DIGEST]: await digest(buffer),
    [PAGES]: String(pages),
    [LENGTH]: String(bytes.length),
  };
  const cache = await caches.open(CACHE);
  await cache.put(ADDRESS, new Response(buffer, { headers }));
}

/** Deletes the snapshot; if that fails, the next start finds it unusable again. */
export async function discard() {
  const deleted = caches.open(CACHE).then((cache) => cache.delete(ADDRESS));
  await within(FIND_PATIENCE, deleted).catch(() => null);
}

/** Grows a new WebAssembly instance's memory to a snapshot's: Pyodide does not do it. */
export function enlarge({ exports: { memory } }, pages) {
  const more = pages - memory.buffer.byteLength / PAGE;
  if (more > 0) memory.grow(more);
}
