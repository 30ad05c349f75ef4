// JavaScript, because it rebuilds, from what JavaScript handles were told, the disks a crash could leave.

// A disk under the storage in memory, after SQLite's own test6.c: what changes a file is recorded, and
// for any moment the disks can be made that a crash at that moment could have left. What a handle was
// told before its last flush is on the disk. What it was told later is *loose*: there, in part, or not,
// in any order, as nothing ties two files or two writes to one another. A tab that is killed while the
// computer goes on loses nothing that reached a handle. See the docstring of inside_lab.py for what this
// covers and what it does not.

import { createHash } from "node:crypto";
import { randomFrom } from "../chance.mjs";
import { DirectoryNode, FileNode, opfs } from "../pyodide/memory_opfs.mjs";

const SLOT_HEADER = 4096; // bytes before those of SQLite (worker/sahpool/opfs_pool/header.py)

/** A write in pieces that end where the sectors of a disk do; the bytes of a piece are a view. */
function sectors({ at, bytes, ...operation }, size) {
  const pieces = [];
  for (let from = 0, to; from < bytes.length; from = to) {
    to = Math.min(bytes.length, from + size - ((at + from) % size));
    pieces.push({ ...operation, at: at + from, bytes: bytes.subarray(from, to) });
  }
  return pieces;
}

/** What is left of the loose operations; each function gets (loose, random, seed, next). */
const WAYS = {
  // Everything that reached a handle is there: the tab was killed, the computer went on.
  killed: (loose) => loose,
  // And so is the first part of the write that was under way.
  cut: (loose, random, _seed, next) => {
    if (next?.kind !== "write") return loose;
    const pieces = sectors(next, 512);
    return [...loose, ...pieces.slice(0, Math.floor(random() * pieces.length))];
  },
  // Nothing is there but what was flushed.
  synced: () => [],
  // Each operation is there or not.
  mixed: (loose, random) => loose.filter(() => random() < 0.5),
  // Each sector of each write is there or not.
  torn512: (loose, random) => torn(loose, random, 512),
  torn4096: (loose, random) => torn(loose, random, 4096),
  // Or holds anything (test6.c calls it "trash").
  trashed: (loose, random) =>
    torn(loose, random, 512).map((operation) =>
      operation.kind === "write" && random() < 0.3
        ? { ...operation, bytes: operation.bytes.map(() => Math.floor(256 * random())) }
        : operation,
    ),
  // Of each file the first few are there, or the last few.
  prefix: (loose, random) => ofEachFile(loose, (own) => own.slice(0, cutAt(own, random))),
  suffix: (loose, random) => ofEachFile(loose, (own) => own.slice(cutAt(own, random))),
  // Of all files together the first few are there, or the last few.
  behind: (loose, random) => loose.slice(0, cutAt(loose, random)),
  ahead: (loose, random) => loose.slice(cutAt(loose, random)),
  // Those of one file are there, the `seed`-th, or those of all the others.
  only: (loose, _random, seed) => loose.filter(({ file }) => file === seed),
  without: (loose, _random, seed) => loose.filter(({ file }) => file !== seed),
};

const cutAt = (operations, random) => Math.floor(random() * (operations.length + 1));

function torn(loose, random, size) {
  return loose
    .flatMap((operation) => (operation.kind === "write" ? sectors(operation, size) : operation))
    .filter(() => random() < 0.5);
}

function ofEachFile(loose, choose) {
  const files = new Set(loose.map(({ file }) => file));
  return [...files].flatMap((each) => choose(loose.filter(({ file }) => file === each)));
}

export class Disk {
  #files = []; // { name, base, there, path }
  #numbers = new Map(); // FileNode → index into #files
  #operations = []; // { kind, file, path, at, bytes, size }
  #directory;

  /** Records from now on what happens to the files of `directory`, a path from the root. */
  constructor(directory) {
    this.#directory = directory.split("/");
    let folder = opfs.root;
    for (const part of this.#directory) folder = folder.entries.get(part);
    for (const [name, node] of folder.entries) this.#add(name, node, true);
    opfs.recorder = this;
  }

  end() {
    opfs.recorder = null;
  }

  /** How many operations there were. A crash at point n comes before the n-th, counted from 0. */
  get length() {
    return this.#operations.length;
  }

  // --- what MemoryOpfs tells ----------------------------------------------------------------------

  write(node, at, source) {
    const bytes = source.slice();
    const file = this.#files[this.#numbers.get(node)];
    if (at === 0 && bytes.length >= 512) file.path = pathIn(bytes);
    this.#note("write", node, { at, bytes });
  }

  truncate(node, size) {
    this.#note("truncate", node, { size });
  }

  flush(node) {
    this.#note("flush", node);
  }

  create(name, node) {
    if (!(node instanceof FileNode)) return;
    this.#add(name, node, false);
    this.#note("create", node);
  }

  remove(node) {
    this.#note("remove", node);
  }

  #add(name, node, there) {
    const base = node.bytes.slice(0, node.size);
    this.#numbers.set(node, this.#files.length);
    this.#files.push({ name, base, there, path: pathIn(base) });
  }

