// JavaScript, because it starts Pyodide: it runs before there is any Python to run.

const SITE = new URL("../", import.meta.url);
const PYODIDE = new URL("pyodide/", SITE);
const PYODIDE_PARTS = [
  "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip",
];
const PACKAGES = "/lib/sahpool-packages";

let phase = "pyodide";

function begin(next) {
  phase = next;
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

async function startPyodide() {
  const { instantiateStreaming } = WebAssembly;
  // When its WebAssembly cannot be had, Pyodide logs that and then waits for ever.
  const noWasm = new Promise((_, reject) => {
    WebAssembly.instantiateStreaming = (...parameters) => {
      const instance = instantiateStreaming.apply(WebAssembly, parameters);
      instance.catch(reject);
      return instance;
    };
  });
  try {
    const { loadPyodide } = await import(new URL("pyodide.mjs", PYODIDE).href);
    return await Promise.race([loadPyodide({ indexURL: PYODIDE.href }), noWasm]);
  } catch (error) {
    // Pyodide does not say which of its files was missing: ask for each of them.
    await Promise.all(PYODIDE_PARTS.map((name) => fetchPart(new URL(name, PYODIDE))));
    throw error;
  } finally {
    WebAssembly.instantiateStreaming = instantiateStreaming;
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

// What main.py cannot do without a round trip of its own through the engine's boundary.
const waiting = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => waiting.shift()();
const host = {
  // One turn of the event loop: messages that have come in by now are answered first.
  tick: () => new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  }),
  post(head, ...parts) {
    const wire = parts.map((part) => (part instanceof Uint8Array ? part.buffer : part));
    postMessage([head, ...wire], wire.filter((part) => part instanceof ArrayBuffer));
  },
};

async function fetchPackages() {
  const parts = new URL("parts.json", import.meta.url);
  const { wheel } = await (await fetchPart(parts)).json();
  const urls = [new URL(wheel, parts), new URL("service.zip", import.meta.url)];
  return Promise.all(urls.map(async (url) => (await fetchPart(url)).arrayBuffer()));
}

// Both at once: by itself io.mjs would ask for what it imports later, and fail in its own name.
async function importPageIO() {
  const [contents, io] = ["contents.mjs", "io.mjs"].map((name) =>
    importPart(new URL(name, import.meta.url)),
  );
  await Promise.allSettled([contents, io]);
  await contents;
  return io;
}

async function boot() {
  begin("pyodide");
  const [why, pyodide, io, packages] = await Promise.all([
    whyMemory(),
    startPyodide(),
    importPageIO(),
    fetchPackages(),
  ]);
  begin("library");
  pyodide.registerJsModule("sahpool_io", io);
  pyodide.registerJsModule("sahpool_host", host);
  for (const bytes of packages) {
    pyodide.unpackArchive(bytes, "zip", { extractDir: PACKAGES });
  }
  pyodide.pyimport("sys").path.insert(0, PACKAGES);
  const main = pyodide.pyimport("main");
  // From the page's switch, see start.mjs; without one, logging is left alone.
  const [, verbosity] = /^#verbosity=(\d)$/.exec(location.hash) ?? [];
  return (await main.start(begin, verbosity && Number(verbosity), why)) ?? null;
}

const started = boot().catch((error) => {
  fail(error);
  return null;
});

onmessage = async ({ data }) => {
  // A message without a head is answered as any other garbage.
  const [head, ...parts] = Array.isArray(data) && typeof data[0] === "string" ? data : [""];
  (await started)?.(head, parts);
};
