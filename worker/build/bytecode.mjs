// JavaScript because it starts Pyodide in Node, and stands in for what boot.mjs gives Python there.
//
// For standard_library.py: reads a JSON object of the worker's own Python sources by their paths
// from standard input, starts the worker's service over databases in memory, has it answer what the
// page asks first, and writes to standard output as JSON: the path of Pyodide's own archive; which
// of its files Python has imported by then ("first"); the compiled modules, own and first, in Base64
// ("code").

import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

import { loadPyodide } from "pyodide";

import * as io from "../sahpool/sqlite/io.mjs";

const OWN = "/own";
const PAGE = "page";

/** What the page sends before anything else: it greets, opens a database, runs a script. */
const REQUESTS = [
  { op: "hello" },
  { op: "open", database: "recording" },
  {
    op: "run",
    sql: "CREATE TABLE t (a); INSERT INTO t VALUES (1), (NULL); SELECT a, 'x', 1.5, x'00' FROM t",
    script: 1,
    merge: true,
    rows: 50,
  },
];

// By itself Node would print the line of Pyodide at which it was thrown, all 500 kB of it.
process.on("uncaughtException", ({ message }) => {
  process.stderr.write(`${message}\n`, () => process.exit(1));
});

const own = JSON.parse(await text(process.stdin));
const tell = (line) => process.stderr.write(`${line}\n`); // standard output has the answer alone
const pyodide = await loadPyodide({ stdout: tell, stderr: tell });
const path = pyodide.pyimport("sys").path;
const archive = path.toJs().find((folder) => folder.endsWith(".zip"));

const replies = [];
let replied = () => null;
const host = {
  timeline: () => JSON.stringify({ phases: [], snapshot: "" }),
  alarms: () => ({ get 0() { return 0; } }),
  tick: () => new Promise((resolve) => setImmediate(resolve)),
  forget: async () => {},
  available: () => true,
  post(tab, head) {
    const reply = JSON.parse(String(head));
    if (!reply.id) return;
    replies.push(reply);
    replied();
  },
};
globalThis.navigator ??= {}; // Node 20 has none
pyodide.registerJsModule("sahpool_io", io);
pyodide.registerJsModule("sahpool_host", host);
for (const [name, source] of Object.entries(own)) {
  pyodide.FS.mkdirTree(`${OWN}/${name}`.replace(/\/[^/]*$/, ""));
  pyodide.FS.writeFile(`${OWN}/${name}`, source);
}
path.insert(0, OWN);
pyodide.pyimport("sahpool_console.late_modules").install(archive);
const main = pyodide.pyimport("sahpool_console.main");
REQUESTS[0].protocol = pyodide.pyimport("sahpool_console.protocol").PROTOCOL;
const receive = await main.start(() => null, undefined, "missing");
for (const [at, request] of REQUESTS.entries()) {
  const waiting = new Promise((resolve) => (replied = resolve));
  receive(PAGE, JSON.stringify({ id: at + 1, ...request }), pyodide.toPy([]));
  await waiting;
  const { ok, error } = replies.at(-1);
  if (!ok) throw new Error(`${request.op}: ${error.message}`);
}

const source = readFileSync(new URL("inside_pyodide.py", import.meta.url), "utf-8");
pyodide.FS.writeFile(`${OWN}/inside_pyodide.py`, source);
const { recorded } = pyodide.pyimport("inside_pyodide");
process.stdout.write(recorded(archive, OWN, pyodide.toPy(Object.keys(own))), () => process.exit());
