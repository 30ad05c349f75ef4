// JavaScript because a drag selects with every move of the pointer, and only cells in view may be touched.

const PRESS = 500; // ms of a touch that begins a selection
const STILL = 10; // px by which a finger may move meanwhile
const STEP = 0.3; // of the distance from the rows by which a drag scrolls in a frame
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const MOVES = new Set([...Object.keys(ARROWS), "Home", "End", "PageUp", "PageDown"]);

/** Returns what is from the lower to the higher of two numbers, without the end. */
const span = (one, other) => [Math.min(one, other), Math.max(one, other) + 1];

/**
 * The cells of a vaadin-grid that are selected: a range, whole rows, whole columns or all, in memory
 * four numbers, whatever its size. A column of the grid has `index`, its place in the result; the one
 * with the numbers of the rows has `numbers`.
 */
export class Selection {
  #grid;
  #size;
  #order;
  #onChange;
  #onMenu;
  #kind = "cells"; // "rows": whole rows, "columns": whole columns, "all"
  #anchor = null; // {row, at}: `at` is the place among the columns as they are shown
  #end = null;
  #shift = null; // whether the key that is handled just now extends the selection; null: no key is
  #pointer = null; // the place of the pointer during a drag
  #frame = 0;
  #press = 0;
  #pressed = null;
  #isTouch = false;
  #awaits = false; // whether the next touch extends the selection
  #chosen = null; // what is painted
  #parts = (column, { index }) => this.#partsOf(column, index);

