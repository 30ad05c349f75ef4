// JavaScript, because a worker's first file has to be.

import { start } from "./engine.mjs";

const site = new URL("../", import.meta.url).href;
const fetched = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
  return response.arrayBuffer();
};
const text = async (name) => new TextDecoder().decode(await fetched(`${site}tests/${name}`));

// Pyodide as it is in memory once it is loaded, made by the first worker and kept by the test: a
// start takes a fraction of the time with it, and there are very many starts.
const SNAPSHOT = "/kill/snapshot";
const snapshot = async () => {
  const kept = await fetch(SNAPSHOT);
  if (kept.ok) return new Uint8Array(await kept.arrayBuffer());
  const { loadPyodide } = await import(`${site}pyodide/pyodide.mjs`);
  const pyodide = await loadPyodide({ indexURL: `${site}pyodide/`, _makeSnapshot: true });
  for (const name of ["asyncio", "ctypes", "hashlib", "json", "random", "sqlite3"]) {
    pyodide.pyimport(name).destroy();
  }
  const made = pyodide.makeMemorySnapshot();
  await fetch(SNAPSHOT, { method: "POST", body: made });
  return made;
};

const started = start({
  site,
  harness: async (name) => new Uint8Array(await fetched(`${site}tests/harness/${name}`)),
  read: (path) => fetched(site + path),
  load: (path) => import(site + path),
  options: { _loadSnapshot: await snapshot() },
});
const who = new URL(location.href).searchParams.get("who");
let outcome;
try {
  const [run, steps, inside] = await Promise.all([
    started,
    text("kill_steps.py"),
    text("kill_inside.py"),
  ]);
  outcome = await run(`${steps}\n${inside}\nawait main(who)`, JSON.stringify({ who }));
} catch (error) {
  outcome = String(error.stack ?? error);
}
await fetch("/kill/ask", {
  method: "POST",
  body: JSON.stringify({ event: "ended", who, outcome }),
});
