// JavaScript, because it starts Pyodide: it runs before there is any Python to run.

const SITE = new URL("../", import.meta.url);
const PYODIDE = new URL("pyodide/", SITE);
const WASM = new URL("pyodide.asm.wasm", PYODIDE).href;
const PARTS = new URL("parts.json", import.meta.url);
const PYODIDE_PARTS = [
  "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip",
];
const PACKAGES = "/lib/sahpool-packages/";
const SETTLED = 1000; // ms after the first answer until the snapshot is put away

// Before anything else, for what is asked for first is answered first (snapshot.mjs has both names).
const matching = globalThis.caches?.match(new URL("snapshot", import.meta.url).href, {
  cacheName: "sahpool-snapshot",
});
matching?.catch(() => null); // whoever waits for it meets the error

let phase = "pyodide";
const phases = []; // each with the time at which it began, in ms since 1970
const USED = "used";
let snapshot = "none of this version was kept"; // or USED, or what was wrong with it
let discard = async () => {}; // throws away the snapshot that this Python comes from, if it does

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

// `wasm` is Pyodide's WebAssembly, on its way; `prepare` is called with its instance before anything
// else is.
async function loadPython(wasm, options, prepare) {
  const { fetch } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  globalThis.fetch = (address, ...rest) => (String(address) === WASM ? wasm : fetch(address, ...rest));
  // When its WebAssembly cannot be had, Pyodide logs that and then waits for ever.
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
    const pyodide = await Promise.race([
      loadPyodide({ indexURL: PYODIDE.href, ...options }),
      noWasm,
    ]);
    if (!pyodide.FS.readdir("/lib").some((name) => name.endsWith(".zip"))) {
      throw new Error("Python has no standard library.");
    }
    return pyodide;
  } finally {
    Object.assign(globalThis, { fetch });
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}

async function startPyodide(wasm, options, prepare = () => {}) {
  try {
    return await loadPython(wasm, options, prepare);
  } catch (error) {
    // Pyodide does not say which of its files was missing: ask for each of them.
    await Promise.all(PYODIDE_PARTS.map((name) => fetchPart(new URL(name, PYODIDE))));
    throw error;
  }
}

// Why the browser keeps nothing for this page (why_memory in session/host.py), if it does not. Only
// what is not there counts, or is not allowed: a storage that is there and fails must never be
// taken for one that is empty.
async function whyMemory() {
  if (!globalThis.isSecureContext) return "insecure";
  const handles = globalThis.FileSystemFileHandle?.prototype;
  if (!navigator.storage?.getDirectory || !handles?.createSyncAccessHandle) return "missing";
  try {
    await navigator.storage.getDirectory();
  } catch ({ name }) {
    if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  }
  // What else went wrong will go wrong again, and be told, when the pool is opened.
  return undefined;
}

// What the page has said to this worker: `verbosity` (public/start.mjs); `lent`, when another program
// has the storage, for a worker that ended has lent it; and `address`, by which other tabs reach it. It
// is the name of a BroadcastChannel and of a Web Lock that this worker holds for as long as it lives; a
// tab has one of each, too (worker/main.py, Desk).
const { verbosity, lent, address } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const HURRY = "hurry"; // the page has its editor
let startHurrying;
const hurried = new Promise((resolve) => (startHurrying = resolve));
const PAGE = "page"; // the page that started this worker, among the tabs
const TAB = "sahpool tab "; // how the names of the others begin
const mail = new Map(); // the BroadcastChannels of other tabs
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

// What main.py cannot do without a round trip of its own through the engine's boundary.
const waiting = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => waiting.shift()();
const turn = () => new Promise((resolve) => {
  waiting.push(resolve);
  channel.port2.postMessage(null);
});
const host = {
  timeline: () => JSON.stringify({ phases, snapshot }),
  // This Python is not to be restored again: it did not start.
  forget: () => discard(),
  // A look at the event loop: messages that have come in by now are answered first.
  async tick() {
    await turn();
    await turn(); // what another tab sent comes out of its pipe in one turn, and is heard in the next
  },
  // Pyodide looks for the number of a signal in the first byte of a buffer that another thread may
  // write to. Nobody can share one with this worker; but whoever is asked can look at the clock.
  alarms(number, interval) {
    let next = 0;
    return {
      get 0() {
        const now = performance.now();
        if (now < next) return 0;
        next = now + interval;
        return number;
      },
      set 0(_taken) {}, // it sets the byte to 0 each time it has looked
    };
  },
  post(tab, head, ...parts) {
    const wire = parts.map((part) => (part instanceof Uint8Array ? part.buffer : part));
    // Beyond 2 GiB of heap it is a String object (heap.py).
    send(tab, [String(head), ...wire], wire.filter((part) => part instanceof ArrayBuffer));
  },
  // Until a tab has gone, however it went: its lock is free.
  ended: (tab) => navigator.locks.request(tab, () => null),
  forgetTab(tab) {
    mail.get(tab)?.close();
    mail.delete(tab);
  },
};

async function fetchPackages(parts) {
  const urls = [new URL((await parts).wheel, PARTS), new URL("service.zip", import.meta.url)];
  return Promise.all(
    urls.map(async (url) => {
      const bytes = await (await fetchPart(url)).arrayBuffer();
      return [PACKAGES + url.href.split("/").at(-1), new Uint8Array(bytes)];
    }),
  );
}

