// JavaScript because the columns of a wide result are made and filled while it scrolls.

/** Columns beyond those in view, on each side, so that a small scroll needs no change. */
const MARGIN = 3;

/** Returns a column without content. */
const makeSpacer = () => {
  const spacer = document.createElement("vaadin-grid-column");
  spacer.flexGrow = 0;
  spacer.renderer = spacer.headerRenderer = () => {};
  return spacer;
};

/**
 * The columns of a result that has too many for the grid: as many elements as fit into the view and
 * its margins, which stand for one range of columns after another, between two spacers as wide as
 * the columns outside. A grid with an element for each of 2,000 columns takes seconds to draw, and
 * ten times that to remove.
 */
export class WideColumns {
  /** The column elements between the spacers. */
  columns;
  #grid;
  #widths;
  #starts;
  #fit;
  #left;
  #right;
  #first = 0;
  #frame = 0;

  /**
   * @param {Element} grid the vaadin-grid, which has its size already
   * @param {number[]} widths of all columns of the result, in px
   * @param {(column: Element, index: number, width: number) => void} fit has an element stand for
   *   the column with this index
   * @param {number} before px of the columns that do not scroll
   */
  constructor(grid, widths, fit, before) {
    this.#grid = grid;
    this.#widths = widths;
    this.#fit = fit;
    this.#measure();
    const most = Math.ceil((grid.clientWidth - before) / Math.min(...widths)) + 2 * MARGIN;
    const count = Math.min(widths.length, most);
    this.columns = Array.from({ length: count }, () => document.createElement("vaadin-grid-column"));
    this.#left = makeSpacer();
    this.#right = makeSpacer();
    this.#assign(0);
  }

  /** All elements, in their order. */
  get elements() {
    return [this.#left, ...this.columns, this.#right];
  }

  /** Begins to follow the view, once the grid has drawn itself. */
  follow() {
    const { table } = this.#grid.$;
    table.addEventListener("scroll", () => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.#look();
      });
    });
    table.setAttribute("aria-colcount", this.#widths.length + 1);
    this.#grid.addEventListener("column-resize", ({ detail: { resizedColumn } }) => {
      if (resizedColumn.index === undefined) return;
      this.#widths[resizedColumn.index] = parseFloat(resizedColumn.width);
      this.#measure();
    });
    table.addEventListener("keydown", (event) => this.#onKey(event), { capture: true });
    table.addEventListener("focusin", (event) => this.#onFocus(event));
  }

  /** Where each column begins, in px; the last entry is the end of all. */
  #measure() {
    let end = 0;
    this.#starts = [0, ...this.#widths.map((width) => (end += width))];
  }

  get #last() {
    return this.#widths.length - this.columns.length;
  }

  /** Has the elements stand for the columns from `first` on. */
  #assign(first) {
    this.#first = first;
    this.columns.forEach((column, at) => this.#fit(column, first + at, this.#widths[first + at]));
    const after = first + this.columns.length;
    this.#left.width = `${this.#starts[first]}px`;
    this.#right.width = `${this.#starts.at(-1) - this.#starts[after]}px`;
  }

  /** Moves to the columns from `first` on, and draws them. */
  #move(first) {
    const wanted = Math.max(0, Math.min(first, this.#last));
    if (wanted === this.#first) return;
    const before = this.#first;
    const { table } = this.#grid.$;
    const { scrollLeft } = table;
    const cell = table.getRootNode().activeElement?.closest("td, th");
    const place = cell ? this.#placeOf(cell) : -1;
    this.#assign(wanted);
    this.#grid.requestContentUpdate();
    table.scrollLeft = scrollLeft;
    // The focus stays with its column, or goes to the nearest one that has an element.
    if (place >= 0) {
      const now = place + before - wanted;
      this.#focus(cell, Math.max(0, Math.min(now, this.columns.length - 1)));
    }
  }

  /** Returns the index of the column at `x` px from the first column's beginning. */
  #at(x) {
    let low = 0;
    let high = this.#widths.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= x) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #look() {
    const { scrollLeft, clientWidth } = this.#grid.$.table;
    const from = this.#at(scrollLeft);
    const to = this.#at(scrollLeft + clientWidth);
    if (from < this.#first || to >= this.#first + this.columns.length) this.#move(from - MARGIN);
  }

  /** The place of a cell among the elements between the spacers; -1 for the left spacer. */
  #placeOf(cell) {
    return [...cell.parentElement.children].indexOf(cell) - 2; // after the row numbers and the spacer
  }

  #focus(cell, place) {
    cell.parentElement.children[place + 2].focus({ preventScroll: true });
  }

  /** Moves before the focus would leave the elements, and shows the cell that it will go to. */
  #onKey(event) {
    const cell = event.composedPath().find((node) => node.matches?.("td, th"));
    if (!cell || this.#placeOf(cell) < -1) return;
    const { key } = event;
    const column = this.#first + this.#placeOf(cell);
    const target = {
      ArrowLeft: column - 1,
      ArrowRight: column + 1,
      Home: 0,
      End: this.#widths.length - 1,
    }[key];
    if (target === undefined || target < 0 || target >= this.#widths.length) return;
    if (key.startsWith("Arrow") && (event.ctrlKey || event.metaKey || event.altKey)) return;
    const place = target - this.#first;
    if (key.startsWith("Arrow") && place >= 0 && place < this.columns.length) return;
    // Home and End with Ctrl go to another row as well: the grid does that.
    if (!(event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
    }
    this.#move(target - (this.columns.length >> 1));
    this.#show(target);
    this.#focus(cell, target - this.#first);
  }

  /** Scrolls so that a column is in view. */
  #show(column) {
    const { table } = this.#grid.$;
    const end = this.#starts[column + 1] - table.clientWidth + this.#frozen;
    if (this.#starts[column] < table.scrollLeft) table.scrollLeft = this.#starts[column];
    else if (end > table.scrollLeft) table.scrollLeft = end;
  }

  get #frozen() {
    return parseFloat(this.#grid.querySelector("vaadin-grid-column").width);
  }

  /** A spacer is no place to be: focus goes to the nearest column. */
  #onFocus({ target }) {
    if (!target.matches("td, th")) return;
    const place = this.#placeOf(target);
    if (place === -1) this.#focus(target, 0);
    else if (place === this.columns.length) this.#focus(target, this.columns.length - 1);
  }
}
