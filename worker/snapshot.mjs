// JavaScript because it is about Pyodide's memory before there is any Python in it.
//
// A snapshot is that memory once Python has started and everything of ours is imported: it need not
// be done again. It is taken before SQLite needs its first random number: they (the nonces of
// journals among them) would otherwise repeat from one start to the next; and before there is any
// callback, which is no memory. What the memory refers to in JavaScript is written down by name. It
// is kept with its digest, under a key that is another one for every change to Pyodide, to our code
// and to the browser; whatever is wrong with it, Python starts the long way.
//
// Source: Pyodide's own src/js/snapshot.ts; all of this is undocumented, and tested with one version.

const CACHE = "sahpool-snapshot"; // boot.mjs, which asks for what is kept, has both of these, too
const KEY = "X-Sahpool-Key";
const DIGEST = "X-Sahpool-Digest";
const PAGES = "X-Sahpool-Pages";
const LENGTH = "X-Sahpool-Length";
const ADDRESS = new URL("snapshot", import.meta.url).href; // nothing is ever asked for there

const ROOM = 20; // times what a snapshot takes must be free
const PAGE = 65536; // bytes of WebAssembly's memory
const CHUNK = 4096; // bytes that are left out where all of them are zero: half of a memory is
// Milliseconds after which a cache that does not answer is none.
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
      // Accessors make new objects, or refuse: Python refers to none of those before it starts.
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
 * What a snapshot depends on, as text.
 *
 * @param {string} version of everything that is not in the packages
 * @param {Uint8Array[]} packages the very bytes that Python imports from: the name of a file does not
 *    tell which version of it has come
 */
export async function keyOf(version, packages) {
  const digests = await Promise.all(packages.map(digest));
  // By the time it is taken, Python has asked what the time zone is, and what WebAssembly can do.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const suspends = "Suspending" in WebAssembly;
  return [version, ...digests, navigator.userAgent, suspends, timeZone].join(" ");
}

/** The same bytes without what is zero: their length, how many chunks follow, their places, they. */
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

/** Gives memory back at once, not when this thread, which is idle most of the time, collects garbage. */
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
 * What is kept, or null when there is nothing. It is read at once, whatever its key.
 *
 * @param {Promise<Response | undefined>} matching
 * @returns {Promise<{key: string, sum: string, pages: number, length: number, packed: Promise<ArrayBuffer>}
 *    | null>} `length` is that of the snapshot, in bytes; `pages` is the size of the memory
 */
export async function find(matching) {
  const kept = await within(FIND_PATIENCE, matching);
  if (!kept) return null;
  const packed = within(READ_PATIENCE, kept.arrayBuffer());
  packed.catch(() => null); // whoever asks for it meets the error, if later
  const [pages, length] = [PAGES, LENGTH].map((name) => Number(kept.headers.get(name)));
  return { key: kept.headers.get(KEY), sum: kept.headers.get(DIGEST), pages, length, packed };
}

/** Fills `bytes` from what `find` found; an error when that is not whole. */
export async function fill(bytes, { packed, sum }) {
  const buffer = await packed;
  const digesting = digest(buffer); // in another thread
  unpack(buffer, bytes);
  if ((await digesting) !== sum) throw new Error(DAMAGED);
  free(buffer);
}

/**
 * The memory of a Pyodide that was started as ever, and has called no callback yet.
 *
 * @param {object} pyodide
 * @param {Record<string, object>} modules the JavaScript modules that Python has imported
 */
export function take(pyodide, modules) {
  const names = new Map(Object.entries(modules).map(([name, module]) => [module, name]));
  const known = globals();
  const { config } = pyodide._api;
  // Asked for from the start, Python would get all of JavaScript's globals behind proxies.
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
 * What loadPyodide needs to start from a snapshot's bytes, of which it wants the length first, and the
 * content once it has an instance; `modules` as above.
 */
export const restoring = (bytes, modules) => ({
  _loadSnapshot: bytes,
  _snapshotDeserializer: ({ module, global }) => (module ? modules[module] : globalThis[global]),
});

/** Lets go of the bytes, which a Pyodide keeps with the options that it was started with. */
export async function release(pyodide) {
  free((await pyodide._api.config._loadSnapshot).buffer);
  delete pyodide._api.config._loadSnapshot;
  delete pyodide._api.config._snapshotDeserializer;
}

/** Keeps a snapshot in place of any other, unless databases may need the room. */
export async function keep(bytes, key) {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < ROOM * bytes.length) return;
  const [, begin] = new Uint32Array(bytes.buffer, 0, 2); // of the memory, behind what describes it
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

/** Throws the snapshot away; where that fails, the next start finds it of no use again. */
export async function discard() {
  const deleted = caches.open(CACHE).then((cache) => cache.delete(ADDRESS));
  await within(FIND_PATIENCE, deleted).catch(() => null);
}

/** Makes a new WebAssembly instance's memory as large as that of a snapshot: nothing else does. */
export function enlarge({ exports: { memory } }, pages) {
  const more = pages - memory.buffer.byteLength / PAGE;
  if (more > 0) memory.grow(more);
}
