// JavaScript because these calls may throw, and MicroPython cannot catch what a JavaScript call throws.

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

/** Puts `text` on the clipboard; a promise of whether it was allowed. */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

/** Saves `blob` as `name` in the person's downloads. */
export const download = (blob, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download reads from the address after the click; a minute is long enough for it to begin.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};
