// JavaScript, because it starts Pyodide: it runs before there is any Python to run.

const SITE = new URL("../", import.meta.url);
const PYODIDE = new URL("pyodide/", SITE);
const WASM_NAME = "pyodide.asm.wasm"; // serve.py puts the name with the file's digest here
const WASM = new URL(WASM_NAME, PYODIDE);
const PARTS = new URL("parts.json", import.meta.url);
const STDLIB = new URL("python_stdlib.zip", PYODIDE).href;
const PYODIDE_PARTS = ["pyodide.mjs", "pyodide.asm.mjs"];
const { fetch } = globalThis; // loadPython() puts another one in its place for a while
const FIREFOX = navigator.userAgent.includes("Firefox/");
const NO_EDITOR = 500; // ms after which the page is taken for one that has no editor
const SETTLED = 1000; // ms after the engine has started until the snapshot is written

// Whether a service worker controls the page: before, the worker is a blob (public/first.js).
const CONTROLLED = location.protocol !== "blob:";

let phase = "pyodide";
const phases = []; // pairs: the name of a phase, and when it began, in ms since 1970
const USED = "used";
let snapshot = "none of this version was kept"; // or USED, or what was wrong with it
let archive; // what Python imports from (archive.mjs)
let discard = async () => {}; // deletes the snapshot that Python was restored from, if it was

function begin(next) {
  phase = next;
  phases.push([next, String(performance.timeOrigin + performance.now())]);
  postMessage([JSON.stringify({ id: 0, event: "boot", phase })]);
}

class BootError extends Error {
  constructor(type, message, hint, cause) {
    super(message, { cause });
    Object.assign(this, { type, hint });
  }
}

function fail(error) {
  const known = error instanceof BootError;
  const report = {
    type: known ? error.type : "BootError",
    name: null,
    message: known ? error.message : "The database engine could not be started.",
    offset: null,
    cause: String((known ? error.cause : error) ?? "") || null,
    hint: known ? error.hint : "Reload the page. If it stays, the text below says what happened.",
  };
  postMessage([JSON.stringify({ id: 0, event: "failed", phase, error: report })]);
}

function missing(url, cause) {
  return new BootError(
    "PartMissing",
    `A part of this site could not be loaded: ${url.href.slice(SITE.href.length)}`,
    "Check the connection and reload the page. If it stays, the site was not copied whole.",
    cause,
  );
}

async function fetchPart(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw missing(url, error);
  }
  if (!response.ok) throw missing(url, `HTTP status ${response.status}`);
  return response;
}

async function importPart(url) {
  try {
    return await import(url.href);
  } catch (error) {
    await fetchPart(url);
    throw error;
  }
}

// Compiles Pyodide's WebAssembly. Its name has its digest, so any kept copy is the right one.
//
// Chromium keeps compiled code, and uses it, for a response of its HTTP cache only. So once a
// service worker keeps the site, it still does not answer for this file: it comes from the HTTP
// cache without a request to the server, or else from the service worker's own cache.
async function compile() {
  const kept = [
    () => fetch(WASM, { cache: "only-if-cached", mode: "same-origin" }),
    () => caches.match(WASM),
  ];
  for (const find of CONTROLLED ? kept : []) {
    try {
      const response = await find();
      if (response?.ok) return await WebAssembly.compileStreaming(response);
    } catch {
      // It is not there, or no longer whole.
    }
  }
  return WebAssembly.compileStreaming(await fetchPart(WASM));
}

