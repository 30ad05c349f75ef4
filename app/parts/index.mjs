// JavaScript because it is what esbuild bundles: the parts that the page's Python calls through js_modules.

export { createEditor } from "./editor.mjs";
export { createGrid } from "./grid.mjs";
export { recall, remember, download } from "./browser.mjs";
