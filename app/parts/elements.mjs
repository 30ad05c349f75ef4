// JavaScript because they are custom elements of the browser; alone, to be loaded once there is an editor.

import "@vaadin/grid/vaadin-grid.js";

export * from "./copying.mjs";
export { figuresOf } from "./figures.mjs";
export { Selection } from "./selection.mjs";
