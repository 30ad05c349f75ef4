// JavaScript, because two locks come with each SELECT: in Python, with what else was asked there, they
// doubled the time of one in WAL mode and made it 1.3 times as long in the rollback modes. Nor can an
// exception of Python's strike here.
//
// All connections live in one thread, so tables in memory are the whole truth: other workers are kept
// out by the pool's Web Lock.

// sqlite.org/c3ref/c_lock_exclusive.html
export const NONE = 0;
export const SHARED = 1;
export const RESERVED = 2;
export const PENDING = 3;
export const EXCLUSIVE = 4;

// The five lock levels of the rollback modes (sqlite.org/lockingv3.html, section 3) of one file, for
// all that have it open. An owner is any value that stands for one of them. At most one owner is above
// SHARED; an EXCLUSIVE owner is the only one.
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

  // Raises the owner's level to SHARED, RESERVED or EXCLUSIVE; answers whether that was reached. After a
  // refused EXCLUSIVE the owner may be left at PENDING: readers finish, new ones are kept out, the
  // writer does not starve.
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

  // Whether nobody holds anything.
  isFree() {
    return this.levels.size === 0;
  }

  // Whether any owner, the asking one included, holds RESERVED or more: what xCheckReservedLock is
  // asked. A constant 1 means that the hot journal of a killed tab is never rolled back; a constant 0
  // that a second connection rolls back the journal of a writer that is alive.
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

  // Answers whether nobody is left.
  leave(holder) {
    this.holders.splice(this.holders.indexOf(holder), 1);
    return this.holders.length === 0;
  }

  // Takes the locks of a mask, or none. As in os_unix.c a connection's own lock is in its way as
  // well: a checkpoint that began to read must not begin the WAL anew beneath itself.
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
