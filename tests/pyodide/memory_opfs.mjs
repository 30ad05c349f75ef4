// JavaScript, because it stands in for a browser API that only JavaScript can offer to Pyodide.

// The origin private file system in memory, for Pyodide in Node: what sahpool uses of it, with the
// errors that Chromium throws (fs.spec.whatwg.org). Its switches let a test make any call fail.

const failure = (name, message) => new DOMException(message, name);

function checkName(name) {
  if (name === "" || name === "." || name === ".." || /[/\\]/.test(name)) {
    throw new TypeError(`Name is not allowed: ${name}`);
  }
}

export class FileNode {
  bytes = new Uint8Array(0);
  size = 0;
  handle = null;
  path = ""; // what the header last named, for the trace

  /** A write at offset 0 is one of a slot's header. */
  headed(header) {
    if (header[0]) this.path = new TextDecoder().decode(header.subarray(0, header.indexOf(0)));
  }

  resize(size) {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.bytes.length, 4096));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    // What lies behind the end must be zeros when the file grows over it again.
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }
}

export class DirectoryNode {
  entries = new Map();
}

function copied(node) {
  const copy = node instanceof FileNode ? new FileNode() : new DirectoryNode();
  if (node instanceof FileNode) {
    copy.resize(node.size);
    copy.bytes.set(node.bytes.subarray(0, node.size));
    copy.path = node.path;
  } else {
    for (const [name, entry] of node.entries) copy.entries.set(name, copied(entry));
  }
  return copy;
}

export class MemoryOpfs {
  root = new DirectoryNode();
  quota = null; // bytes of all files together
  peak = 0; // the most that they came to, or would have come to, under a quota
  shortWrites = 0; // the most bytes that one write keeps; 0: all
  calls = {};
  worker = 0; // which worker this is: the ones before it have ended
  recorder = null; // is told of all that changes a file or the directory (tests/crash/disk.mjs)
  #failures = new Map(); // method → { left: good calls until it fails, how, sticky }
  trace = null; // [method, path] of each call while failures are set; see watch()
  failed = []; // where in the trace the calls are that were made to fail

  /** The next call of `method` throws a DOMException named `name`. */
  failNext(method, name) {
    this.failAt(method, 1, name);
  }

  /**
   * The nth call of `method` from now on fails, and all after it when `sticky`, until heal().
   * `how` is the name of a DOMException or, for reads and writes, the count of bytes that the call
   * answers: so many bytes fewer than it was given when negative. A write keeps what it could of
   * that count, and nothing where the count is more than it was given. "*" is every method.
   */
  failAt(method, nth, how, { sticky = false } = {}) {
    this.#failures.set(method, { left: nth - 1, how, sticky });
  }

  /** Nothing fails any more. */
  heal() {
    this.#failures.clear();
  }

  /** From now on the calls are listed in `trace`, with the path that the slot's header last named. */
  watch() {
    this.trace = [];
    this.failed = [];
  }

  /** A copy of a directory below the root, for put(). */
  copy(name) {
    return copied(this.root.entries.get(name));
  }

  /** Puts a copy of such a copy at a name below the root. */
  put(name, directory) {
    this.root.entries.set(name, copied(directory));
  }

  /** Forgets a directory below the root. */
  drop(name) {
    this.root.entries.delete(name);
  }

  /** Forgets all files and switches. */
  clear() {
    this.release();
    this.root = new DirectoryNode();
    this.quota = null;
    this.peak = 0;
    this.shortWrites = 0;
    this.calls = {};
    this.trace = null;
  }

