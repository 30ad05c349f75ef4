// JavaScript because MicroPython's compiler is on npm for every machine, as a wheel for Linux on x86-64 only.
//
// For serve.py: reads a JSON object of modules' sources by their paths from standard input, and
// writes one of the compiled modules (.mpy, in Base64) by their paths to standard output.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

import { compile } from "@pybricks/mpy-cross-v6";

// As a data: URL: the compiler loads its WebAssembly with fetch() where there is one, and Node's
// takes no path.
const wasm = readFileSync(createRequire(import.meta.url).resolve("@pybricks/mpy-cross-v6/build/mpy-cross-v6.wasm"));
const address = `data:application/wasm;base64,${wasm.toString("base64")}`;

process.setMaxListeners(0); // each run of the compiler adds some, and Node would warn

const compiled = {};
for (const [path, source] of Object.entries(JSON.parse(await text(process.stdin)))) {
  // The compiler's own file system has no folders; "-s" gives tracebacks the whole path.
  const flat = path.replaceAll("/", "-");
  const { mpy, err } = await compile(flat, source, ["-s", path], address);
  if (!mpy) {
    process.stderr.write(`${path}:\n${err.join("\n")}\n`);
    process.exit(1);
  }
  compiled[path.replace(/\.py$/, ".mpy")] = Buffer.from(mpy).toString("base64");
}
process.stdout.write(JSON.stringify(compiled));