  /**
   * @param {Element} grid
   * @param {() => number} size of the result, in rows
   * @param {() => number[]} order the columns of the result as they are shown
   * @param {{onChange: () => void, onMenu: (x: number, y: number) => void}} hooks
   */
  constructor(grid, size, order, { onChange, onMenu }) {
    this.#grid = grid;
    this.#size = size;
    this.#order = order;
    this.#onChange = onChange;
    const on = (kind, listener, capture = true) => grid.addEventListener(kind, listener, { capture });
    on("pointerdown", (event) => this.#onDown(event));
    on("click", (event) => this.#onClick(event));
    on("keydown", (event) => this.#onKey(event));
    on("cell-focus", ({ detail: { context } }) => this.#onFocus(context), false);
    on("contextmenu", (event) => this.#onContext(event));
    this.#onMenu = onMenu;
  }

  /** {from, to, columns, kind}: rows from `from` to before `to`, and columns as they are shown; null: none. */
  get range() {
    const found = this.#bounds();
    if (!found) return null;
    const { rows, places } = found;
    return { from: rows[0], to: rows[1], columns: this.#order().slice(...places), kind: this.#kind };
  }

  /** The cell that a person is at, {row, index}, or null. */
  get cell() {
    return this.#end && { row: this.#end.row, index: this.#order()[this.#end.at] };
  }

  /** Whether more than one cell is selected. */
  get isMany() {
    const range = this.range;
    return range !== null && (this.#kind !== "cells" || (range.to - range.from) * range.columns.length > 1);
  }

  /** Whether the next touch sets the other corner. */
  get awaits() {
    return this.#awaits;
  }

  /** Selects a cell, {row, index}, unless a person is at it. */
  goTo({ row, index }) {
    const at = this.#order().indexOf(index);
    if (this.#end?.row !== row || this.#end.at !== at) this.#set("cells", { row, at }, { row, at });
  }

  /** Focuses the cell that a person is at. */
  focus() {
    if (!this.#end) return;
    if (!this.#cellOf(this.#end)) this.#grid.scrollToIndex(this.#end.row);
    this.#cellOf(this.#end)?.focus();
  }

  /** Scrolls the cell that a person is at into view, once the page has its new layout. */
  reveal() {
    const show = () => this.#end && this.#cellOf(this.#end)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    requestAnimationFrame(() => requestAnimationFrame(show));
  }

  /** Selects all cells. */
  all() {
    const columns = this.#order().length;
    if (!columns || !this.#size()) return;
    this.#anchor ??= { row: 0, at: 0 };
    this.#end ??= this.#anchor;
    this.#set("all", this.#anchor, this.#end);
  }

  /** Selects nothing, as when the rows have another order. */
  clear() {
    this.#set("cells", null, null);
  }

  /** More rows have come: whole columns have them as well. */
  grown() {
    if (this.#kind === "columns" || this.#kind === "all") this.#set(this.#kind, this.#anchor, this.#end, this.#awaits);
  }

  #bounds() {
    if (!this.#anchor) return null;
    const [size, width] = [this.#size(), this.#order().length];
    const isWholeRow = this.#kind === "rows" || this.#kind === "all";
    const isWholeColumn = this.#kind === "columns" || this.#kind === "all";
    return {
      rows: isWholeColumn ? [0, size] : span(this.#anchor.row, this.#end.row),
      places: isWholeRow ? [0, width] : span(this.#anchor.at, this.#end.at),
    };
  }

  #set(kind, anchor, end, awaits = false) {
    [this.#kind, this.#anchor, this.#end, this.#awaits] = [kind, anchor, end, awaits];
    this.#chosen = null;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.#grid.isConnected) return;
      this.#paint();
      this.#onChange();
    });
  }

  /** Has the grid draw what is selected. It asks for each cell, also while it scrolls, only if anything is. */
  #paint() {
    const wanted = this.#anchor ? this.#parts : null;
    if (this.#grid.cellPartNameGenerator === wanted) this.#grid.generateCellPartNames();
    else this.#grid.cellPartNameGenerator = wanted;
  }

  /** Selects from the anchor to a cell; what is selected in whole rows or columns stays so. */
  #extend(place) {
    if (!this.#anchor) this.#set("cells", place, place);
    else if (this.#kind === "all") this.#set("cells", this.#anchor, place);
    else this.#set(this.#kind, this.#anchor, place);
  }

  /** Returns the names of the parts of a cell, by which it is drawn. */
  #partsOf(column, row) {
    if (!this.#anchor) return null;
    const { rows, places, order } = (this.#chosen ??= { ...this.#bounds(), order: this.#order() });
    if (this.#kind !== "columns" && this.#kind !== "all" && (row < rows[0] || row >= rows[1])) return null;
    if (column.numbers) return this.isMany ? "chosen-number" : null;
    const at = order.indexOf(column.index);
    if (at < places[0] || at >= places[1] || at < 0) return null;
    const isLast = row === (this.#kind === "columns" || this.#kind === "all" ? this.#size() : rows[1]) - 1;
    const edges = [
      row === rows[0] && "chosen-top",
      isLast && "chosen-bottom",
      at === places[0] && "chosen-left",
      at === places[1] - 1 && "chosen-right",
    ];
    return ["chosen", ...edges.filter(Boolean)].join(" ");
  }

  /** Returns the place of a column among those shown; -1 for one that has none. */
  #at(column) {
    return column?.index === undefined ? -1 : this.#order().indexOf(column.index);
  }

  #onDown(event) {
    const context = this.#grid.getEventContext(event);
    this.#isTouch = event.pointerType === "touch"; // not every browser says so of the click
    if (this.#isTouch) {
      this.#beginPress(event, context);
      return;
    }
    if (event.button !== 0 || context.section !== "body" || !context.item) return;
    const at = this.#at(context.column);
    if (at < 0 && !context.column?.numbers) return;
    const kind = at < 0 ? "rows" : "cells";
    const place = { row: context.index, at: Math.max(at, 0) };
    if (event.shiftKey && this.#anchor) this.#set(kind, this.#anchor, place);
    else this.#set(kind, place, place);
    this.#drag(event);
  }

  /** Has the selection follow the pointer until it is released. */
  #drag(event) {
    const follow = ({ clientX, clientY }) => {
      const isFirst = !this.#pointer;
      this.#pointer = { x: clientX, y: clientY };
      if (isFirst) requestAnimationFrame(() => this.#follow());
    };
    const { clientX, clientY } = event;
    const wait = (moved) => {
      if (Math.hypot(moved.clientX - clientX, moved.clientY - clientY) < STILL) return;
      removeEventListener("pointermove", wait);
      addEventListener("pointermove", follow);
    };
    const end = () => {
      this.#pointer = null;
      removeEventListener("pointermove", wait);
      removeEventListener("pointermove", follow);
      for (const type of ["pointerup", "pointercancel"]) removeEventListener(type, end, { capture: true });
      // From there on Shift and the arrows go on.
      if (this.#end) this.#cellOf(this.#end)?.focus({ preventScroll: true });
    };
    addEventListener("pointermove", wait);
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, end, { capture: true });
  }

  /** Extends the selection to the pointer, and scrolls while that is outside of the rows. */
  #follow() {
    if (!this.#pointer || !this.#grid.isConnected) return;
    const { x, y } = this.#pointer;
    const { table, header } = this.#grid.$;
    const box = table.getBoundingClientRect();
    const numbers = header.querySelector("th")?.getBoundingClientRect();
    const area = {
      left: (numbers?.right ?? box.left) + 1,
      right: box.left + table.clientWidth - 2,
      top: header.getBoundingClientRect().bottom + 1,
      bottom: box.top + table.clientHeight - 2,
    };
    const nearX = Math.max(area.left, Math.min(x, area.right));
    const nearY = Math.max(area.top, Math.min(y, area.bottom));
    if (x !== nearX && this.#kind !== "rows") table.scrollLeft += (x - nearX) * STEP;
    if (y !== nearY) table.scrollTop += (y - nearY) * STEP;
    const place = this.#placeAt(nearX, nearY);
    if (place && (place.row !== this.#end?.row || place.at !== this.#end?.at)) this.#extend(place);
    if (x !== nearX || y !== nearY) requestAnimationFrame(() => this.#follow());
    else this.#pointer = null; // the next move of the pointer goes on
  }

  /** Returns the cell at a point of the rows' area; below the last row, the one of that row. */
  #placeAt(x, y) {
    const found = document.elementFromPoint(x, y);
    const content = found?.closest("vaadin-grid-cell-content");
    const inside = content?.assignedSlot ?? this.#grid.shadowRoot.elementFromPoint(x, y);
    const cell = inside?.closest("td");
    if (cell) {
      const { row, index, column } = this.#contextOf(cell);
      if (row) return { row: index, at: Math.max(this.#at(column), 0) };
    }
    const rows = [...this.#grid.$.items.children].filter((each) => !each.hidden);
    const last = rows.find((each) => each.index === this.#size() - 1)?.getBoundingClientRect();
    if (last && y > last.bottom) {
      const above = this.#placeAt(x, last.bottom - 2);
      return above ?? { row: this.#size() - 1, at: this.#order().length - 1 };
    }
    return null;
  }

  /** Returns the element of a cell, if it is drawn. */
  #cellOf({ row, at }) {
    const found = [...this.#grid.$.items.children].find((each) => !each.hidden && each.index === row);
    return [...(found?.children ?? [])].find((each) => this.#at(this.#contextOf(each).column) === at);
  }

  #contextOf(cell) {
    const path = [];
    for (let node = cell; node; node = node.parentNode) path.push(node);
    const context = this.#grid.getEventContext({ composedPath: () => path });
    return { ...context, row: context.section === "body" ? context.item : null };
  }

  /** A long touch selects a cell, and the next touch the other corner; within a selection it opens the menu. */
  #beginPress(event, context) {
    clearTimeout(this.#press);
    if (context.section !== "body" || !context.item) return;
    const { clientX: x, clientY: y } = event;
    const at = this.#at(context.column);
    if (at < 0 && !context.column?.numbers) return;
    const place = { row: context.index, at: Math.max(at, 0) };
    const kind = at < 0 ? "rows" : "cells";
    const stop = (moved) => {
      if (moved.type === "pointermove" && Math.hypot(moved.clientX - x, moved.clientY - y) < STILL) return;
      clearTimeout(this.#press);
      for (const type of ["pointermove", "pointerup", "pointercancel"]) removeEventListener(type, stop);
    };
    for (const type of ["pointermove", "pointerup", "pointercancel"]) addEventListener(type, stop);
    this.#pressed = null;
    this.#press = setTimeout(() => {
      this.#pressed = place;
      // The end of the touch would close a menu that is open by then.
      if (this.isMany && this.#has(place)) this.#afterRelease(() => this.#onMenu(x, y));
      else this.#set(kind, place, place, true);
    }, PRESS);
  }

  #afterRelease(act) {
    addEventListener("pointerup", () => setTimeout(act), { once: true });
  }

  #has({ row, at }) {
    const found = this.#bounds();
    return Boolean(
      found && row >= found.rows[0] && row < found.rows[1] && at >= found.places[0] && at < found.places[1],
    );
  }

  #onClick(event) {
    const context = this.#grid.getEventContext(event);
    const at = this.#at(context.column);
    if (context.section === "header") {
      if (context.column?.numbers) this.all();
      if (at < 0 || !(event.ctrlKey || event.metaKey)) return;
      // A click alone is for whatever else the header does.
      event.stopPropagation();
      event.preventDefault();
      const place = { row: 0, at };
      this.#set("columns", event.shiftKey && this.#anchor ? this.#anchor : place, place);
      return;
    }
    if (!this.#isTouch || context.section !== "body" || !context.item) return;
    if (at < 0 && !context.column?.numbers) return;
    const wasLong = this.#pressed !== null;
    this.#pressed = null;
    if (wasLong) return;
    const place = { row: context.index, at: Math.max(at, 0) };
    if (this.#awaits) this.#set(this.#kind, this.#anchor, place);
    else this.#set(at < 0 ? "rows" : "cells", place, place);
  }

  #onContext(event) {
    const context = this.#grid.getEventContext(event);
    if (context.section !== "body" || !context.item) return;
    event.preventDefault();
    if (event.pointerType === "touch" || (this.#isTouch && this.#pressed)) return; // the long touch has been answered
    const at = this.#at(context.column);
    const place = { row: context.index, at: Math.max(at, 0) };
    if (!this.#has(place)) this.#set(at < 0 ? "rows" : "cells", place, place);
    // Of a key there is no pointer: the menu opens at the cell.
    if (event.button !== 2) {
      this.#openAt(event.composedPath().find((node) => node.matches?.("td")));
      return;
    }
    const open = () => this.#onMenu(event.clientX, event.clientY);
    // Where the event comes before the button is released, that would close the menu again.
    if (event.buttons & 2) this.#afterRelease(open);
    else open();
  }

  #openAt(cell) {
    const { left, bottom } = cell.getBoundingClientRect();
    this.#onMenu(left + 8, bottom);
  }

  #onKey(event) {
    const { key, shiftKey, altKey } = event;
    const mod = event.ctrlKey || event.metaKey;
    this.#shift = shiftKey && !altKey;
    // The grid moves the focus while it handles the key.
    setTimeout(() => (this.#shift = null));
    const cell = event.composedPath().find((node) => node.matches?.("td, th"));
    if (!cell || altKey) return;
    const taken = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    const context = this.#contextOf(cell);
    this.#begin(context, key);
    if (key.toLowerCase() === "a" && mod && !shiftKey) {
      taken();
      this.all();
    } else if (context.row && (key === "ContextMenu" || (key === "F10" && shiftKey))) {
      taken(); // not every browser makes an event of a menu of these keys
      const place = { row: context.index, at: Math.max(this.#at(context.column), 0) };
      if (!this.#has(place)) this.#set("cells", place, place);
      this.#openAt(cell);
    } else if (key === " " && (mod || shiftKey)) {
      taken();
      this.#whole(context, mod, shiftKey);
    } else if (mod && key in ARROWS && context.row) {
      taken();
      this.#toEdge(cell, context, ARROWS[key]);
    }
  }

  /** Has a selection by Shift and a key begin at the cell with the focus. */
  #begin({ row, index, column }, key) {
    const at = this.#at(column);
    if (!this.#shift || !MOVES.has(key) || !row || at < 0) return;
    if (this.#end?.row === index && this.#end.at === at) return;
    this.#set("cells", { row: index, at }, { row: index, at });
  }

  /** Selects the row or the column of a cell. */
  #whole({ column, index, row }, isColumn, isRow) {
    if (isColumn && isRow) {
      this.all();
      return;
    }
    const at = this.#at(column);
    if (isColumn && at >= 0) {
      const place = { row: index ?? 0, at };
      const isFrom = this.#anchor && this.#kind === "cells" && row && this.isMany;
      this.#set("columns", isFrom ? this.#anchor : place, place);
    } else if (isRow && row) {
      const place = { row: index, at: Math.max(at, 0) };
      const isFrom = this.#anchor && this.#kind === "cells" && this.isMany;
      this.#set("rows", isFrom ? this.#anchor : place, place);
    }
  }

  /** Moves the focus to the first or last row or column. */
  #toEdge(cell, { index, column }, [down, right]) {
    const { items, table } = this.#grid.$;
    if (down) {
      const place = [...cell.parentElement.children].indexOf(cell);
      const row = down < 0 ? 0 : this.#size() - 1;
      if (row === index) return;
      this.#grid.scrollToIndex(row);
      [...items.children].find((each) => !each.hidden && each.index === row)?.children[place]?.focus();
      return;
    }
    const order = this.#order();
    const wanted = right < 0 ? order[0] : order.at(-1);
    if (column?.index === wanted) return;
    const there = [...cell.parentElement.children].find((each) => this.#contextOf(each).column?.index === wanted);
    if (there) {
      there.focus();
      table.scrollLeft = right < 0 ? 0 : table.scrollWidth;
    } else {
      // Of a result with very many columns not all have an element (wide.mjs).
      const key = right < 0 ? "Home" : "End";
      const shiftKey = this.#shift;
      cell.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, composed: true, cancelable: true }));
    }
  }

  /** The focus has gone to another cell, by a key or because the grid is focused. */
  #onFocus({ section, index, column, item }) {
    if (section !== "body" || !item || this.#shift === null) return;
    const at = this.#at(column);
    if (at < 0 && !this.#shift) return; // at the number of a row
    const place = { row: index, at: Math.max(at, 0) };
    if (this.#shift) this.#extend(place);
    else this.#set("cells", place, place);
  }
}
