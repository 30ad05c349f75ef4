// JavaScript because these calls may throw, and MicroPython cannot catch what a JavaScript call throws.

let tell = reportError;

/** `teller(text)` is told of every exception that `guarded` has caught. */
export const onFault = (teller) => {
  tell = (error) => setTimeout(() => teller(String(error)));
};

/** Has `error` told as `onFault` was asked to. */
export const report = (error) => tell(error);

/**
 * `part` for Python to call: what its methods throw is told, and undefined comes back. Let through,
 * an exception would end the Python that called, without its `finally`, in the middle of anything.
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

/** What was remembered under `key`, or null: also where the browser keeps nothing for this page. */
export const recall = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off: the page works, it only starts afresh
  }
};

/** Remembers `text` under `key` where the browser allows it; answers whether it did. */
export const remember = (key, text) => {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false; // switched off or full
  }
};

/** An entry of the performance timeline; `begin` and `end` are ms since 1970, as text. */
export const measure = (name, begin, end) => {
  const { timeOrigin } = performance;
  try {
    performance.measure(name, { start: begin - timeOrigin, end: end - timeOrigin });
  } catch {
    // A clock that was set back makes times before the navigation, which are refused.
  }
};

/** Marks this moment in the performance timeline, unless it was reached before. */
export const mark = (name) => {
  if (reached(name) === null) performance.mark(name);
};

/** When `mark` came first, in ms from the navigation; null when it has not. */
export const reached = (name) => performance.getEntriesByName(name, "mark")[0]?.startTime ?? null;

/** Throws away what worker/snapshot.mjs keeps; a promise of whether that made room. */
export const discardSnapshot = async () => {
  try {
    // A whole cache would keep its room for as long as somebody has it open.
    const cache = await caches.open("sahpool-snapshot");
    const there = await cache.keys();
    await Promise.all(there.map((request) => cache.delete(request)));
    return there.length > 0;
  } catch {
    return false; // no Cache Storage, and so no snapshot
  }
};

/** Puts `text` on the clipboard; a promise of whether it was allowed. */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

/** Saves `blob` as `name` in the person's downloads; answers whether it is a Blob at all. */
export const download = (blob, name) => {
  if (!(blob instanceof Blob)) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download reads from the address after the click; a minute is long enough for it to begin.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
};

/** The length of a file as text: MicroPython would lose what is beyond 2**31. */
export const sizeOf = (file) => String(file.size);

/** Asks the browser to keep this site's data; a promise of whether it agreed, which may stay open. */
export const askToKeep = async () => {
  try {
    return await navigator.storage.persist();
  } catch {
    return false; // not offered here
  }
};

const ask = (event) => {
  event.preventDefault();
  event.returnValue = true; // older browsers look at this
};

/** Has the browser ask before the page is left, or no longer. */
export const askBeforeLeaving = (wanted) => {
  // Only while it matters: with a listener some browsers do not keep the page for the way back.
  (wanted ? addEventListener : removeEventListener)("beforeunload", ask);
};

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** A key event in CodeMirror's words: `Mod-Enter`, `Alt-Shift-F`. */
const nameOf = (event) => {
  const [mod, other] = isApple ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  const held = [mod && "Mod", other && (isApple ? "Ctrl" : "Meta"), event.altKey && "Alt", event.shiftKey && "Shift"];
  return [...held.filter(Boolean), event.key].join("-");
};

/**
 * `press(key)` is called when one of the keys (JSON) is pressed and nothing else on the page wants it.
 * Not while a question is open, or the page cannot be used.
 */
export const onKeys = (keys, press) => {
  const wanted = new Set(JSON.parse(keys));
  addEventListener("keydown", (event) => {
    const name = nameOf(event);
    if (event.defaultPrevented || !wanted.has(name)) return;
    if (document.querySelector("dialog[open], #page[inert]")) return;
    event.preventDefault();
    press(name);
  });
};
