// JavaScript, because a worker's first file has to be: plays plans on one of the peers.

import { official } from "./official.mjs";
import { play } from "./player.mjs";
import { waSqlite } from "./wa_sqlite.mjs";

const MAKERS = { official, waSqlite };
const packages = new URL("packages/", import.meta.url).href;
let maker;

// {id, code} in and {id, ok, result | error} out, as the tests' worker with Pyodide has it.
onmessage = async ({ data: { id, code } }) => {
  try {
    const { plan, peer, settings } = JSON.parse(code);
    maker ??= MAKERS[peer.program]({ packages, ...peer });
    const result = await play(plan, (await maker)(), settings);
    postMessage({ id, ok: true, result: JSON.stringify({ value: result }) });
  } catch (error) {
    postMessage({ id, ok: false, error: String(error), stack: String(error.stack) });
  }
};