// Starts Pyodide. `wasm` is the promise of its compiled WebAssembly; `prepare` is called with the
// instance before anything else is done with it; `library` is the promise of what it imports.
async function loadPython(wasm, options, prepare, library) {
  const { instantiateStreaming } = WebAssembly;
  globalThis.fetch = (address, ...rest) => {
    if (String(address) === WASM.href) return wasm;
    // Instead of Pyodide's own standard library, which it writes to the archive's path.
    if (String(address) === STDLIB) return Promise.resolve(new Response(""));
    return fetch(address, ...rest);
  };
  // Where its WebAssembly cannot be loaded, Pyodide logs that and then waits for ever: so this
  // promise rejects.
  const noWasm = new Promise((_, reject) => {
    WebAssembly.instantiateStreaming = async (source, imports) => {
      try {
        const module = await source;
        const instance = await WebAssembly.instantiate(module, imports);
        await prepare(instance);
        return { instance, module };
      } catch (error) {
        reject(error);
        throw error;
      }
    };
  });
  try {
    const { loadPyodide } = await import(new URL("pyodide.mjs", PYODIDE).href);
    const pyodide = loadPyodide({ indexURL: PYODIDE.href, ...options });
    pyodide.catch(() => null); // without its library it fails, too, and says less
    await Promise.race([library, noWasm]);
    return await Promise.race([pyodide, noWasm]);
  } finally {
    Object.assign(globalThis, { fetch });
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}

async function startPyodide(wasm, options, prepare = () => {}, library = null) {
  try {
    return await loadPython(wasm, options, prepare, library);
  } catch (error) {
    if (error instanceof BootError) throw error;
    // Pyodide does not say which of its files is missing: fetching each of them finds it.
    await Promise.all(PYODIDE_PARTS.map((name) => fetchPart(new URL(name, PYODIDE))));
    throw error;
  }
}

// Returns why the browser keeps nothing for this page (why_memory in session/host.py), or undefined
// where it does. Only a storage that is missing or forbidden counts: one that is there and fails
// must never be taken for an empty one.
async function whyMemory() {
  if (!globalThis.isSecureContext) return "insecure";
  const handles = globalThis.FileSystemFileHandle?.prototype;
  if (!navigator.storage?.getDirectory || !handles?.createSyncAccessHandle) return "missing";
  try {
    await navigator.storage.getDirectory();
  } catch ({ name }) {
    if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  }
  // Any other error comes again when the pool is opened, and is reported then.
  return undefined;
}

// The parameters that the page gives this worker (public/first.js): `verbosity`; `lent`, "yes"
// when an earlier worker has lent the storage to another program; and `address`, by which other
// tabs reach this worker. The address is the name of a BroadcastChannel and of a Web Lock that this
// worker holds for as long as it lives; a tab has one of each, too (worker/sahpool_console/main.py, Desk).
// They are behind "#" of this worker's address, or of this module's, where the worker is a blob.
const told = (location.hash || new URL(import.meta.url).hash).slice(1);
const { verbosity, lent, address } = Object.fromEntries(new URLSearchParams(told));
const HURRY = "hurry"; // the page's message that it has its editor
let startHurrying;
const hurried = new Promise((resolve) => (startHurrying = resolve));
const PAGE = "page"; // the key of the page that started this worker, among the keys of tabs
const TAB = "sahpool tab "; // prefix of the keys of other tabs
const mail = new Map(); // the BroadcastChannels of other tabs, by their keys
const letterbox = address && new BroadcastChannel(address);
const held = address && new Promise((resolve) => {
  navigator.locks.request(address, () => {
    postMessage([JSON.stringify({ id: 0, event: "held" })]);
    resolve();
    return new Promise(() => {});
  });
});

function send(tab, message, wire) {
  if (tab === PAGE) {
    postMessage(message, wire);
    return;
  }
  let channel = mail.get(tab);
  if (!channel) mail.set(tab, (channel = new BroadcastChannel(tab)));
  channel.postMessage([address, ...message]);
}

// The JavaScript module sahpool_host for main.py: each function does in one call what would take
// Python several calls across the boundary between WebAssembly and JavaScript.
const waiting = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => waiting.shift()();
const turn = () => new Promise((resolve) => {
  waiting.push(resolve);
  channel.port2.postMessage(null);
});
const host = {
  timeline: () => JSON.stringify({ phases, snapshot }),
  // Deletes the snapshot that this Python comes from: the start with it failed.
  forget: () => discard(),
  // Whether the bytes at a place of the archive are here, or could be loaded now.
  available: (place) => archive.available(place),
  // Lets the event loop run, so that messages that have arrived by now are handled first.
  async tick() {
    await turn();
    // A message of another tab is received in one turn, and its handler runs in the next.
    await turn();
  },
  // setInterruptBuffer() expects shared memory, in whose first byte another thread writes the
  // number of a signal. Shared memory needs headers that this site does without. So it gets an
  // object whose element 0 is a getter, which returns the number every `interval` ms.
  alarms(number, interval) {
    let next = 0;
    return {
      get 0() {
        const now = performance.now();
        if (now < next) return 0;
        next = now + interval;
        return number;
      },
      set 0(_taken) {}, // Pyodide sets the byte to 0 each time it has read a signal
    };
  },
  post(tab, head, ...parts) {
    const wire = parts.map((part) => (part instanceof Uint8Array ? part.buffer : part));
    // With more than 2 GiB of heap `head` is a String object (heap.py).
    send(tab, [String(head), ...wire], wire.filter((part) => part instanceof ArrayBuffer));
  },
  // Resolves when a tab is gone, in whatever way: the browser releases its lock.
  ended: (tab) => navigator.locks.request(tab, () => null),
  // The bytes of a Python library that the site has; `name` is that of its package.
  async library(name) {
    const { libraries } = await (await fetchPart(PARTS)).json();
    const response = await fetchPart(new URL(libraries[name], PARTS));
    return new Uint8Array(await response.arrayBuffer());
  },
  forgetTab(tab) {
    mail.get(tab)?.close();
    mail.delete(tab);
  },
};

// Imports io.mjs and the modules that it imports, all at once. Left alone, io.mjs would load them
// later, and an error would name io.mjs instead of the one that is missing.
async function importPageIO() {
  // Each imports only those before it in this list, except for the first, which imports all.
  const names = [
    "io.mjs", "locks.mjs", "memory_handle.mjs", "callbacks.mjs", "contents.mjs", "first_table.mjs",
  ];
  const [io, ...parts] = names.map((name) => importPart(new URL(name, import.meta.url)));
  await Promise.allSettled([io, ...parts]);
  // The error of a missing one has to come before that of its importer.
  for (const part of parts) await part;
  return io;
}

// Copies Python's memory now, and writes it to its file SETTLED ms after the start, so that the
// first requests are answered before.
function takeSnapshot(snapshots, pyodide, modules, key) {
  let bytes;
  try {
    bytes = snapshots.take(pyodide, modules);
  } catch (error) {
    snapshot = `${snapshot}; none could be taken: ${error.message}`;
    return;
  }
  // Where the storage is full or fails, the next start just takes as long as this one.
  const put = () => snapshots.keep(bytes, key).catch(() => null);
  started.then((receive) => receive && setTimeout(put, SETTLED));
}

async function restore(wasm, snapshots, kept, modules, common) {
  try {
    const prepare = (instance) => kept.prepare(instance);
    const options = { ...common, ...kept.options(modules) };
    const pyodide = await startPyodide(wasm, options, prepare);
    kept.release(pyodide);
    snapshot = USED;
    ({ discard } = snapshots);
    return pyodide;
  } catch (error) {
    if (error instanceof BootError) throw error; // a start without it would lack the same part
    snapshot = `of no use: ${error.message}`;
    kept.close();
    await snapshots.discard();
    return null;
  }
}

// Returns a Pyodide with everything imported: restored from a snapshot, or else started anew.
async function startPython(wasm, importing, finding, parts, io) {
  const [list, pageIO, { Archive }, snapshots] = await Promise.all([
    parts, io, importPart(new URL("archive.mjs", import.meta.url)), importing,
  ]);
  archive = new Archive(list.python, PARTS);
  // The lock file is given, for Pyodide would fetch it; no package is loaded by it.
  const common = { lockFileContents: list.lock, fsInit: (FS) => archive.mount(FS) };
  const modules = { sahpool_io: pageIO, sahpool_host: host };
  let key, kept;
  try {
    key = await snapshots.keyOf(list.version, []);
    kept = await finding;
  } catch ({ message }) {
    snapshot = message; // there is no OPFS, or it fails, or the file is damaged
  }
  if (kept?.key === key) {
    const restored = await restore(wasm, snapshots, kept, modules, common);
    if (restored) return restored;
  }
  kept?.close();
  const pyodide = await startPyodide(wasm, common, () => {}, archive.load(fetchPart));
  begin("library");
  for (const [name, module] of Object.entries(modules)) pyodide.registerJsModule(name, module);
  pyodide.pyimport("sahpool_console.late_modules").install(archive.path);
  pyodide.pyimport("sahpool_console.main");
  if (key && navigator.storage?.getDirectory) takeSnapshot(snapshots, pyodide, modules, key);
  return pyodide;
}

async function boot() {
  begin("pyodide");
  // Loads these early, for Pyodide itself asks for them late. startPyodide() reports a missing one.
  for (const name of ["pyodide.mjs", "pyodide.asm.mjs"]) {
    import(new URL(name, PYODIDE).href).catch(() => null);
  }
  const importing = importPart(new URL("snapshot.mjs", import.meta.url));
  const finding = importing.then(({ find }) => find());
  // In Firefox compiling takes the processors from the page, so it waits until the page has its
  // editor; not without a snapshot, for then everything takes long, nor for a page without editor.
  const late = new Promise((resolve) => setTimeout(resolve, NO_EDITOR));
  const calm = FIREFOX ? finding.then((kept) => kept && Promise.race([hurried, late])) : null;
  const wasm = Promise.resolve(calm).catch(() => null).then(compile);
  for (const promise of [finding, wasm]) promise.catch(() => null); // awaited elsewhere
  const parts = fetchPart(PARTS).then((response) => response.json());
  const [why, pyodide] = await Promise.all([
    whyMemory(),
    startPython(wasm, importing, finding, parts, importPageIO()),
  ]);
  try {
    const main = pyodide.pyimport("sahpool_console.main");
    const restored = snapshot === USED;
    await held; // a tab that hears that this worker is ready then waits for that lock to end
    const level = verbosity && Number(verbosity);
    return (await main.start(begin, level, why, restored, lent === "yes")) ?? null;
  } catch (error) {
    await discard(); // so that the next try does not start from this snapshot
    throw error;
  }
}

const started = boot().catch((error) => {
  fail(error);
  return null;
});
started.then((receive) => receive && setTimeout(() => archive.keep(), SETTLED));

async function receive(tab, data) {
  // A message without a head gets an empty one, and so the reply to any malformed message.
  const [head, ...parts] = Array.isArray(data) && typeof data[0] === "string" ? data : [""];
  (await started)?.(tab, head, parts);
}

onmessage = ({ data }) => (data === HURRY ? startHurrying() : receive(PAGE, data));
if (letterbox) {
  letterbox.onmessage = ({ data }) => {
    const [tab, ...message] = Array.isArray(data) ? data : [];
    // A message that names no tab is ignored: there is nobody to send a reply to.
    if (String(tab).startsWith(TAB)) receive(tab, message);
  };
}
