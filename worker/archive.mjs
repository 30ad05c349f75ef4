// JavaScript because Pyodide's file system is: Python reads a file of it, which this module answers.
//
// The archive from which Python imports is one zip file to Python. Its bytes are those of several
// files of the site, one behind the other (worker/build/standard_library.py says which): those that
// the start needs are loaded first, others in the background after it, the rest when it is asked for.
// A file whose bytes are wanted before they are here is loaded at once, and Python waits for it: a
// worker may load synchronously. A start from a snapshot of the memory has imported everything
// already, and loads none of them.

const PATIENCE = 30_000; // ms until a file that Python waits for counts as not to be had
const PAUSE = 2000; // ms after a failure in which a file is not asked for again
const IO_ERROR = 29; // EIO, as Emscripten numbers it
const NO_DEVICE = 43; // ENODEV

/** One of the archive's files. `bytes`, `blob`, or neither: where its bytes are, if they are here. */
class Part {
  bytes = null;
  blob = null; // not in this process's memory; read synchronously all the same
  failed = -Infinity; // when it could not be loaded

  constructor({ name, size, when }, base, start) {
    this.url = new URL(name, base);
    this.when = when;
    this.start = start;
    this.size = size;
  }

  get isHere() {
    return this.bytes !== null || this.blob !== null;
  }

  get end() {
    return this.start + this.size;
  }

  /** Throws unless `size` is this file's: some hosts answer with a page when there is no file. */
  check(size) {
    if (size !== this.size) throw new Error(`${this.url.href} has ${size} bytes, not ${this.size}`);
  }

  /** Loads the file while Python waits; throws when it cannot be had. */
  loadNow() {
    if (performance.now() - this.failed < PAUSE) throw new Error(`${this.url.href} is not here`);
    try {
      const request = new XMLHttpRequest();
      request.open("GET", this.url.href, false);
      request.responseType = "arraybuffer";
      request.timeout = PATIENCE;
      request.send();
      if (request.status !== 200) throw new Error(`HTTP status ${request.status}`);
      this.check(request.response.byteLength);
      this.blob = new Blob([request.response]);
    } catch (error) {
      this.failed = performance.now();
      throw error;
    }
  }

  read(from, to) {
    if (this.bytes) return this.bytes.subarray(from, to);
    if (!this.blob) this.loadNow();
    return new Uint8Array(new FileReaderSync().readAsArrayBuffer(this.blob.slice(from, to)));
  }

  /** Moves the bytes out of this process's memory, or loads them to there. */
  async keep() {
    if (this.bytes) {
      this.blob = new Blob([this.bytes]);
      this.bytes = null;
    } else if (!this.blob) {
      const blob = await (await fetch(this.url)).blob();
      this.check(blob.size);
      this.blob = blob;
    }
  }
}

export class Archive {
  #path;
  #parts = [];
  #size = 0;
  #loading = Promise.resolve();

  /**
   * @param {{archive: string, files: {name: string, size: number, when: string}[]}} listed
   * @param {URL} base the address to which the files' names are relative
   */
  constructor({ archive, files }, base) {
    this.#path = archive;
    for (const file of files) {
      this.#parts.push(new Part(file, base, this.#size));
      this.#size += file.size;
    }
  }

  get path() {
    return this.#path;
  }

  /** Loads what a start without a snapshot needs; `fetchPart` is that of boot.mjs. */
  load(fetchPart) {
    const needed = this.#parts.filter(({ when }) => when === "start");
    this.#loading = Promise.all(
      needed.map(async (part) => {
        const bytes = new Uint8Array(await (await fetchPart(part.url)).arrayBuffer());
        part.check(bytes.length);
        part.bytes = bytes;
      }),
    );
    this.#loading.catch(() => null); // whoever awaits it gets the error
    return this.#loading;
  }

  /** Makes the archive a file of Pyodide's file system, before Python begins: `fsInit`. */
  async mount(FS) {
    FS.mkdirTree(this.#path.slice(0, this.#path.lastIndexOf("/")));
    FS.writeFile(this.#path, "");
    const { node } = FS.lookupPath(this.#path);
    node.usedBytes = this.#size;
    const read = (stream, buffer, offset, length, position) => {
      const part = this.#at(position);
      if (!part) return 0; // at the end
      let bytes;
      try {
        bytes = part.read(position - part.start, Math.min(position + length, part.end) - part.start);
      } catch {
        throw new FS.ErrnoError(IO_ERROR);
      }
      buffer.set(bytes, offset);
      return bytes.length; // fewer than asked for where a file of the site ends: Python reads on
    };
    const mmap = () => {
      throw new FS.ErrnoError(NO_DEVICE);
    };
    // Pyodide writes its own archive of the standard library to this path: an empty one (boot.mjs).
    const write = (stream, buffer, offset, length) => length;
    const setattr = () => null;
    node.stream_ops = { ...node.stream_ops, read, write, mmap };
    node.node_ops = { ...node.node_ops, setattr };
    // Without them Python would only end in another error, while boot.mjs reports this one.
    await this.#loading.catch(() => new Promise(() => null));
  }

  /** Whether the bytes at a place are here; loads them if they are not. */
  available(place) {
    const part = this.#at(place);
    try {
      if (!part.isHere) part.loadNow();
      return true;
    } catch {
      return false;
    }
  }

  /** Loads the files that may be imported from later; nothing is said of those that cannot be had. */
  async keep() {
    const wanted = this.#parts.filter(({ when }) => when !== "asked");
    await Promise.allSettled(wanted.map((part) => part.keep()));
  }

  #at(position) {
    return this.#parts.find(({ start, end }) => start <= position && position < end);
  }
}
