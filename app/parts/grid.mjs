// JavaScript because the grid asks for cells while it scrolls, faster than Python on the page can answer.

import { copyText, download, report } from "./browser.mjs";
import { grouped, numberText } from "./columns.mjs";
import { drawHeader, headerOf } from "./headers.mjs";
import { KeptGrids } from "./kept.mjs";
import { keep, lastRows } from "./last.mjs";
import { Result } from "./result.mjs";
import { write, writeName } from "./visible.mjs";
import { WideColumns } from "./wide.mjs";

const PADDING = 28; // px beside the text of a cell
const NARROWEST = 72;
const WIDEST = 380;
const SAMPLE = 60; // rows whose length decides how wide a column starts
const WIDE = 40; // columns from which on elements are made for those in view only (wide.mjs)
const ROWS_AT_ONCE = 3; // rows of such a result that one task adds while it is drawn first
const LOWEST_ROW = 24; // px
const WIDE_SAMPLE = 8; // rows whose length decides how wide a column of such a result is
const TITLE_FROM = 30; // characters beyond which a cell shows its text in a tooltip
const FIGURES_DELAY = 150; // ms without another selection, so that not each one on the way is read out
const REHEARSAL = 200; // ms, which is some frames

/** Resolves in a task of its own, so that the browser can draw and take keys before. */
const nextTask = () => new Promise((resolve) => setTimeout(resolve));

let elements = null;
let tools = null; // what elements.mjs exports, once it is loaded

/** Loads the elements that draw rows: a third of the code, which the editor does not need. */
const load = (unloaded) =>
  (elements ??= import("./elements.mjs").then(
    (module) => (tools = module),
    (cause) => {
      elements = null; // the next rows try again; some browsers then load it again
      throw new Error(unloaded, { cause });
    },
  ));

/** Draws an invisible grid, because the first grid takes twice as long to draw as the next. */
const rehearse = () => {
  const shelf = document.createElement("div");
  shelf.inert = true;
  shelf.style.cssText = "position: fixed; visibility: hidden; contain: strict; width: 300px; height: 200px";
  const grid = document.createElement("vaadin-grid");
  const column = document.createElement("vaadin-grid-column");
  column.renderer = column.headerRenderer = (root) => (root.textContent = "0");
  grid.append(column);
  grid.dataProvider = (_, callback) => callback([{ row: 0 }]);
  grid.size = 1;
  shelf.attachShadow({ mode: "open" }).append(grid);
  document.body.append(shelf);
  setTimeout(() => shelf.remove(), REHEARSAL);
};

const canvas = document.createElement("canvas").getContext("2d");

/** Returns the width of the widest of `texts` in the font of a style, in px. */
const widthOf = (texts, { fontWeight, fontSize, fontFamily }) => {
  canvas.font = `${fontWeight} ${fontSize} ${fontFamily}`;
  return texts.reduce((widest, text) => Math.max(widest, canvas.measureText(text).width), 0);
};

/** Returns the width of a column whose widest text has this width, in px. */
const between = (width) => Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(width) + PADDING));

/** Returns the class of a column by a sample of its cells: numbers are aligned to the right. */
const sideOf = (lines) => {
  const numbers = lines.filter(({ kind }) => kind === "int" || kind === "float").length;
  return numbers > lines.length / 2 ? "number" : "words";
};

/** Returns figures (figures.mjs) with their numbers as texts. */
const inWords = (figures) =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) =>
      name === "numbers" || value === null ? [name, value] : [name, numberText(value)],
    ),
  );

class Grid {
  #parent;
  #onOpen;
  #texts;
  #grid = null;
  #isDrawn = false; // whether the grid has all rows that are there
  #rows = null;
  #numbering = null;
  #kept = new KeptGrids();
  #results = new Map();
  #opened = null;
  #inspected = null;
  #onCell = () => {};
  #selection = null;
  #onSelect = () => {};
  #onMenu = () => {};
  #onCopy = () => {};
  #told = ""; // what was told last of the selection
  #counting = null; // the selection whose figures are worked out
  #isOfCell = false; // whether the menu is open at a cell: then even one is copied alone

  constructor(parent, onOpen, texts) {
    this.#parent = parent;
    this.#onOpen = onOpen;
    this.#texts = JSON.parse(texts);
  }

  /** Begins result `key` with columns `names` (JSON). */
  begin(key, names) {
    this.#results.set(key, new Result(JSON.parse(names), this.#texts.blob));
  }

