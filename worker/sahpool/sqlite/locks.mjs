// JavaScript, because two locks come with each SELECT: in Python, with what else was asked there, they
// doubled the time of a SELECT in WAL mode and made it 1.3 times as long in the rollback modes. Nor
// can a Python exception strike here.
//
// All connections run in one thread, so tables in memory are enough: the pool's Web Lock keeps
// other workers out.

// sqlite.org/c3ref/c_lock_exclusive.html
export const NONE = 0;
export const SHARED = 1;
export const RESERVED = 2;
export const PENDING = 3;
export const EXCLUSIVE = 4;

// The five lock levels of the rollback modes (sqlite.org/lockingv3.html, section 3) of one file. An
// owner is any value that stands for one connection to it. At most one owner is above SHARED; an
// EXCLUSIVE owner is the only one.
export class FileLocks {
  levels = new Map(); // owner → its level, above NONE

  level(owner) {
    return this.levels.get(owner) ?? NONE;
  }

  // The highest level of anybody but `owner`.
  highest(owner) {
    let highest = NONE;
    for (const [other, level] of this.levels) {
      if (other !== owner && level > highest) highest = level;
    }
    return highest;
  }

  // Raises the owner's level to SHARED, RESERVED or EXCLUSIVE; answers whether that was reached. A
  // refused EXCLUSIVE may leave the owner at PENDING: readers finish, new ones are kept out, and
  // the writer does not starve.
  lock(owner, wanted) {
    if (this.level(owner) >= wanted) return true;
    const others = this.highest(owner);
    if (wanted === SHARED) {
      if (others >= PENDING) return false; // a writer waits for the readers to leave, or is at work
    } else if (others >= RESERVED) {
      return false; // one writer at a time
    } else if (wanted === EXCLUSIVE && others === SHARED) {
      this.levels.set(owner, PENDING);
      return false;
    }
    this.levels.set(owner, wanted);
    return true;
  }

  // Lowers the owner's level to SHARED or NONE; never raises it.
  unlock(owner, wanted) {
    if (this.level(owner) <= wanted) return;
    if (wanted === NONE) this.levels.delete(owner);
    else this.levels.set(owner, wanted);
  }

  // Whether no owner holds a lock.
  isFree() {
    return this.levels.size === 0;
  }

  // Whether any owner, the asking one included, holds RESERVED or more: the answer of
  // xCheckReservedLock. With a constant 1 the hot journal of a killed tab would never be rolled
  // back; with a constant 0 a second connection would roll back the journal of a writer that is
  // alive.
  isReserved() {
    return this.highest(null) >= RESERVED;
  }
}

// The locks of one WAL-index (walformat.html, 2.3). A lock has any number of shared holders or one
// exclusive holder, never both.
export class IndexLocks {
  holders = []; // { shared, exclusive }: bits of the locks that a connection has

  join() {
    const holder = { locks: this, shared: 0, exclusive: 0 };
    this.holders.push(holder);
    return holder;
  }

  // Removes a holder; answers whether it was the last one.
  leave(holder) {
    this.holders.splice(this.holders.indexOf(holder), 1);
    return this.holders.length === 0;
  }

  // Takes all locks of a mask, or none; answers whether it took them. As in os_unix.c, a
  // connection's own shared lock also refuses it an exclusive one: a checkpoint that began to read
  // must not restart the WAL that it reads.
  lock(holder, mask, exclusive) {
    for (const other of this.holders) {
      let held = other.exclusive;
      if (exclusive) held = other === holder ? other.shared : held | other.shared;
      if ((held & mask) !== 0) return false;
    }
    if (exclusive) holder.exclusive |= mask;
    else holder.shared |= mask;
    return true;
  }

  unlock(holder, mask) {
    holder.shared &= ~mask;
    holder.exclusive &= ~mask;
  }
}

// Takes a Web Lock; answers false when another holder has it and ifAvailable was asked for. It is
// held until releaseWebLock(token), whatever becomes of the Python code that waits for it: a stop
// may be raised in the event loop, which then forgets a call that was due.
export function takeWebLock(name, options, token) {
  return new Promise((resolve, reject) => {
    const granted = (lock) => {
      if (token.isReleased) return null;
      resolve(lock !== null);
      return lock === null ? null : new Promise((release) => (token.release = release));
    };
    navigator.locks.request(name, options, granted).catch(reject);
  });
}

// Releases the lock of takeWebLock(), now or as soon as it is granted; may be called again.
export function releaseWebLock(token) {
  token.isReleased = true;
  token.release?.();
}
