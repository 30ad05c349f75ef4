// JavaScript because it is what esbuild bundles: the parts that the page's Python calls through js_modules.

import "./slices.mjs";
import { guarded } from "./browser.mjs";
import * as editor from "./editor.mjs";
import * as grid from "./grid.mjs";
import * as last from "./last.mjs";

export const createEditor = (...values) => guarded(editor.createEditor(...values));
export const createGrid = (...values) => guarded(grid.createGrid(...values));
export const lastRows = guarded(last.lastRows);
export { keepOffline, onOpenedWith, takeUpdate } from "./offline.mjs";
export { droppedFiles } from "./drop.mjs";
export { write, writeName } from "./visible.mjs";
export { onFault } from "./browser.mjs";
export { clock, copyText, mark, measure, reached } from "./browser.mjs";
export { askBeforeLeaving, askToKeep, discardSnapshot, download, onKeys, recall, remember, reveal, sizeOf } from "./browser.mjs";
