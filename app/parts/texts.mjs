// JavaScript because IndexedDB and Web Locks call back, and a text of megabytes must not pass through MicroPython.

/**
 * The texts that a person has written, in an IndexedDB of this origin: one for each tab that had an
 * editor, kept when the tab has gone. A tab holds the Web Lock of its text, so that no other tab
 * takes it.
 */

import { recall, remember } from "./browser.mjs";

const DATABASE = "sahpool-texts";
const STORE = "texts";
const OPEN = "sahpool.text.open"; // in sessionStorage: the text of this tab, for its next load
const UNSAVED = "sahpool.text.unsaved"; // in localStorage: what the last page had no time to keep
const LONGEST_UNSAVED = 1_000_000; // characters of it; localStorage holds 5 MB of an origin
const OLD = "sahpool.text"; // in localStorage: the one text that earlier versions kept
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
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
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
    const all = await settled(this.#store("readonly").getAll());
    const texts = new Map(all.map((entry) => [entry.id, entry]));
    for (const entry of [this.#unsaved(), this.#old()]) {
      if (entry && !(texts.get(entry.id)?.changed >= entry.changed)) texts.set(entry.id, entry);
    }
    const own = session.get();
    const candidates = [...texts.values()].filter(({ text }) => text.trim()).sort((a, b) => b.changed - a.changed);
    const found = await this.#claimFirst(texts.get(own), candidates);
    this.#id = found?.id ?? fresh();
    if (!found) await claim(this.#id);
    session.set(this.#id);
    this.#kept = found?.text ?? null;
    if (found && found !== all.find(({ id }) => id === found.id)) this.#put(found.text);
    return this.#kept;
  }

  /** Returns the first text that no other tab has open: that of this tab before, then the last one. */
  async #claimFirst(own, candidates) {
    if (own && (await claim(own.id, LOCK_WAIT))) return own;
    for (const entry of candidates) {
      if (entry !== own && (await claim(entry.id))) return entry;
    }
    return null;
  }

  #unsaved() {
    try {
      const entry = JSON.parse(recall(UNSAVED));
      localStorage.removeItem(UNSAVED);
      return typeof entry?.id === "string" && typeof entry.text === "string" ? entry : null;
    } catch {
      return null; // nothing, or not ours
    }
  }

  #old() {
    const text = recall(OLD);
    return text?.trim() ? { id: "old", text, changed: 0 } : null;
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
    await claim(this.#id);
  }

  /**
   * Keeps a text in place of the one before; returns a promise that ends once it is kept, and that
   * fails where the browser has no room for it.
   */
  async keep(text) {
    await this.taken;
    if (text === this.#kept) return;
    if (this.#database) await this.#put(text);
    else if (!remember(OLD, text)) throw new Error("localStorage is blocked or full");
    this.#kept = text;
  }

  async #put(text) {
    const store = this.#store("readwrite");
    store.put({ id: this.#id, text, changed: Date.now() });
    store.transaction.commit(); // so that it is done even when the page goes now
    await settled(store.transaction);
    if (this.#id === "old") localStorage.removeItem(OLD);
  }

  /** Keeps a text as the page goes: what IndexedDB may not finish, localStorage has for the next load. */
  leave(text) {
    if (text === this.#kept) return;
    if (text.length <= LONGEST_UNSAVED) {
      remember(UNSAVED, JSON.stringify({ id: this.#id || fresh(), text, changed: Date.now() }));
    }
    this.keep(text).catch(() => {}); // the page is gone, and nobody can be told
  }
}
