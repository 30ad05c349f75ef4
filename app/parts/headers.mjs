// JavaScript because the grid asks for its headers while it scrolls.

import { writeName } from "./visible.mjs";

/** Draws the name of a column of a result, and how the result is sorted by it. */
export const drawHeader = (root, column, result, unnamed) => {
  const name = result.names[column.index];
  root.className = column.side;
  writeName(root, name, unnamed);
  root.title = name;
  const at = result.order.findIndex(([index]) => index === column.index);
  const cell = root.assignedSlot?.parentElement;
  if (at < 0) {
    cell?.removeAttribute("aria-sort");
    return;
  }
  const isDescending = result.order[at][1];
  cell?.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
  const mark = document.createElement("span");
  mark.className = "sorted";
  mark.textContent = (isDescending ? "▼" : "▲") + (result.order.length > 1 ? at + 1 : "");
  mark.ariaHidden = "true";
  root.prepend(mark);
};

/** Returns the index of the column of a result whose header an event is about; undefined for none. */
export const headerOf = (grid, event) => {
  const isResizing = event.composedPath().some((node) => node.part?.contains("resize-handle"));
  const { section, column } = grid.getEventContext(event);
  return section === "header" && !isResizing ? column?.index : undefined;
};
