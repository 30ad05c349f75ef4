// JavaScript because it tries memory_handle.mjs, which is JavaScript, for test_memory_files.py.

import { readFileSync } from "node:fs";
import { MemoryHandle } from "../../worker/sahpool/sqlite/memory_handle.mjs";
import { randomFrom } from "../chance.mjs";

const MIB = 1 << 20;
const LARGEST = 3 * MIB + 12_345; // bytes of a file in here

function run(seed, steps) {
  const random = randomFrom(seed);
  const below = (count) => Math.floor(random() * count);
  const handle = new MemoryHandle();
  const model = new Uint8Array(LARGEST);
  let size = 0;
  // Near a boundary of a block half of the time.
  const place = () => (random() < 0.5 ? below(LARGEST) : Math.max(0, MIB * below(4) - below(9000)));
  for (let step = 0; step < steps; step++) {
    const chance = random();
    if (chance < 0.5) {
      const at = Math.min(place(), LARGEST - 1);
      const bytes = new Uint8Array(Math.min([24, 512, 4096, 2 * MIB][below(4)], LARGEST - at));
      bytes.fill(1 + below(255));
      if (handle.write(bytes, { at }) !== bytes.length) throw new Error("not all was written");
      model.set(bytes, at);
      size = Math.max(size, at + bytes.length);
    } else if (chance < 0.6) {
      const to = Math.min(place(), LARGEST);
      handle.truncate(to);
      model.fill(0, Math.min(to, size));
      size = to;
    }
    if (handle.getSize() !== size) throw new Error(`step ${step}: a size of ${handle.getSize()}`);
    const at = place();
    const target = new Uint8Array([24, 4096, 2 * MIB][below(3)]).fill(7);
    const count = handle.read(target, { at });
    if (count !== Math.max(0, Math.min(target.length, size - at))) throw new Error("a wrong count");
    if (Buffer.compare(target.subarray(0, count), model.subarray(at, at + count)) !== 0) {
      throw new Error(`step ${step}: read other bytes than were written at ${at}`);
    }
    if (target.subarray(count).some((byte) => byte !== 7)) throw new Error("read beyond the end");
  }
  handle.close();
  if (handle.getSize() !== 0) throw new Error("it is not empty");
}

// A memory in which no block can be made any more.
function fill() {
  const { Uint8Array: whole } = globalThis;
  const handle = new MemoryHandle();
  handle.write(whole.of(1, 2, 3), { at: 0 });
  globalThis.Uint8Array = class extends whole {
    constructor(...given) {
      if (typeof given[0] === "number") throw new RangeError("Array buffer allocation failed");
      super(...given);
    }
  };
  try {
    handle.write(whole.of(4), { at: 5 * MIB });
    return "nothing";
  } catch (error) {
    const kept = new whole(3);
    handle.read(kept, { at: 0 });
    return `${error.name}: ${handle.getSize()} bytes, ${kept}`;
  } finally {
    globalThis.Uint8Array = whole;
  }
}

const { seeds, steps } = JSON.parse(readFileSync(0, "utf8"));
for (const seed of seeds) {
  try {
    run(seed, steps);
  } catch (error) {
    process.stdout.write(JSON.stringify({ seed, error: `${error.message}\n${error.stack}` }));
    process.exit(0);
  }
}
process.stdout.write(JSON.stringify({ full: fill() }));
