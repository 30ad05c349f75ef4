// JavaScript because it holds the elements of grids.

const MOST = 8; // grids, of some hundred elements each

/** Grids that are not shown now, by their rows: to show one again is quicker than to make it anew. */
export class KeptGrids {
  #grids = new Map();

  /** Hides the grid of these rows and keeps it, with what belongs to it; of more than 8 the oldest is removed. */
  put(rows, drawn) {
    drawn.grid.classList.add("kept");
    this.#grids.set(rows, drawn);
    if (this.#grids.size <= MOST) return;
    const [[oldest, { grid: removed }]] = this.#grids;
    removed.remove();
    this.#grids.delete(oldest);
  }

  /** Shows the grid of these rows, and returns what `put` was given; undefined if it is not kept. */
  take(rows) {
    const kept = this.#grids.get(rows);
    if (!kept) return undefined;
    this.#grids.delete(rows);
    kept.grid.classList.remove("kept");
    return kept;
  }

  /** Removes all. */
  clear() {
    for (const { grid } of this.#grids.values()) grid.remove();
    this.#grids.clear();
  }
}
