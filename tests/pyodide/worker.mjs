// JavaScript, because a worker's first file has to be.

import { start } from "./engine.mjs";

const site = new URL("../", import.meta.url).href;
const fetched = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
  return response.arrayBuffer();
};
const started = start({
  site,
  harness: async (name) => new Uint8Array(await fetched(`${site}tests/harness/${name}`)),
  read: (path) => fetched(site + path),
  load: (path) => import(site + path),
});

// {id, code} in and {id, ok, result | error} out is how pytest-pyodide talks to its worker.
onmessage = async ({ data: { id, code } }) => {
  try {
    const { source, values } = JSON.parse(code);
    postMessage({ id, ok: true, result: await (await started)(source, values) });
  } catch (error) {
    postMessage({ id, ok: false, error: String(error), message: String(error), stack: error.stack });
  }
};
