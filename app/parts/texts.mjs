// JavaScript because IndexedDB and Web Locks call back, and a text of megabytes must not pass through MicroPython.

/**
 * The texts that a person has written, in an IndexedDB of this origin: one for each tab that had an
 * editor, kept when the tab has gone. A tab holds the Web Lock of its text, so that no other tab
 * takes it.
 */

import { recall, remember } from "./browser.mjs";
import { taken } from "./last.mjs";

const DATABASE = "sahpool-texts";
const STORE = "texts";
const OPEN = "sahpool.text.open"; // in sessionStorage: the text of this tab, for its next load
const UNSAVED = "sahpool.text.unsaved."; // and an id, in localStorage: what a page had no time to keep
const LONGEST_UNSAVED = 1_000_000; // characters of it; localStorage holds 5 MB of an origin
const OLD = "sahpool.text"; // in localStorage: the one text that earlier versions kept
const OLD_ID = "old";
const LOCK_WAIT = 300; // ms: the page before a reload still holds its lock for a moment

const lockOf = (id) => `sahpool text ${id}`;

/** Returns a promise of what an IDBRequest or the end of an IDBTransaction gives. */
const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = request.oncomplete = () => resolve(request.result);
    request.onerror = request.onabort = () => reject(request.error);
  });

const connect = async () => {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () =>
    request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex("changed", "changed");
  const database = await settled(request);
  // Another tab may delete the data of this site: it must not wait for this one.
  database.onversionchange = () => database.close();
  return database;
};

/** Returns a promise of whether this tab may have the text, and then holds its lock until it ends. */
const claim = (id, wait = 0) =>
  new Promise((resolve) => {
    if (!navigator.locks) return resolve(true);
    const options = wait ? { signal: AbortSignal.timeout(wait) } : { ifAvailable: true };
    const held = (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {});
    };
    return navigator.locks.request(lockOf(id), options, held).catch(() => resolve(false));
  });

const fresh = () => `${Date.now()}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

const session = {
  get: () => {
    try {
      return sessionStorage.getItem(OPEN);
    } catch {
      return null; // site data is blocked
    }
  },
  set: (id) => {
    try {
      sessionStorage.setItem(OPEN, id);
    } catch {
      // the next load of this tab takes up the last text that none has open
    }
  },
};

/** Returns the texts that pages had no time to keep, the last one first, with their keys. */
const unsavedTexts = () => {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(UNSAVED));
  const found = keys.map((key) => ({ key, ...parsed(recall(key)) }));
  return found
    .filter(({ id, text, changed }) => typeof id === "string" && typeof text === "string" && changed > 0)
    .sort((one, other) => other.changed - one.changed);
};

const parsed = (json) => {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {}; // not ours
  }
};

/** Returns the text that earlier versions of the console kept, or null. */
const oldText = () => {
  const text = recall(OLD);
  return text?.trim() ? { key: OLD, id: OLD_ID, text, changed: 1 } : null;
};

/** The text of this tab. */
export class KeptText {
  #database = null;
  #id = "";
  #kept = null;

  /** Begins at once, before there is an editor. */
  constructor() {
    this.taken = this.#take().catch(() => recall(OLD)); // the browser keeps no databases for this site
  }

  async #take() {
    this.#database = await connect();
    const unsaved = unsavedTexts();
    const given = [...unsaved, oldText()].filter(Boolean);
    // The ids only, newest last: the texts of many visits may be megabytes.
    const known = await settled(this.#store("readonly").index("changed").getAllKeys());
    const ids = [...unsaved.map(({ id }) => id), ...known.reverse(), OLD_ID];
    const found = await this.#claimFirst(session.get(), ids, given);
    this.#id = found?.id ?? fresh();
    if (!found) await claim(this.#id);
    session.set(this.#id);
    this.#kept = found?.text ?? null;
    taken(this.#id, this.#kept);
    this.#takeOver(given).catch(() => {}); // it is still in localStorage at the next start
    return this.#kept;
  }

  /** Returns the first text that no other tab has open: that of this tab before, then the last one. */
  async #claimFirst(own, ids, given) {
    const candidates = [...new Set(own ? [own, ...ids] : ids)];
    for (const id of candidates) {
      const entry = await this.#newest(id, given);
      if (!entry || !/\S/.test(entry.text)) continue;
      if (await claim(id, id === own ? LOCK_WAIT : 0)) return entry;
    }
    return null;
  }

  /** Returns what was written last under an id; undefined if there is nothing. */
  async #newest(id, given) {
    const stored = await settled(this.#store("readonly").get(id));
    const other = given.find((entry) => entry.id === id);
    return other && !(stored?.changed >= other.changed) ? other : stored;
  }

  /** Moves texts out of localStorage, also those that another tab is to have. */
  async #takeOver(given) {
    for (const { key, ...entry } of given) {
      const stored = await settled(this.#store("readonly").get(entry.id));
      if (!(stored?.changed >= entry.changed)) await this.#put(entry);
      localStorage.removeItem(key);
    }
  }

  #store(mode) {
    // "relaxed" is Chromium's default and Firefox's: a text outlives the tab and the browser, and a
    // power cut may take its last seconds.
    return this.#database.transaction(STORE, mode, { durability: "relaxed" }).objectStore(STORE);
  }

  /** Begins a new text; the one that was taken stays as it is, for another tab. */
  async renew() {
    this.#id = fresh();
    this.#kept = null;
    session.set(this.#id);
    taken(this.#id, null);
    await claim(this.#id);
  }

  /**
   * Keeps a text in place of the one before; returns a promise that ends once it is kept, and that
   * fails where the browser has no room for it.
   */
  async keep(text) {
    await this.taken;
    if (text === this.#kept) return;
    if (this.#database) await this.#put({ id: this.#id, text, changed: Date.now() });
    else if (!remember(OLD, text)) throw new Error("localStorage is blocked or full");
    this.#kept = text;
  }

  async #put(entry) {
    const store = this.#store("readwrite");
    store.put(entry);
    store.transaction.commit(); // so that it is done even when the page goes now
    await settled(store.transaction);
  }

  /** Keeps a text as the page goes: what IndexedDB may not finish, localStorage has for the next load. */
  leave(text) {
    if (text === this.#kept) return;
    if (text.length <= LONGEST_UNSAVED) {
      const id = this.#id || fresh();
      remember(UNSAVED + id, JSON.stringify({ id, text, changed: Date.now() }));
    }
    this.keep(text).catch(() => {}); // the page is gone, and nobody can be told
  }
}
