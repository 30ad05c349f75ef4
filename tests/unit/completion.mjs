// JavaScript because it calls the page's own module, for test_completion.py.

import { readFileSync } from "node:fs";
import { Names } from "../../app/parts/completion.mjs";

const { schema, keywords, functions, texts, rounds } = JSON.parse(readFileSync(0, "utf8"));
const names = new Names(schema, keywords, functions);
const offers = texts.map((text) => {
  const at = text.indexOf("|");
  return names.offer(text.slice(0, at), text.slice(at + 1), false);
});
const times = [];
for (let round = 0; round < (rounds ?? 0); round++) {
  const text = texts[round % texts.length];
  const at = text.indexOf("|");
  const begin = process.cpuUsage(); // whatever else this machine does
  names.offer(text.slice(0, at), text.slice(at + 1), false);
  const { user, system } = process.cpuUsage(begin);
  times.push((user + system) / 1000);
}
process.stdout.write(JSON.stringify({ offers, times }));
