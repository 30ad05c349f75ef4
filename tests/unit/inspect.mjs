// JavaScript because it calls the page's own module, for test_inspect.py.

import { readFileSync } from "node:fs";
import { hexLines, imageType, readJson, timesOf } from "../../app/parts/inspect.mjs";

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const asks = {
  image: (hex) => imageType(bytes(hex)),
  json: (text) => readJson(new TextEncoder().encode(text)),
  broken: (hex) => readJson(bytes(hex)),
  hex: (hex) => hexLines(bytes(hex)),
  times: ([kind, text]) =>
    timesOf(kind, kind === "int" ? BigInt(text) : Number(text), text).map(([guess, time]) => [
      guess,
      new Date(time).toISOString(),
    ]),
};
const found = JSON.parse(readFileSync(0, "utf8")).map(([kind, value]) => asks[kind](value));
process.stdout.write(JSON.stringify(found));
