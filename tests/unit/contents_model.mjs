// JavaScript because it tries contents.mjs, which is JavaScript, against a model, for test_contents.py.

import { readFileSync } from "node:fs";
import { Content, Pending, call } from "../../worker/sahpool/sqlite/contents.mjs";
import { randomFrom } from "../chance.mjs";

const START = 4096;
const LARGEST = 300_000; // bytes of a file in here
const TEMPORARY = 4; // which of the files is one: it is worth nothing once it is closed

class Handle {
  bytes = new Uint8Array(START);
  refuses = false;
  constructor(storage) {
    this.storage = storage;
  }
  read(target, { at }) {
    this.storage.reads++;
    const count = Math.max(0, Math.min(target.length, this.bytes.length - at));
    target.set(this.bytes.subarray(at, at + count));
    return count;
  }
  write(source, { at }) {
    this.storage.calls++;
    const kept = this.refuses ? Math.floor(source.length / 3) : source.length;
    const end = Math.max(this.bytes.length, at + kept);
    const bytes = new Uint8Array(end);
    bytes.set(this.bytes);
    bytes.set(source.subarray(0, kept), at);
    this.bytes = bytes;
    return kept;
  }
  truncate(size) {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
  }
  getSize() {
    return this.bytes.length;
  }
  flush() {}
}

const same = (one, two) => Buffer.compare(one, two) === 0;

function run(seed, steps, storageFails) {
  const random = randomFrom(seed);
  const below = (count) => Math.floor(random() * count);
  const storage = { calls: 0 };
  const pending = new Pending();
  const kinds = ["database", "wal", "other", "database", "other"];
  const bases = ["/a.db", "/a.db", "/a.db", "/b.db", Symbol("a temporary file's")];
  const open = (handle, index) => Content.ofFile(pending, handle, START, bases[index], kinds[index]);
  const handles = kinds.map(() => new Handle(storage));
  const contents = handles.map(open);
  const models = handles.map(() => new Uint8Array(0)); // what SQLite has been told is there
  let writes = 0;
  let next = 0;

  const now = (index) => {
    const bytes = new Uint8Array(contents[index].size);
    if (bytes.length > 0) contents[index].read(bytes, 0);
    return bytes;
  };
  const attempt = (index, act) => {
    try {
      act();
      return true;
    } catch (error) {
      if (!handles.some((handle) => handle.refuses)) throw error;
      // What was refused may be there in part; nothing else may have changed.
      contents[index].forget();
      return false;
    }
  };
  const isBehind = (index) => !same(handles[index].bytes.subarray(START), models[index]);
  const write = (index, at, length) => {
    const others = index < 3 ? [0, 1, 2].filter((other) => other !== index && isBehind(other)) : [];
    const source = new Uint8Array(length).fill(1 + below(255));
    writes++;
    const before = models[index];
    const after = new Uint8Array(Math.max(before.length, at + length));
    after.set(before);
    after.set(source, at);
    const done = attempt(index, () => {
      contents[index].write(source, at);
      contents[index].reach(at + length);
    });
    if (done) {
      models[index] = after;
      if (others.some(isBehind)) throw new Error("a write has overtaken one of the same database");
      return;
    }
    const found = now(index);
    // A part of a write beyond the end leaves zeros before it.
    const filled = new Uint8Array(Math.max(before.length, Math.min(at, found.length)));
    filled.set(before);
    const outside = (bytes) => [bytes.subarray(0, at), bytes.subarray(at + length)];
    if (!outside(found).every((part, side) => same(part, outside(filled)[side]))) {
      throw new Error("a write that failed has changed what it was not about");
    }
    models[index] = found;
  };

  for (let step = 0; step < steps; step++) {
    const index = below(kinds.length);
    const content = contents[index];
    const size = models[index].length;
    if (storageFails && random() < 0.05) {
      const handle = handles[below(kinds.length)];
      handle.refuses = !handle.refuses;
    }
    const chance = random();
    if (chance < 0.3) {
      // On and on in one file, as a commit or a checkpoint does.
      for (let count = below(20); count > 0; count--) {
        const length = [24, 512, 4096][below(3)];
        const at = Math.min(models[index].length, next);
        if (at + length > LARGEST) break;
        write(index, at, length);
        next = at + length;
      }
    } else if (chance < 0.45) {
      // Beyond the end now and then, as a rollback does that makes a database longer again.
      next = random() < 0.2 ? 512 * below(LARGEST / 512) : Math.min(size, below(LARGEST));
      if (next + 600 < LARGEST) write(index, next, 1 + below(600));
    } else if (chance < 0.75 && size > 0) {
      let at = below(size);
      for (let count = below(12); count > 0 && at < size; count--) {
        const target = new Uint8Array(Math.min([24, 512, 4096][below(3)], size - at));
        content.read(target, at);
        if (!same(target, models[index].subarray(at, at + target.length))) {
          throw new Error(`step ${step}: read other bytes than were written at ${at}`);
        }
        at += target.length + [0, 0, 24][below(3)];
      }
    } else if (chance < 0.8) {
      const to = below(size + 1);
      const done = attempt(index, () => {
        content.cut(to);
        pending.drain(content);
        content.truncate(to);
      });
      models[index] = done ? models[index].slice(0, to) : now(index);
    } else if (chance < 0.85) {
      if (attempt(index, () => pending.drain(content))) {
        for (const other of [0, 1, 2]) {
          if (index < 3 && !same(handles[other].bytes.subarray(START), models[other])) {
            throw new Error(`step ${step}: something of the database was not drained`);
          }
        }
      }
    } else if (chance < 0.9 && size > 100) {
      const bytes = new Uint8Array(100).fill(step);
      if (attempt(index, () => call(handles[index], "write", bytes, { at: START }))) {
        models[index].set(bytes, 0);
      }
      // Python is told how much was kept.
      if (handles[index].refuses) models[index] = now(index);
    } else if (chance < 0.93 && index !== TEMPORARY) {
      content.close();
      contents[index] = open(handles[index], index);
      // What the storage did not take was never promised.
      if (handles[index].refuses) models[index] = now(index);
    }
    // Within a database always; among all of them as long as the storage takes what it is given.
    const files = storageFails ? [0, 1, 2] : [...kinds.keys()];
    if (files.filter(isBehind).length > 1) throw new Error(`step ${step}: writes have overtaken one another`);
    for (const other of contents.keys()) {
      if (contents[other].size !== models[other].length) {
        throw new Error(`step ${step}: a size of ${contents[other].size} is told`);
      }
    }
  }
  for (const handle of handles) handle.refuses = false;
  for (const index of contents.keys()) {
    if (!same(now(index), models[index])) throw new Error("the end: other bytes than were written");
    contents[index].close();
    if (index !== TEMPORARY && !same(handles[index].bytes.subarray(START), models[index])) {
      throw new Error("the end: other bytes are in the file than were written");
    }
  }
  return [writes, storage.calls];
}

