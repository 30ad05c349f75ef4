// JavaScript because a grid asks it for cells (columns.mjs).

import { Rows } from "./columns.mjs";

/** The rows of one result: as they were read, and while it is sorted, those in another order. */
export class Result {
  /** What it is sorted by, first to last: [index of the column, whether descending]. */
  order = [];
  /** Another number after each change of what is shown, but for rows that are added. */
  version = 0;
  #read;
  #shown;
  #longBlob;

  /** The same as of Rows. */
  constructor(names, longBlob) {
    this.#longBlob = longBlob;
    this.#shown = this.#read = new Rows(names, longBlob);
  }

  get names() {
    return this.#read.names;
  }

  get size() {
    return this.#shown.size;
  }

  get bytes() {
    return this.#read.bytes + (this.#shown === this.#read ? 0 : this.#shown.bytes);
  }

  /** Adds a piece to the rows as they are read. */
  add(description, buffer) {
    this.#read.add(description, buffer);
  }

  /** Shows rows in another order, the first of which are in this piece; addSorted has the others. */
  sort(order, description, buffer) {
    this.order = order;
    this.#shown = new Rows(this.names, this.#longBlob);
    this.#shown.add(description, buffer);
    this.version++;
  }

  addSorted(description, buffer) {
    if (this.#shown !== this.#read) this.#shown.add(description, buffer);
  }

  /** Shows the rows as they were read. */
  unsort() {
    this.order = [];
    this.#shown = this.#read;
    this.version++;
  }

  line(row, column) {
    return this.#shown.line(row, column);
  }

  text(row, column, most) {
    return this.#shown.text(row, column, most);
  }

  cell(row, column) {
    return this.#shown.cell(row, column);
  }

  within(from, to) {
    return this.#shown.within(from, to);
  }

  /** Returns a promise of the rows that are shown, as Rows.held() does; or of those `asRead`. */
  held(asRead = false) {
    return (asRead ? this.#read : this.#shown).held();
  }
}