  #note(kind, node, more) {
    const file = this.#numbers.get(node);
    if (file === undefined) throw new Error(`${kind} of a file that is none of the recorded ones`);
    this.#operations.push({ kind, file, path: this.#files[file].path, ...more });
  }

  // --- crashes ------------------------------------------------------------------------------------

  /** The crashes at `point` that are worth a try, as [way, seed]; those of chance `seeds` times. */
  crashes(point, seeds) {
    const { loose } = this.#at(point);
    const next = this.#operations[point];
    const found = [["killed", 0]];
    for (let seed = 0; seed < seeds; seed++) {
      if (next?.kind === "write" && next.bytes.length > 512) found.push(["cut", seed]);
    }
    if (loose.length === 0) return found;
    found.push(["synced", 0]);
    const files = new Set(loose.map(({ file }) => file));
    for (const way of Object.keys(WAYS)) {
      if (["killed", "cut", "synced"].includes(way)) continue;
      if (way !== "only" && way !== "without") {
        for (let seed = 0; seed < seeds; seed++) found.push([way, seed]);
      } else if (files.size > 1) {
        for (const file of files) found.push([way, file]);
      }
    }
    return found;
  }

  /** What is on the disk for certain before operation `point`, and what is loose, both in order. */
  #at(point) {
    const flushed = this.#files.map(() => -1);
    const before = this.#operations.slice(0, point);
    before.forEach(({ kind, file }, number) => {
      if (kind === "flush") flushed[file] = number;
    });
    const isFirm = ({ file }, number) => number <= flushed[file];
    const tells = ({ kind }) => kind !== "flush";
    return {
      firm: before.filter((operation, number) => isFirm(operation, number) && tells(operation)),
      loose: before.filter((operation, number) => !isFirm(operation, number) && tells(operation)),
    };
  }

  /** Puts the disk in place that a crash before operation `point` left; returns its fingerprint. */
  restore(point, way, seed) {
    const random = randomFrom(seed * 1000003 + point);
    const { firm, loose } = this.#at(point);
    const left = WAYS[way](loose, random, seed, this.#operations[point]);
    const nodes = this.#files.map(({ base, there }) => {
      const node = new FileNode();
      node.resize(base.length);
      node.bytes.set(base);
      return { node, there };
    });
    for (const { kind, file, at, bytes, size } of [...firm, ...left]) {
      const it = nodes[file];
      it.there = kind !== "remove";
      if (kind === "truncate") it.node.resize(size);
      if (kind === "write") {
        if (at + bytes.length > it.node.size) it.node.resize(at + bytes.length);
        it.node.bytes.set(bytes, at);
      }
    }
    const root = new DirectoryNode();
    let folder = root;
    for (const part of this.#directory) {
      folder.entries.set(part, new DirectoryNode());
      folder = folder.entries.get(part);
    }
    const fingerprint = createHash("sha1");
    nodes.forEach(({ node, there }, file) => {
      fingerprint.update(there ? `${file}:${node.size};` : `${file}-`);
      if (!there) return;
      fingerprint.update(node.bytes.subarray(0, node.size));
      folder.entries.set(this.#files[file].name, node);
    });
    opfs.root = root;
    return fingerprint.digest("base64");
  }

  /** The operations from `first` to before `end` in words, for a person who looks for a bug. */
  describe(first, end) {
    return this.#operations
      .slice(first, end)
      .map(({ kind, file, path, at, bytes, size }, index) => {
        const { name } = this.#files[file];
        const what = `${first + index}: ${kind} slot ${name.slice(0, 4)} (${path || "no name"})`;
        if (kind === "truncate") return `${what} to ${size - SLOT_HEADER} bytes`;
        if (kind !== "write") return what;
        const where = at < SLOT_HEADER ? "its header" : `at ${at - SLOT_HEADER}`;
        return `${what} ${where}: ${bytes.length} bytes`;
      })
      .join("\n");
  }
}

/** The path in the header of a slot. */
function pathIn(bytes) {
  const end = bytes.indexOf(0);
  if (end < 0 || end > 510) return "damaged";
  return new TextDecoder().decode(bytes.subarray(0, end));
}

globalThis.CrashDisk = Disk;
