// JavaScript, because Node runs nothing else: Pyodide over the storage in memory, a line of JSON each way.

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import "../crash/disk.mjs";
import { start } from "./engine.mjs";
import { install, opfs, release } from "./memory_opfs.mjs";

const site = process.argv[2];
// Standard output carries the answers and nothing else.
const tell = (text) => process.stderr.write(`${text}\n`);

const begin = async () =>
  start({
    site,
    harness: async (name) =>
      new Uint8Array(await readFile(new URL(`../harness/${name}`, import.meta.url))),
    read: async (path) => new Uint8Array(await readFile(site + path)),
    load: (path) => import(pathToFileURL(site + path).href),
    options: { stdout: tell, stderr: tell },
  });

install();
let run = await begin();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { source, values, restart, keep } = JSON.parse(line);
  let answer = "null";
  if (restart) {
    release();
    if (!keep) opfs.clear();
    run = await begin();
  } else {
    answer = await run(source, values);
  }
  process.stdout.write(`${answer}\n`);
}