  /** What the end of a worker does: every handle is let go, nothing is deleted. */
  release() {
    this.worker += 1;
    this.heal();
    for (const node of this.#files(this.root)) node.handle?.close();
  }

  /** Begins a call, or fails it. Answers the count that a read or write is to lie about, if any. */
  enter(method, node = null) {
    this.calls[method] = (this.calls[method] ?? 0) + 1;
    this.trace?.push([method, node?.path ?? ""]);
    for (const key of [method, "*"]) {
      const told = this.#failures.get(key);
      if (told === undefined || told.left-- > 0) continue;
      if (!told.sticky) this.#failures.delete(key);
      if (this.trace !== null) this.failed.push(this.trace.length - 1);
      if (typeof told.how === "string") throw failure(told.how, `${method} was told to fail`);
      return told.how;
    }
    return null;
  }

  /** Bytes of all files together. */
  used() {
    let used = 0;
    for (const node of this.#files(this.root)) used += node.size;
    return used;
  }

  /** How many files there are. */
  files() {
    return [...this.#files(this.root)].length;
  }

  /** The names of the files of a pool, by its directory below the root, that have an open handle. */
  openFiles(name) {
    const slots = this.root.entries.get(name)?.entries.get(".opaque")?.entries ?? new Map();
    return [...slots].filter(([, node]) => node.handle !== null).map(([file]) => file);
  }

  checkQuota(more) {
    if (this.quota === null || more <= 0) return;
    const wanted = this.used() + more;
    this.peak = Math.max(this.peak, wanted);
    if (wanted > this.quota) {
      if (this.trace !== null) this.failed.push(this.trace.length - 1);
      throw failure("QuotaExceededError", "No space available for this operation");
    }
  }

  *#files(directory) {
    for (const node of directory.entries.values()) {
      if (node instanceof FileNode) yield node;
      else yield* this.#files(node);
    }
  }
}

export const opfs = new MemoryOpfs();

class FileSystemSyncAccessHandle {
  #node;
  #position = 0;

  constructor(node) {
    this.#node = node;
    node.handle = this;
  }

  #lie = null; // what the call that was just begun is to answer instead of the truth

  #open(method) {
    if (this.#node === null) {
      throw failure("InvalidStateError", "The access handle was already closed");
    }
    this.#lie = opfs.enter(method, this.#node);
    return this.#node;
  }

  /** The bytes that a read or write moves, and the count that it answers. */
  #count(wanted) {
    if (this.#lie === null) return [wanted, wanted];
    const told = this.#lie < 0 ? Math.max(0, wanted + this.#lie) : this.#lie;
    return [told > wanted ? 0 : told, told];
  }

  #view(buffer) {
    return ArrayBuffer.isView(buffer)
      ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
      : new Uint8Array(buffer);
  }

