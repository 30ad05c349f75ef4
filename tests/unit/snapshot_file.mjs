// JavaScript because it tries snapshot.mjs, which is JavaScript, for test_snapshot_file.py.

import { readFileSync } from "node:fs";
import { randomFrom } from "../chance.mjs";

const PAGE = 65536;
const MAGIC = 0x706e7300; // of Pyodide's head; any value will do here

class Killed extends Error {}

/** A file in OPFS, and a disk that keeps any part of what was not flushed when the power fails. */
class Disk {
  bytes = null; // null: there is no file
  calls = 0; // that changed something
  killAt = Infinity;
  room = Infinity; // bytes
  #unflushed = []; // what the file was before each write since the last flush
  constructor(random) {
    this.random = random;
  }
  change(act) {
    if (this.calls >= this.killAt) throw new Killed();
    this.#unflushed.push(this.bytes);
    this.calls++;
    act(this.calls === this.killAt); // true: only a part of it is done
    if (this.calls === this.killAt) throw new Killed();
  }
  flush() {
    if (this.calls >= this.killAt) throw new Killed();
    this.#unflushed = [];
  }
  /** Loses a part of what was not flushed, block by block. */
  failPower() {
    for (const before of this.#unflushed.reverse()) {
      for (let at = 0; at < this.bytes.length; at += 4096) {
        if (this.random() < 0.5) continue;
        const old = (before ?? new Uint8Array(0)).slice(at, at + 4096);
        const block = this.bytes.subarray(at, at + 4096);
        block.fill(0);
        block.set(old.subarray(0, block.length));
      }
    }
  }
}

class Handle {
  constructor(disk) {
    this.disk = disk;
  }
  read(view, { at }) {
    const part = this.disk.bytes.subarray(at, at + view.byteLength);
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(part);
    return part.length;
  }
  write(view, { at }) {
    let count = Math.max(0, Math.min(view.byteLength, this.disk.room - at));
    this.disk.change((half) => {
      if (half) count >>= 1;
      const bytes = new Uint8Array(Math.max(this.disk.bytes.length, at + count));
      bytes.set(this.disk.bytes);
      bytes.set(new Uint8Array(view.buffer, view.byteOffset, count), at);
      this.disk.bytes = bytes;
    });
    return count;
  }
  truncate(size) {
    this.disk.change(() => (this.disk.bytes = this.disk.bytes.slice(0, size)));
  }
  flush() {
    this.disk.flush();
  }
  getSize() {
    return this.disk.bytes.length;
  }
  close() {}
}

let disk;
const root = {
  async getFileHandle(name, { create = false } = {}) {
    if (!name.startsWith("sahpool-snapshot ")) throw new Error(`another file: ${name}`);
    if (!disk.bytes && !create) throw new DOMException("", "NotFoundError");
    disk.bytes ??= new Uint8Array(0);
    return { createSyncAccessHandle: async () => new Handle(disk) };
  },
  async removeEntry() {
    disk.change(() => (disk.bytes = null));
  },
};
const storage = {
  getDirectory: async () => root,
  estimate: async () => ({ quota: 1e12, usage: 0 }),
};
Object.defineProperty(globalThis, "navigator", { value: { storage } });
const { find, keep } = await import("../../worker/snapshot.mjs");

/** Returns what Pyodide gives for a memory: a head and then the memory, in which much is zero. */
function made(random) {
  const begin = 64 + 16 * Math.floor(random() * 9);
  const pages = 1 + Math.floor(random() * 90);
  const bytes = new Uint8Array(begin + pages * PAGE);
  bytes.set(Uint8Array.from({ length: begin }, () => random() * 256));
  new Uint32Array(bytes.buffer).set([MAGIC, begin]);
  for (let stretches = random() * 6; stretches > 0; stretches--) {
    const start = begin + Math.floor(random() * pages * PAGE);
    const end = Math.min(bytes.length, start + Math.floor(random() ** 3 * 3e6));
    for (let at = start; at < end; at += 1 + Math.floor(random() * 3000)) bytes[at] = random() * 256;
  }
  return bytes;
}

