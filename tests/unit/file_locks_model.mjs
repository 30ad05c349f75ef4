// JavaScript because it tries locks.mjs, which is JavaScript, against a model, for test_locks.py.

import { readFileSync } from "node:fs";
import { FileLocks } from "../../worker/sahpool/sqlite/locks.mjs";

// Each step is ["lock" or "unlock", owner, level]; answers [whether it was granted, the levels of the
// owners, whether any is reserved] for each.
const { steps, owners } = JSON.parse(readFileSync(0, "utf8"));
const locks = new FileLocks();
const answers = steps.map(([what, owner, level]) => {
  let granted = null;
  if (what === "lock") granted = locks.lock(owner, level);
  else locks.unlock(owner, level);
  return [granted, owners.map((each) => locks.level(each)), locks.isReserved()];
});
process.stdout.write(JSON.stringify(answers));