  read(buffer, { at = this.#position } = {}) {
    const node = this.#open("read");
    const target = this.#view(buffer);
    const [count, told] = this.#count(Math.max(0, Math.min(target.length, node.size - at)));
    target.set(node.bytes.subarray(at, at + count));
    this.#position = at + count;
    return told;
  }

  write(buffer, { at = this.#position } = {}) {
    const node = this.#open("write");
    let source = this.#view(buffer);
    if (opfs.shortWrites) source = source.subarray(0, opfs.shortWrites);
    const [kept, told] = this.#count(source.length);
    if (kept === 0) return told;
    source = source.subarray(0, kept);
    if (at === 0) node.headed(source);
    opfs.checkQuota(at + source.length - node.size);
    if (at + source.length > node.size) node.resize(at + source.length);
    node.bytes.set(source, at);
    opfs.recorder?.write(node, at, source);
    this.#position = at + source.length;
    return told;
  }

  truncate(size) {
    const node = this.#open("truncate");
    opfs.checkQuota(size - node.size);
    node.resize(size);
    opfs.recorder?.truncate(node, size);
    this.#position = Math.min(this.#position, size);
  }

  getSize() {
    return this.#open("getSize").size;
  }

  flush() {
    const node = this.#open("flush");
    opfs.recorder?.flush(node);
  }

  close() {
    const node = this.#node;
    if (node === null) return;
    node.handle = null;
    this.#node = null;
    opfs.enter("close", node);
  }
}

class FileSystemHandle {
  constructor(node, name, worker = opfs.worker) {
    Object.defineProperty(this, "node", { value: node });
    Object.defineProperty(this, "worker", { value: worker });
    this.name = name;
    this.kind = node instanceof FileNode ? "file" : "directory";
  }

  async isSameEntry(other) {
    return this.node === other.node;
  }
}

class FileSystemFileHandle extends FileSystemHandle {
  async createSyncAccessHandle() {
    // A worker that was ended still runs in this process; it gets no answer any more.
    if (this.worker !== opfs.worker) return new Promise(() => {});
    opfs.enter("createSyncAccessHandle");
    if (this.node.handle !== null) {
      throw failure(
        "NoModificationAllowedError",
        "Access Handles cannot be created if there is another open Access Handle",
      );
    }
    return new FileSystemSyncAccessHandle(this.node);
  }

  async getFile() {
    return new File([this.node.bytes.slice(0, this.node.size)], this.name);
  }
}

class FileSystemDirectoryHandle extends FileSystemHandle {
  async getDirectoryHandle(name, { create = false } = {}) {
    const node = this.#entry(name, create, DirectoryNode);
    return new FileSystemDirectoryHandle(node, name, this.worker);
  }

  async getFileHandle(name, { create = false } = {}) {
    opfs.enter("getFileHandle");
    return new FileSystemFileHandle(this.#entry(name, create, FileNode), name, this.worker);
  }

  #entry(given, create, Kind) {
    const name = String(given); // as WebIDL has it: it may be a String object
    checkName(name);
    const { entries } = this.node;
    if (!entries.has(name)) {
      if (!create) throw failure("NotFoundError", `No entry is named ${name}`);
      entries.set(name, new Kind());
      opfs.recorder?.create(name, entries.get(name));
    }
    const node = entries.get(name);
    if (!(node instanceof Kind)) {
      throw failure("TypeMismatchError", `The entry ${name} is of the other kind`);
    }
    return node;
  }

  async removeEntry(given, { recursive = false } = {}) {
    const name = String(given);
    opfs.enter("removeEntry");
    checkName(name);
    const node = this.node.entries.get(name);
    if (node === undefined) throw failure("NotFoundError", `No entry is named ${name}`);
    if (node instanceof DirectoryNode && node.entries.size && !recursive) {
      throw failure("InvalidModificationError", `The directory ${name} is not empty`);
    }
    const held = (entry) =>
      entry instanceof FileNode ? entry.handle !== null : [...entry.entries.values()].some(held);
    if (held(node)) {
      throw failure("NoModificationAllowedError", `${name} has an open Access Handle`);
    }
    this.node.entries.delete(name);
    opfs.recorder?.remove(node);
  }

  async *entries() {
    for (const [name, node] of [...this.node.entries]) {
      const Kind = node instanceof FileNode ? FileSystemFileHandle : FileSystemDirectoryHandle;
      yield [name, new Kind(node, name, this.worker)];
    }
  }

  async *keys() {
    for await (const [name] of this.entries()) yield name;
  }

  async *values() {
    for await (const [, handle] of this.entries()) yield handle;
  }

  [Symbol.asyncIterator]() {
    return this.entries();
  }
}

/** Web Locks, exclusive ones only: each name has a queue. */
class LockManager {
  #queues = new Map();

  async request(given, ...rest) {
    const name = String(given);
    const callback = rest.pop();
    const { ifAvailable = false, signal = null } = rest[0] ?? {};
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (ifAvailable && queue.length) return callback(null);
    const ticket = {};
    queue.push(ticket);
    try {
      if (queue[0] !== ticket) await this.#turn(ticket, signal);
      return await callback({ name, mode: "exclusive" });
    } finally {
      const at = queue.indexOf(ticket);
      if (at >= 0) queue.splice(at, 1);
      queue[0]?.begin?.();
    }
  }

  #turn(ticket, signal) {
    return new Promise((resolve, reject) => {
      ticket.begin = resolve;
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  async query() {
    const held = [...this.#queues].filter(([, queue]) => queue.length);
    return { held: held.map(([name]) => ({ name, mode: "exclusive", clientId: "node" })), pending: [] };
  }

  /** What the end of a worker does: every lock is let go, nobody waits any more. */
  release() {
    this.#queues.clear();
  }
}

const locks = new LockManager();

/** Makes Node look like a worker of a browser, as far as sahpool looks. */
export function install() {
  const storage = {
    getDirectory: async () => new FileSystemDirectoryHandle(opfs.root, ""),
    estimate: async () => ({ usage: 0, quota: opfs.quota ?? 1e12 }),
  };
  Object.defineProperty(globalThis, "navigator", {
    value: { storage, locks, userAgent: "Node.js" },
    configurable: true,
  });
  Object.assign(globalThis, {
    FileSystemDirectoryHandle,
    FileSystemFileHandle,
    FileSystemSyncAccessHandle,
    isSecureContext: true,
    memoryOpfs: opfs,
    self: globalThis,
  });
}

/** What the end of a worker does to the storage: nothing but letting go of it. */
export function release() {
  opfs.release();
  locks.release();
}