// All at once: by itself io.mjs would ask for what it imports later, and fail in its own name.
async function importPageIO() {
  // Each imports only those before it, but for the first, which imports all.
  const names = ["io.mjs", "locks.mjs", "callbacks.mjs", "contents.mjs", "first_table.mjs"];
  const [io, ...parts] = names.map((name) => importPart(new URL(name, import.meta.url)));
  await Promise.allSettled([io, ...parts]);
  for (const part of parts) await part; // one that is missing is told before what imports it
  return io;
}

// Python imports from the archives as they are: nothing is unpacked.
function install(pyodide, packages) {
  pyodide.FS.mkdirTree(PACKAGES);
  for (const [path, bytes] of packages) {
    pyodide.FS.writeFile(path, bytes, { canOwn: true });
  }
}

// Memory that is taken now is put away once the first questions are answered.
function takeSnapshot(snapshots, pyodide, modules, key) {
  let bytes;
  try {
    bytes = snapshots.take(pyodide, modules);
  } catch (error) {
    snapshot = `${snapshot}; none could be taken: ${error.message}`;
    return;
  }
  // A storage that is full, or refuses: the next start takes as long as this one.
  const put = () => snapshots.keep(bytes, key).catch(() => null);
  started.then((receive) => receive && setTimeout(put, SETTLED));
}

async function restore(wasm, snapshots, kept, modules, packages) {
  try {
    const bytes = new Uint8Array(kept.length);
    const options = snapshots.restoring(bytes, modules);
    // While they come in Pyodide gets itself ready.
    const filling = snapshots.fill(bytes, kept);
    filling.catch(() => null); // told below
    const pyodide = await startPyodide(wasm, options, async (instance) => {
      await filling;
      snapshots.enlarge(instance, kept.pages);
    });
    await snapshots.release(pyodide);
    install(pyodide, packages);
    snapshot = USED;
    ({ discard } = snapshots);
    return pyodide;
  } catch (error) {
    if (error instanceof BootError) throw error; // the long way lacks the same
    snapshot = `of no use: ${error.message}`;
    await snapshots.discard();
    return null;
  }
}

// A Pyodide with everything imported.
async function startPython(wasm, importing, finding, parts, io, fetching) {
  const [list, pageIO, packages, snapshots] = await Promise.all([parts, io, fetching, importing]);
  const modules = { sahpool_io: pageIO, sahpool_host: host };
  let key, kept;
  try {
    key = await snapshots.keyOf(list.version, packages.map(([, bytes]) => bytes));
    kept = await finding;
  } catch ({ message }) {
    snapshot = message; // no Cache Storage here, or a broken one
  }
  if (kept && kept.key === key) {
    const restored = await restore(wasm, snapshots, kept, modules, packages);
    if (restored) return restored;
  }
  const pyodide = await startPyodide(wasm);
  begin("library");
  for (const [name, module] of Object.entries(modules)) pyodide.registerJsModule(name, module);
  install(pyodide, packages);
  const path = pyodide.pyimport("sys").path;
  for (const [archive] of packages) path.insert(0, archive);
  pyodide.pyimport("main");
  if (key && globalThis.caches) takeSnapshot(snapshots, pyodide, modules, key);
  return pyodide;
}

async function boot() {
  begin("pyodide");
  // Pyodide asks for these late. Where one is missing, startPyodide() says so.
  for (const name of ["pyodide.mjs", "pyodide.asm.mjs"]) {
    import(new URL(name, PYODIDE).href).catch(() => null);
  }
  const importing = importPart(new URL("snapshot.mjs", import.meta.url));
  const finding = importing.then(({ find }) => find(matching));
  const response = fetch(WASM);
  // Not before the snapshot is read, if there is one, unless the page has its editor by then (in
  // Firefox it does): compiling takes the processors from the page. By itself Pyodide would begin
  // later still.
  const read = finding.then((kept) => kept?.packed).catch(() => null);
  const wasm = Promise.race([read, hurried]).then(() => WebAssembly.compileStreaming(response));
  for (const promise of [finding, response, wasm]) promise.catch(() => null); // awaited elsewhere
  const parts = fetchPart(PARTS).then((response) => response.json());
  const [why, pyodide] = await Promise.all([
    whyMemory(),
    startPython(wasm, importing, finding, parts, importPageIO(), fetchPackages(parts)),
  ]);
  try {
    const main = pyodide.pyimport("main");
    const restored = snapshot === USED;
    await held; // who is told that this worker is ready waits for that lock
    const level = verbosity && Number(verbosity);
    return (await main.start(begin, level, why, restored, lent === "yes")) ?? null;
  } catch (error) {
    await discard(); // so that another try is another start
    throw error;
  }
}

const started = boot().catch((error) => {
  fail(error);
  return null;
});

async function receive(tab, data) {
  // A message without a head is answered as any other garbage.
  const [head, ...parts] = Array.isArray(data) && typeof data[0] === "string" ? data : [""];
  (await started)?.(tab, head, parts);
}

onmessage = ({ data }) => (data === HURRY ? startHurrying() : receive(PAGE, data));
if (letterbox) {
  letterbox.onmessage = ({ data }) => {
    const [tab, ...message] = Array.isArray(data) ? data : [];
    // What is no tab's has nobody to be answered to.
    if (String(tab).startsWith(TAB)) receive(tab, message);
  };
}