  /** Adds a piece (JSON, as the protocol describes it) to result `key`. */
  add(key, piece, buffer) {
    const rows = this.#results.get(key);
    rows.add(JSON.parse(piece), buffer);
    if (rows === this.#rows && this.#isDrawn) this.#grow();
  }

  /** Shows result `key` sorted, by [index, descending] for each column (JSON), from this piece on. */
  sort(key, order, piece, buffer) {
    const result = this.#results.get(key);
    result.sort(JSON.parse(order), JSON.parse(piece), buffer);
    if (result !== this.#rows || !this.#isDrawn) return;
    this.#grow();
    this.#grid.scrollToIndex(0);
  }

  /** Adds a piece to the rows of result `key` as it is sorted. */
  addSorted(key, piece, buffer) {
    const result = this.#results.get(key);
    result.addSorted(JSON.parse(piece), buffer);
    if (result === this.#rows && this.#isDrawn) this.#grow();
  }

  /** Shows result `key` as it was read. */
  unsort(key) {
    const result = this.#results.get(key);
    result.unsort();
    if (result === this.#rows && this.#isDrawn) this.#grow();
  }

  /** Gives the grid all rows that are there, and has it draw them anew if they are others. */
  #grow() {
    if (this.#grid.version !== this.#rows.version) {
      this.#grid.version = this.#rows.version;
      this.#grid.requestContentUpdate();
      this.#selection.clear();
    }
    if (this.#grid.size === this.#rows.size) return;
    this.#grid.size = this.#rows.size;
    this.#numbering.width = this.#numberWidth(this.#rows);
    this.#selection?.grown();
  }

  /** Returns the number of rows held of result `key`. */
  size(key) {
    return this.#results.get(key)?.size ?? 0;
  }

  /** Returns the megabytes held of all results; not bytes, as MicroPython takes no integer past 2**31. */
  megabytes() {
    let bytes = 0;
    for (const rows of this.#results.values()) bytes += rows.bytes;
    return bytes / 1e6;
  }

  /** Forgets all results. */
  clear() {
    this.hide();
    this.#kept.clear();
    this.#results.clear();
  }

  /** Hides the rows; a grid that has been drawn is kept, as showing it again takes a frame. */
  hide() {
    const drawn = { grid: this.#grid, numbering: this.#numbering, selection: this.#selection };
    if (this.#isDrawn) this.#kept.put(this.#rows, drawn);
    else this.#grid?.remove();
    this.#grid = null;
    this.#numbering = null;
    this.#selection = null;
    this.#isDrawn = false;
    this.#rows = null;
    this.#tellSelection();
  }

  /** Keeps the first rows of result `key` for the next visit. */
  keep(key, database, statement) {
    keep(database, statement, this.#results.get(key), this.#texts.unnamed);
  }

  /** Loads and draws a grid in advance, so that the first rows are shown quickly. */
  prepare() {
    load(this.#texts.unloaded).then(rehearse).catch(report);
  }

  /** Shows result `key`: where it was left, if its grid is kept, else from its first row. */
  show(key) {
    this.hide();
    const rows = this.#results.get(key);
    this.#rows = rows;
    const kept = this.#kept.take(rows);
    if (kept) {
      this.#grid = kept.grid;
      this.#numbering = kept.numbering;
      this.#selection = kept.selection;
      this.#isDrawn = true;
      lastRows.end();
      this.#grow();
      this.#tellSelection();
      return;
    }
    const isWide = rows.names.length >= WIDE;
    const draw = () => {
      if (rows !== this.#rows || this.#grid) return undefined;
      return isWide ? this.#drawInTasks(rows) : this.#draw(rows);
    };
    load(this.#texts.unloaded).then(isWide ? nextTask : undefined).then(draw).catch(report);
  }

  #draw(rows) {
    const grid = this.#make(rows);
    grid.append(this.#numbering, ...rows.names.map((_, index) => this.#column(rows, index)));
    this.#provide(grid, rows);
    grid.size = rows.size;
    this.#isDrawn = true;
  }

  /** Draws a result of many columns in several tasks, none of which is long. */
  async #drawInTasks(rows) {
    const grid = this.#make(rows);
    const isThere = async () => (await nextTask(), grid === this.#grid);
    if (!(await isThere())) return;
    const widths = this.#widths(rows);
    if (!(await isThere())) return;
    const wide = this.#wide(rows, widths);
    grid.append(this.#numbering, ...wide.elements);
    this.#provide(grid, rows);
    grid.updateComplete.then(() => wide.follow());
    const inView = Math.ceil(grid.clientHeight / LOWEST_ROW);
    for (let size = 0; size < Math.min(inView, rows.size); size += ROWS_AT_ONCE) {
      grid.size = size;
      if (!(await isThere())) return;
    }
    grid.size = rows.size;
    this.#numbering.width = this.#numberWidth(rows);
    this.#isDrawn = true;
  }

  /** Puts a new grid there: giving a grid other columns takes a second of layout. */
  #make(rows) {
    const grid = document.createElement("vaadin-grid");
    grid.accessibleName = this.#texts.label;
    grid.setAttribute("theme", "no-border");
    grid.itemIdPath = "row";
    grid.pageSize = 100;
    grid.version = rows.version;
    grid.addEventListener("click", (event) => this.#sortBy(event));
    grid.addEventListener("dblclick", (event) => this.#open(event));
    this.#select(grid, rows);
    grid.addEventListener("keydown", (event) => this.#onKey(event), { capture: true });
    lastRows.end();
    this.#parent.append(grid);
    this.#grid = grid;
    this.#numbering = this.#numbers(rows);
    return grid;
  }

  #provide(grid, rows) {
    grid.dataProvider = ({ page, pageSize }, callback) => {
      const first = page * pageSize;
      const count = Math.max(0, Math.min(pageSize, rows.size - first));
      callback(Array.from({ length: count }, (_, index) => ({ row: first + index })));
    };
    // The element has the ARIA role of a tree with selectable rows; here it is a plain grid.
    grid.updateComplete.then(() => {
      grid.$.table.setAttribute("role", "grid");
      grid.$.table.removeAttribute("aria-multiselectable");
    });
  }

  /** Copies the whole value that was opened last; returns a promise of whether that was allowed. */
  copyOpened() {
    return this.#opened.copy();
  }

  /** Downloads the whole value that was opened last. */
  downloadOpened() {
    this.#opened.download();
  }

  /**
   * Calls `onSelect(json)` when other cells are selected, "" when no more than one is; `onMenu(x, y)` for
   * a menu at that point; `onCopy(isMany)` when a key copies: many cells have then to be copied still.
   */
  watch(onSelect, onMenu, onCopy) {
    this.#onSelect = onSelect;
    this.#onMenu = onMenu;
    this.#onCopy = onCopy;
  }

  #select(grid, rows) {
    const order = rows.names.map((_, index) => index);
    this.#selection = new tools.Selection(grid, () => rows.size, () => order, {
      onChange: () => this.#tellSelection(),
      onMenu: (x, y) => {
        this.#isOfCell = true;
        this.#onMenu(x, y);
      },
    });
  }

  /** Tells what is selected, and then what its numbers come to. */
  #tellSelection() {
    this.#onCell();
    const selection = this.#selection;
    const asked = (this.#counting = {});
    const isWanted = () => asked === this.#counting;
    const tell = (told) => {
      const text = told ? JSON.stringify(told) : "";
      if (isWanted() && text !== this.#told) this.#onSelect((this.#told = text));
    };
    if (!selection?.isMany) {
      tell(selection?.awaits ? { awaits: true } : null);
      return;
    }
    const { range } = selection;
    const cells = (range.to - range.from) * range.columns.length;
    const told = { cells, awaits: selection.awaits };
    setTimeout(() => {
      if (!isWanted()) return;
      const figures = tools.figuresOf(this.#rows, range, isWanted);
      figures.then((found) => found && tell({ ...told, ...inWords(found) })).catch(report);
    }, FIGURES_DELAY);
  }

  /** The menu of a cell has closed. */
  endMenu() {
    this.#isOfCell = false;
  }

  /** Returns what is copied of result `key`, the selection or else all: {from, to, columns, kind, count}. */
  #wanted(key) {
    const rows = this.#results.get(key);
    const isSelected = rows === this.#rows && (this.#isOfCell || this.#selection?.isMany) && this.#selection?.range;
    const range = isSelected || { from: 0, to: rows.size, columns: rows.names.map((_, index) => index), kind: "all" };
    return { ...range, count: tools ? tools.rowsToCopy(rows, range) : range.to - range.from };
  }

  /** Returns what a copy of result `key` takes (JSON): {rows, of, columns, cells, whole}. */
  scope(key) {
    const { from, to, columns, count } = this.#wanted(key);
    const whole = to - from === this.#results.get(key).size && columns.length === this.#results.get(key).names.length;
    return JSON.stringify({ rows: count, of: to - from, columns: columns.length, cells: count * columns.length, whole });
  }

  /**
   * Copies for a spreadsheet; returns a promise of whether that was allowed. The names of the columns
   * are copied too if `isNamed`; null: if whole columns are selected.
   */
  async copySheet(key, isNamed) {
    await load(this.#texts.unloaded);
    const wanted = this.#wanted(key);
    const withNames = isNamed ?? (wanted.kind === "columns" || wanted.kind === "all");
    const made = tools.sheetOf(this.#results.get(key), wanted, wanted.count, withNames);
    return tools.putLater(made, tools.hasMarkup(wanted.count, wanted.columns));
  }

  /** Returns a promise of what a copy takes, as `held` gives a whole result. */
  async part(key) {
    await load(this.#texts.unloaded);
    const wanted = this.#wanted(key);
    return tools.partOf(this.#results.get(key), wanted, wanted.count);
  }

  /** Returns {done, deliver, drop}: a copy whose text comes later, as a Blob, or not at all. */
  copyLater() {
    let later;
    const promise = new Promise((resolve, reject) => (later = { resolve, reject }));
    return {
      done: load(this.#texts.unloaded).then(({ putLater }) => putLater(promise, false)),
      deliver: (blob) => later.resolve({ text: new Blob([blob], { type: "text/plain" }) }),
      drop: () => later.reject(new Error("nothing to copy")),
    };
  }

  /** Returns a promise of the rows held of result `key`, as shown or `asRead`, as a file, with what describes it (columns.mjs). */
  held(key, asRead = false) {
    return this.#results.get(key).held(asRead);
  }

  #numbers(rows) {
    const column = document.createElement("vaadin-grid-column");
    column.frozen = true;
    column.flexGrow = 0;
    column.width = this.#numberWidth(rows);
    column.headerRenderer = (root) => {
      root.textContent = "#";
      root.className = "row-number";
    };
    column.renderer = (root, _, { index }) => {
      root.textContent = grouped(index + 1);
      root.className = "row-number";
    };
    column.numbers = true; // for the selection
    return column;
  }

  #numberWidth(rows) {
    const widest = grouped(rows.size).replaceAll(/\d/g, "0").padStart(3, "0");
    return `${Math.ceil(widthOf([widest], getComputedStyle(this.#grid))) + 20}px`;
  }

  #column(rows, index) {
    const column = document.createElement("vaadin-grid-column");
    const lines = this.#lines(rows, index, SAMPLE);
    const side = sideOf(lines);
    const style = getComputedStyle(this.#grid);
    const header = widthOf([rows.names[index]], { ...this.#font(style), fontWeight: 600 });
    const isMono = side === "number" || lines.some(({ kind }) => kind === "blob");
    const cells = widthOf(lines.map(({ text }) => text.slice(0, 100)), this.#font(style, isMono));
    this.#fit(column, rows, index, between(Math.max(header, cells)), side);
    // The last column takes the remaining width, unless it holds numbers: they are aligned to the right
    // and would be far from the other columns.
    column.flexGrow = index === rows.names.length - 1 && side === "words" ? 1 : 0;
    return column;
  }

  /** Returns the widths of the columns of a result that has very many, in px. */
  #widths(rows) {
    const style = getComputedStyle(this.#grid);
    const bold = { ...this.#font(style), fontWeight: 600 };
    const mono = this.#font(style, true);
    return rows.names.map((name, index) => {
      // Measuring each text of 2,000 columns would take too long: the longest is nearly the widest.
      const texts = this.#lines(rows, index, WIDE_SAMPLE).map(({ text }) => text.slice(0, 100));
      const longest = texts.reduce((one, other) => (other.length > one.length ? other : one), "");
      return between(Math.max(widthOf([name.slice(0, 100)], bold), widthOf([longest], mono)));
    });
  }

  /** Returns the columns of such a result. */
  #wide(rows, widths) {
    const fit = (column, index, width) => {
      column.flexGrow = 0;
      this.#fit(column, rows, index, width, sideOf(this.#lines(rows, index, WIDE_SAMPLE)));
    };
    return new WideColumns(this.#grid, widths, fit, parseFloat(this.#numbering.width));
  }

  #lines(rows, index, most) {
    return Array.from({ length: Math.min(most, rows.size) }, (_, row) => rows.line(row, index));
  }

  /** Has an element stand for the column `index` of a result; it may have stood for another one. */
  #fit(column, rows, index, width, side) {
    const isNew = column.index === undefined;
    Object.assign(column, { index, side });
    column.width = `${width}px`;
    if (!isNew) return;
    column.resizable = true;
    column.headerRenderer = (root) => drawHeader(root, column, rows, this.#texts.unnamed);
    column.renderer = (root, _, { item }) => {
      const { kind, text } = rows.line(item.row, column.index);
      write(root, text);
      // NULL is aligned as the values of its column are.
      root.className = kind === "null" ? `cell-null ${column.side}` : `cell-${kind}`;
      root.title = text.length > TITLE_FROM ? text : "";
    };
  }

  #font({ fontWeight, fontSize, fontFamily }, isMono = false) {
    const mono = getComputedStyle(document.documentElement).getPropertyValue("--mono");
    return { fontWeight, fontSize, fontFamily: isMono ? mono : fontFamily };
  }

  #cellOf(event) {
    const { item, column } = this.#grid.getEventContext(event);
    return item && column?.index !== undefined ? { row: item.row, index: column.index } : null;
  }

  /** Has the cell of an event inspected; returns whether there is one. */
  #open(event) {
    const cell = this.#cellOf(event);
    if (cell) this.#selection.goTo(cell);
    if (cell) this.#onOpen();
    return Boolean(cell);
  }

  /** Calls `onCell()` when a person has gone to another cell; null: no longer. */
  follow(onCell) {
    this.#onCell = onCell ?? (() => {});
  }

  /** Returns a promise of what the cell is that a person is at (JSON: `about` of inspect.mjs); "" without one. */
  async inspect() {
    const { Inspected } = await import("./inspect.mjs");
    const [rows, cell] = [this.#rows, this.#selection?.cell];
    if (!cell || !rows) return "";
    const texts = { ...this.#texts.inspect, unnamed: this.#texts.unnamed };
    this.#inspected = new Inspected(rows, cell.row, cell.index, texts, { write, writeName });
    const { name, kind } = this.#inspected.about;
    const { value } = rows.cell(cell.row, cell.index);
    this.#opened = {
      copy: () => copyText(kind === "null" ? "" : rows.text(cell.row, cell.index).text),
      download: () => download(new Blob([value]), `${name || "value"}.${kind === "text" ? "txt" : "bin"}`),
    };
    return JSON.stringify(this.#inspected.about);
  }

  /** Draws the inspected cell in one of its forms; returns whether that is all of it. */
  drawCell(element, view) {
    return this.#inspected.draw(element, view);
  }

  /** Draws the row of the inspected cell. */
  drawRow(element) {
    this.#inspected.drawRow(element);
  }

  /** Focuses the cell that a person is at. */
  focus() {
    this.#selection?.focus();
  }

  /** Scrolls that cell into view, once the page has its new layout. */
  reveal() {
    this.#selection?.reveal();
  }

  /** Asks for the rows in the order of the column whose header an event is about, if it is one. */
  #sortBy(event) {
    const index = headerOf(this.#grid, event);
    // With Ctrl columns are selected.
    if (index === undefined || event.ctrlKey || event.metaKey) return false;
    this.#grid.dispatchEvent(
      new CustomEvent("sort-by", { bubbles: true, detail: { index, add: event.shiftKey } }),
    );
    return true;
  }

  #onKey(event) {
    const isSpace = event.key === " " && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if ((event.key === "Enter" || isSpace) && (this.#open(event) || this.#sortBy(event))) {
      event.stopPropagation();
      event.preventDefault();
    }
    if (event.key !== "c" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
    event.preventDefault();
    if (this.#selection.isMany) {
      this.#onCopy(true);
      return;
    }
    const cell = this.#cellOf(event) ?? this.#selection.cell;
    if (!cell) return;
    const { kind, text } = this.#rows.text(cell.row, cell.index);
    // If the clipboard is refused, open the inspector, where text can be selected.
    const isAllowed = copyText(kind === "null" ? "" : text);
    isAllowed.then((allowed) => (allowed ? this.#onCopy(false) : this.#open(event)));
  }
}

/**
 * @param {Element} parent
 * @param {() => void} onOpen a person wants to see the whole of the cell that they are at
 * @param {string} texts JSON {label, blob, unloaded, unnamed, inspect}, from app/messages; blob has {start} and {count}
 */
export const createGrid = (...values) => new Grid(...values);
