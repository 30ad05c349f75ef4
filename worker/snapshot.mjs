// JavaScript because it is about Pyodide's memory before there is any Python in it.
//
// A snapshot is that memory once Python has started and everything of ours is imported: it need not
// be done again. It is taken between the imports and the first call into SQLite, whose random
// numbers (the nonces of journals among them) would otherwise repeat from one start to the next,
// and before there is any callback, which is no memory. What the memory refers to in JavaScript is
// written down by name. It is kept with its digest, under a key that is another one for every
// change to Pyodide, to our code and to the browser; whatever is wrong with it, Python starts the
// long way.
//
// Source: Pyodide's own src/js/snapshot.ts; all of this is undocumented, and tested with one version.

const CACHE = "sahpool-snapshot";
const KEY = "X-Sahpool-Key";
const DIGEST = "X-Sahpool-Digest";
const ADDRESS = new URL("snapshot", import.meta.url).href; // nothing is ever asked for there

const ROOM = 20; // times what a snapshot takes must be free

const KINDS = ["object", "function"];

// Python has asked for the time zone, and what WebAssembly can do here, by the time it is taken.
const keyOf = (version) =>
  [version, navigator.userAgent, Intl.DateTimeFormat().resolvedOptions().timeZone].join(" ");

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

/**
 * The snapshot kept for this version of the code, or null when there is none.
 *
 * @param {string} version of everything that was in memory
 * @returns {Promise<{bytes: Promise<ArrayBuffer>} | null>} what is not whole is refused later, so
 *    that Pyodide can be fetched meanwhile
 */
export async function find(version) {
  const kept = await caches.match(ADDRESS, { cacheName: CACHE });
  if (kept?.headers.get(KEY) !== keyOf(version)) return null;
  const checked = async () => {
    const bytes = await kept.arrayBuffer();
    if ((await digest(bytes)) === kept.headers.get(DIGEST)) return bytes;
    throw new Error("The snapshot is damaged.");
  };
  const bytes = checked();
  bytes.catch(() => null); // whoever asked for them meets the error, if later
  return { bytes };
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

/** What loadPyodide needs to start from a snapshot's bytes; `modules` as above. */
export const restoring = (bytes, modules) => ({
  _loadSnapshot: bytes,
  _snapshotDeserializer: ({ module, global }) => (module ? modules[module] : globalThis[global]),
});

/** Keeps a snapshot in place of any other, unless databases may need the room. */
export async function keep(bytes, version) {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < ROOM * bytes.length) return;
  const headers = { [KEY]: keyOf(version), [DIGEST]: await digest(bytes) };
  const cache = await caches.open(CACHE);
  await cache.put(ADDRESS, new Response(bytes, { headers }));
}

/** Throws the snapshot away. */
export async function discard() {
  const cache = await caches.open(CACHE);
  await cache.delete(ADDRESS);
}