/** Restores what is kept: `null`, or what was wrong, or its key if it is `wanted[key]`. */
async function restored(wanted) {
  let kept;
  try {
    kept = await find();
    if (!kept) return "none";
  } catch (error) {
    if (error.message !== "the snapshot is damaged") throw error;
    return "damaged";
  }
  const bytes = wanted[kept.key];
  const [, begin] = new Uint32Array(bytes.buffer, 0, 2);
  const pages = (bytes.length - begin) / PAGE;
  const memory = new WebAssembly.Memory({ initial: Math.max(1, pages >> 1) });
  kept.prepare({ exports: { memory } });
  const { _loadSnapshot: head } = kept.options({});
  try {
    const rest = head.subarray(begin);
    if (rest.length !== 0) throw new Error("something is left to be copied");
  } catch (error) {
    if (error.message !== "the snapshot is damaged") throw error;
    return "damaged memory";
  }
  if (Buffer.compare(head, bytes.subarray(0, begin))) throw new Error("the head differs");
  const whole = new Uint8Array(memory.buffer);
  if (Buffer.compare(whole, bytes.subarray(begin))) throw new Error("the memory differs");
  return kept.key;
}

const { seed, rounds } = JSON.parse(readFileSync(0, "utf8"));
const random = randomFrom(seed);
const counts = {};
const count = (what) => (counts[what] = (counts[what] ?? 0) + 1);
for (let round = 0; round < rounds; round++) {
  const wanted = { earlier: made(random), new: made(random) };
  disk = new Disk(random);
  await keep(wanted.earlier.slice(), "earlier");
  const before = disk.bytes;
  if ((await restored(wanted)) !== "earlier") throw new Error("a whole snapshot is not used");
  // One bit anywhere but in the unused space before the runs.
  disk.bytes = before.slice();
  const [, , length, headLength] = new Uint32Array(before.buffer, 0, 4);
  const unused = 4096 * Math.ceil((32 + length + headLength) / 4096) - 32 - length - headLength;
  let at = Math.floor(random() * (before.length - unused));
  if (at >= 32 + length + headLength) at += unused;
  disk.bytes[at] ^= 1 << Math.floor(random() * 8);
  const flipped = await restored(wanted);
  if (!flipped.startsWith("damaged")) throw new Error(`a flipped bit at ${at}: ${flipped}`);
  // Cut anywhere, or another program's.
  disk.bytes = before.slice(0, Math.floor(random() * before.length));
  const cut = await restored(wanted);
  if (!cut.startsWith("damaged")) throw new Error(`cut: ${cut}`);
  disk.bytes = Uint8Array.from({ length: Math.floor(random() * 9000) }, () => random() * 256);
  const foreign = await restored(wanted);
  if (foreign !== "damaged") throw new Error(`another program's file: ${foreign}`);
  // Killed at every call, with the power or without.
  let calls = Infinity;
  for (let kill = 1; kill <= calls; kill++) {
    disk = new Disk(random);
    disk.bytes = before.slice();
    disk.killAt = kill;
    let killed = false;
    await keep(wanted.new.slice(), "new").catch((error) => {
      if (!(error instanceof Killed)) throw error;
      killed = true;
    });
    if (!killed) calls = 0;
    if (random() < 0.5) disk.failPower();
    disk.killAt = Infinity;
    count(`${killed ? "killed" : "whole"}: ${await restored(wanted)}`);
  }
  // A disk that is full: nothing is left.
  disk = new Disk(random);
  disk.room = Math.floor(random() * before.length);
  const told = await keep(wanted.earlier.slice(), "earlier").catch(({ message }) => message);
  if (told !== "there is no room") throw new Error(`no room: ${told}`);
  if (disk.bytes) throw new Error("half a snapshot is left");
  count("no room");
}
process.stdout.write(JSON.stringify(counts));
