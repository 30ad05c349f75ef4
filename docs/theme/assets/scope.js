// JavaScript because the theme's script expects these four: what the reader chose, kept for this site.

const scope = new URL(document.currentScript.dataset.base, location);

globalThis.__md_scope = scope;
globalThis.__md_hash = (text) => [...text].reduce((hash, letter) => (hash << 5) - hash + letter.charCodeAt(0), 0);
globalThis.__md_get = (name, storage = localStorage, base = scope) =>
  JSON.parse(storage.getItem(`${base.pathname}.${name}`));
globalThis.__md_set = (name, value, storage = localStorage, base = scope) => {
  try {
    storage.setItem(`${base.pathname}.${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
};
