// JavaScript, because a worker's first file has to be: it runs cells that a page stops.

import { start } from "./engine.mjs";

const site = new URL("../", import.meta.url).href;
const fetched = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};
const started = (async () =>
  start({
    site,
    harness: (name) => fetched(`${site}tests/harness/${name}`),
    read: (path) => fetched(site + path),
    load: (path) => import(site + path),
  }))();

// Gets the page's interrupt buffer first, then one cell at a time; a cell posts when it has begun, and
// its result.
onmessage = async ({ data: { buffer, source } }) => {
  try {
    if (buffer) globalThis.stopBuffer = buffer;
    postMessage({ answer: await (await started)(source, "{}") });
  } catch (error) {
    postMessage({ answer: JSON.stringify({ traceback: String(error.stack ?? error) }) });
  }
};

// Returns Pyodide's Emscripten module for callbacks.mjs of a control run: the address of the byte that
// makes Python handle signals is a wrong one, so that callbacks hold no signal.
globalThis.withoutHold = (module) => {
  const nowhere = module._malloc(1);
  const get = (target, name) =>
    name === "_Py_EMSCRIPTEN_SIGNAL_HANDLING" ? nowhere : Reflect.get(target, name);
  return new Proxy(module, { get });
};
