// JavaScript because it tries locks.mjs, which is JavaScript, against a model, for test_index_locks.py.

import { readFileSync } from "node:fs";
import { IndexLocks } from "../../worker/sahpool/sqlite/locks.mjs";

// Each step is [what, connection, first lock, how many, exclusively]; answers what was granted.
const { steps } = JSON.parse(readFileSync(0, "utf8"));
const locks = new IndexLocks();
const holders = new Map();
const granted = steps.map(([what, connection, first, count, exclusive]) => {
  if (!holders.has(connection)) holders.set(connection, locks.join());
  const holder = holders.get(connection);
  const mask = ((1 << count) - 1) << first;
  if (what === "lock") return locks.lock(holder, mask, exclusive);
  if (what === "unlock") locks.unlock(holder, mask);
  else {
    locks.leave(holder);
    holders.delete(connection);
  }
  return null;
});
process.stdout.write(JSON.stringify(granted));