// A storage that is full: a transaction that has made its database longer is rolled back.
function rollBack() {
  const pending = new Pending();
  const handle = new Handle({ calls: 0 });
  const content = Content.ofFile(pending, handle, START, "/a.db", "database");
  const write = (at, byte) => {
    content.write(new Uint8Array(4096).fill(byte), at);
    content.reach(at + 4096);
  };
  write(0, 1);
  pending.drain(content);
  handle.refuses = true;
  write(4096, 2);
  try {
    pending.drain(content);
    throw new Error("a full storage has taken everything");
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error;
  }
  content.cut(4096);
  pending.drain(content);
  content.truncate(4096);
  if (handle.bytes.length !== START + 4096 || content.size !== 4096) throw new Error("not cut");
}

// A sort in a temporary file: it reads many pieces in turn, each of them from its beginning to its end.
function merge() {
  const PAGE = 4096;
  const PIECES = 20;
  const PAGES = 32; // of a piece
  const storage = { calls: 0, reads: 0 };
  const handle = new Handle(storage);
  const content = Content.ofFile(new Pending(), handle, START, Symbol("a temporary file's"), "other");
  const page = (index) => new Uint8Array(PAGE).fill(index % 251);
  for (let index = 0; index < PIECES * PAGES; index++) {
    content.write(page(index), index * PAGE);
    content.reach((index + 1) * PAGE);
  }
  content.settle();
  const target = new Uint8Array(PAGE);
  for (let step = 0; step < PAGES; step++) {
    for (let piece = 0; piece < PIECES; piece++) {
      const index = piece * PAGES + step;
      content.read(target, index * PAGE);
      if (!same(target, page(index))) throw new Error(`page ${index} of a sort is another one`);
    }
  }
  return storage.reads / (PIECES * PAGES);
}

const { seeds, steps, storageFails } = JSON.parse(readFileSync(0, "utf8"));
rollBack();
const readsAPage = merge();
let told = { writes: 0, calls: 0, readsAPage };
for (const seed of seeds) {
  try {
    const [writes, calls] = run(seed, steps, storageFails);
    told = { readsAPage, writes: told.writes + writes, calls: told.calls + calls };
  } catch (error) {
    process.stdout.write(JSON.stringify({ seed, error: `${error.message}\n${error.stack}` }));
    process.exit(0);
  }
}
process.stdout.write(JSON.stringify(told));
