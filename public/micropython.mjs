// JavaScript because PyScript starts MicroPython from a module, and has no setting for the size of its heap.

import { loadMicroPython as load } from "./micropython/micropython.mjs";

/** The default of 1 MiB is too small for a long script or a large schema; unused pages cost no memory. */
const HEAP = 64 * 2 ** 20; // bytes

const url = new URL("./micropython/micropython.wasm", import.meta.url).href;

export const loadMicroPython = (options) => load({ ...options, url, heapsize: HEAP });
