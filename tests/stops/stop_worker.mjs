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

// The page's buffer first, then one cell at a time; each says when it has begun and what came of it.
onmessage = async ({ data: { buffer, source } }) => {
  try {
    if (buffer) globalThis.stopBuffer = buffer;
    postMessage({ answer: await (await started)(source, "{}") });
  } catch (error) {
    postMessage({ answer: JSON.stringify({ traceback: String(error.stack ?? error) }) });
  }
};

// Pyodide's Emscripten module as callbacks.mjs sees it when it is to hold no signal: the byte by which
// Python is told to look for some is another one.
globalThis.withoutHold = (module) => {
  const nowhere = module._malloc(1);
  const get = (target, name) =>
    name === "_Py_EMSCRIPTEN_SIGNAL_HANDLING" ? nowhere : Reflect.get(target, name);
  return new Proxy(module, { get });
};
