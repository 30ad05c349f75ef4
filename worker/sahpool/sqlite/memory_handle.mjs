// JavaScript, because SQLite's pages are read from and written to it: a file in memory.

// The bytes of a block, and of the first block of a new file.
const BLOCK = 1 << 20;
const FIRST_BLOCK = 1 << 16;

// A file in memory with the interface of a FileSystemSyncAccessHandle: of a storage in memory, and
// of temporary files up to their limit. It consists of blocks, so that a file that grows is not
// copied; only the first block grows by doubling, because most files are journals and small. A file
// that is cut gives its blocks back.
export class MemoryHandle {
  #blocks = [];
  #size = 0;

  read(target, { at }) {
    const count = Math.max(0, Math.min(target.length, this.#size - at));
    for (let done = 0; done < count; ) {
      const from = (at + done) % BLOCK;
      const block = this.#blocks[(at + done - from) / BLOCK];
      const bytes = block.subarray(from, from + count - done);
      if (done === 0 && bytes.length === target.length) {
        target.set(bytes);
        return count;
      }
      target.set(bytes, done);
      done += bytes.length;
    }
    return count;
  }

  write(source, { at }) {
    const end = at + source.length;
    if (end > this.#size) this.#reach(end);
    for (let done = 0; done < source.length; ) {
      const from = (at + done) % BLOCK;
      const block = this.#blocks[(at + done - from) / BLOCK];
      const count = Math.min(source.length - done, BLOCK - from);
      block.set(count === source.length ? source : source.subarray(done, done + count), from);
      done += count;
    }
    return source.length;
  }

  truncate(size) {
    if (size > this.#size) this.#reach(size);
    else this.#cut(size);
  }

  getSize() {
    return this.#size;
  }

  flush() {}

  close() {
    this.#cut(0);
  }

  // Extends the file; all bytes behind its end are zero.
  #reach(size) {
    const blocks = this.#blocks;
    try {
      if (blocks.length === 0) blocks.push(new Uint8Array(FIRST_BLOCK));
      if (size > blocks[0].length && blocks[0].length < BLOCK) {
        const grown = new Uint8Array(Math.min(BLOCK, Math.max(size, 2 * blocks[0].length)));
        grown.set(blocks[0]);
        blocks[0] = grown;
      }
      while (blocks.length * BLOCK < size) blocks.push(new Uint8Array(BLOCK));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DOMException(`there is no memory for ${size} bytes`, "QuotaExceededError");
    }
    this.#size = size;
  }

  #cut(size) {
    const blocks = this.#blocks;
    blocks.length = Math.min(blocks.length, Math.ceil(size / BLOCK));
    const rest = size - BLOCK * (blocks.length - 1);
    if (blocks.length > 0) blocks[blocks.length - 1].fill(0, rest);
    this.#size = size;
  }
}
