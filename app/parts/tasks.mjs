// JavaScript because long work on the page's thread goes on in tasks, between which the browser draws and takes keys.

// Only for what is loaded with the elements: a module that the editor's bundle has as well would be a file of its
// own, which every start would wait for.

/** Resolves in a task of its own, so that the browser can draw and take keys before. */
export const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/** Work of any length in slices of some ms: `if (slices.isOver) await slices.rest();` */
export class Slices {
  #ms;
  #until;

  constructor(ms) {
    this.#ms = ms;
    this.#until = performance.now() + ms;
  }

  /** Whether the slice has taken its time. */
  get isOver() {
    return performance.now() >= this.#until;
  }

  /** Resolves when the next slice begins. */
  async rest() {
    await nextTask();
    this.#until = performance.now() + this.#ms;
  }
}
