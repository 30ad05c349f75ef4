// JavaScript because the values lie in the page's buffers, and a million of them must not be sent anywhere to be added.

import { Slices } from "./tasks.mjs";

const SLICE = 8; // ms of a task
const RUN = 32_768; // values between two looks at the clock; their low halves add up to less than 2 ** 53

/** What the numbers of a selection come to: INTEGERs exactly, REALs with the lost digits added at the end. */
class Figures {
  count = 0;
  #whole = 0n;
  #sum = 0;
  #lost = 0;
  #hasFloat = false;
  #least = null;
  #most = null;

  #extremes(least, most) {
    if (this.#least === null || least < this.#least) this.#least = least;
    if (this.#most === null || most > this.#most) this.#most = most;
  }

  /** Adds INTEGERs, those where `isOne(row)`. */
  ints(values, from, to, isOne) {
    // Halves of numbers are added, which is ten times as fast as whole BigInts.
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    let [low, high, count, least, most] = [0, 0, 0, -1, -1];
    const value = (row) => (row < 0 ? null : values[row]);
    const isLess = (one, other) =>
      halves[2 * one + 1] === halves[2 * other + 1]
        ? halves[2 * one] >>> 0 < halves[2 * other] >>> 0
        : halves[2 * one + 1] < halves[2 * other + 1];
    for (let row = from; row < to; row++) {
      if (isOne && !isOne(row)) continue;
      low += halves[2 * row] >>> 0;
      high += halves[2 * row + 1];
      count++;
      if (least < 0 || isLess(row, least)) least = row;
      if (most < 0 || isLess(most, row)) most = row;
    }
    if (!count) return;
    this.count += count;
    this.#whole += (BigInt(high) << 32n) + BigInt(low);
    this.#extremes(value(least), value(most));
  }

  /** Adds REALs, those where `isOne(row)`. */
  floats(values, from, to, isOne) {
    for (let row = from; row < to; row++) {
      if (isOne && !isOne(row)) continue;
      const value = values[row];
      const sum = this.#sum + value;
      // What the sum lost by rounding: https://en.wikipedia.org/wiki/Kahan_summation_algorithm, Neumaier's.
      this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
      this.#sum = sum;
      this.count++;
      this.#hasFloat = true;
      this.#extremes(value, value);
    }
  }

  /** {numbers, sum, average, least, most}: how many numbers, and BigInts or Numbers; null where there are none. */
  get found() {
    if (!this.count) return { numbers: 0, sum: null, average: null, least: null, most: null };
    const fraction = Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum;
    const sum = this.#hasFloat ? Number(this.#whole) + fraction : this.#whole;
    const average = this.#hasFloat ? sum / this.count : this.#mean();
    return { numbers: this.count, sum, average, least: this.#least, most: this.#most };
  }

  /** Returns the average of INTEGERs alone: exact where it is whole. */
  #mean() {
    const count = BigInt(this.count);
    if (this.#whole % count === 0n) return this.#whole / count;
    return Number(this.#whole / count) + Number(this.#whole % count) / this.count;
  }
}

/**
 * Returns a promise of the figures of a range of cells, {numbers, sum, average, least, most}, worked out
 * in slices; of null once `isWanted()` is false.
 */
export const figuresOf = async (rows, { from, to, columns }, isWanted) => {
  const figures = new Figures();
  const slices = new Slices(SLICE);
  for (const [piece, first, last] of rows.within(from, to)) {
    for (const index of columns) {
      for (let start = first; start < last; start += RUN) {
        add(figures, piece.columns[index], start, Math.min(start + RUN, last));
        if (!slices.isOver) continue;
        await slices.rest();
        if (!isWanted()) return null;
      }
    }
  }
  return isWanted() ? figures.found : null;
};

const add = (figures, column, from, to) => {
  const { kind, ints, floats, tags } = column;
  if (kind === "int") figures.ints(ints, from, to);
  if (kind === "float") figures.floats(floats, from, to);
  if (kind !== "mixed") return;
  if (ints) figures.ints(ints, from, to, (row) => tags[row] === 1);
  if (floats) figures.floats(floats, from, to, (row) => tags[row] === 2);
};
