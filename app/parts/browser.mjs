// JavaScript because these calls may throw, and MicroPython cannot catch what a JavaScript call throws.

let tell = reportError;

/** Calls `teller(text)` for every exception that `guarded` has caught or `report` was given. */
export const onFault = (teller) => {
  tell = (error) => setTimeout(() => teller(String(error)));
};

/** Passes `error` to the function that `onFault` was given. */
export const report = (error) => tell(error);

/**
 * Returns `part` wrapped for Python: a method that throws returns undefined, and the exception is
 * reported. An exception that reached MicroPython would end the calling Python code at once, without
 * running its `finally`.
 */
export const guarded = (part) =>
  new Proxy(part, {
    get: (target, name) => {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...values) => {
        try {
          return value.apply(target, values);
        } catch (error) {
          tell(error);
          return undefined;
        }
      };
    },
  });

/** Returns the text remembered under `key`, or null, also where the browser keeps no data. */
export const recall = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // site data is blocked: the page works without what earlier visits remembered
  }
};

/** Remembers `text` under `key` where the browser allows it, and returns whether it did. */
export const remember = (key, text) => {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false; // localStorage is blocked or full
  }
};

/** Returns the time of day `seconds` ago, with the date where it was not today. */
export const clock = (seconds) => {
  const time = new Date(Date.now() - seconds * 1000);
  const isToday = time.toDateString() === new Date().toDateString();
  return time.toLocaleString([], { timeStyle: "short", dateStyle: isToday ? undefined : "medium" });
};

/** Adds an entry to the performance timeline; `begin` and `end` are ms since 1970, as text. */
export const measure = (name, begin, end) => {
  const { timeOrigin } = performance;
  try {
    performance.measure(name, { start: begin - timeOrigin, end: end - timeOrigin });
  } catch {
    // If the clock was set back, times lie before the navigation, and measure() throws.
  }
};

/** Marks this moment in the performance timeline, unless there is a mark of that name. */
export const mark = (name) => {
  if (reached(name) === null) performance.mark(name);
};

/** Returns the time of the first `mark(name)`, in ms from the navigation; null if there is none. */
export const reached = (name) => performance.getEntriesByName(name, "mark")[0]?.startTime ?? null;

/** Deletes the snapshots that worker/snapshot.mjs keeps; returns a promise of whether there were any. */
export const discardSnapshot = async () => {
  try {
    await globalThis.caches?.delete("sahpool-snapshot"); // where earlier versions kept it
    const root = await navigator.storage.getDirectory();
    const there = [];
    for await (const name of root.keys()) if (name.startsWith("sahpool-snapshot ")) there.push(name);
    await Promise.all(there.map((name) => root.removeEntry(name)));
    return there.length > 0;
  } catch {
    return false; // no OPFS, and so no snapshot; or it is just being written
  }
};

/** Puts `text` on the clipboard; returns a promise of whether the browser allowed it. */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

/** Saves `blob` as `name` among the person's downloads; returns whether it is a Blob. */
export const download = (blob, name) => {
  if (!(blob instanceof Blob)) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download reads the URL after the click; it begins within a minute.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
};

/** Returns the length of a file as text: MicroPython would lose what is beyond 2**31. */
export const sizeOf = (file) => String(file.size);

/** Asks the browser for persistent storage; returns a promise of its answer, which may stay pending. */
export const askToKeep = async () => {
  try {
    return await navigator.storage.persist();
  } catch {
    return false; // this browser or page has no persistent storage
  }
};

const ask = (event) => {
  event.preventDefault();
  event.returnValue = true; // older browsers look at this
};

/** Sets whether the browser asks the person before the page is left. */
export const askBeforeLeaving = (wanted) => {
  // Listen only while wanted: some browsers keep no page with a listener in the back/forward cache.
  (wanted ? addEventListener : removeEventListener)("beforeunload", ask);
};

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** Returns CodeMirror's name of a key event: `Mod-Enter`, `Alt-Shift-F`. */
const nameOf = (event) => {
  const [mod, other] = isApple ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  // Whether Shift is held for "?" differs between keyboards.
  const shift = event.shiftKey && (event.key.length > 1 || /\p{L}/u.test(event.key));
  const held = [mod && "Mod", other && (isApple ? "Ctrl" : "Meta"), event.altKey && "Alt", shift && "Shift"];
  return [...held.filter(Boolean), event.key].join("-");
};

const FIELDS = "input, textarea, select, [contenteditable=true]";

/** Scrolls an element into view, no further than needed. */
export const reveal = (element) => element.scrollIntoView({ block: "nearest" });

/**
 * Calls `press(key)` when one of `keys` (JSON) is pressed and no other listener has handled it; not
 * while a dialog or a popover is open, which Escape closes, or the page is inert.
 */
export const onKeys = (keys, press) => {
  const wanted = new Set(JSON.parse(keys));
  addEventListener("keydown", (event) => {
    const name = nameOf(event);
    if (event.defaultPrevented || !wanted.has(name)) return;
    if (document.querySelector("dialog[open], :popover-open, #page[inert]")) return;
    // In a field, a single character is text.
    if (name.length === 1 && event.composedPath()[0].closest(FIELDS)) return;
    if (name !== "Escape") event.preventDefault(); // it still leaves a field, or a page's full screen
    press(name);
  });
};
