// JavaScript because a kept copy is made of cells, for which Python is too slow, and is shown before Python has loaded.

/**
 * The first rows of a tab's last result, kept in localStorage with the text of the tab (texts.mjs), so
 * that public/last.js can show them at the next visit before the database is open.
 */

import { recall, remember } from "./browser.mjs";
import { pieces } from "./visible.mjs";

const ROWS = "sahpool.rows."; // and the id of the text
const SETTING = "sahpool.last-rows"; // app/core/settings.py
const MOST_ROWS = 50;
const MOST_COLUMNS = 50;
const LONGEST_TEXT = 200; // characters of a cell or a name
const LONGEST = 32_000; // characters of what is kept with one text
const LONGEST_ALL = 64_000; // of what is kept with all texts
const PATIENCE = 1000; // ms until it is kept, whatever the page does
const KINDS = { null: "n", int: "i", float: "f", text: "t", blob: "b" };

let own = null; // the id of the text of this tab
let waiting = null; // what is to be kept when the page is idle

const shown = () => globalThis.sahpoolLast;
const keys = () => {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(ROWS));
  } catch {
    return []; // site data is blocked
  }
};
const parsed = (key) => {
  try {
    return Object(JSON.parse(recall(key)));
  } catch {
    return {}; // not ours
  }
};

/** Removes what is kept, or what `chosen(entry, key)` chooses of it. */
const forget = (chosen = () => true) => {
  for (const key of keys()) if (chosen(parsed(key), key)) localStorage.removeItem(key);
};

/** Returns a text as it is kept: cut, and in pieces if it has characters that are not seen. */
const kept = (text) => {
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT).replace(/[\ud800-\udbff]$/, "")}…` : text;
  const found = pieces(cut);
  return found.length > 1 || found[0]?.symbol ? found.map(({ text: part, symbol }) => [part, symbol]) : cut;
};

const copyOf = ({ database, statement, rows, unnamed }) => {
  const columns = Math.min(rows.names.length, MOST_COLUMNS);
  const names = rows.names.slice(0, columns).map(kept);
  const lines = [];
  const numbers = names.map(() => 0);
  let length = JSON.stringify(names).length + statement.length + database.length;
  for (let row = 0; row < Math.min(rows.size, MOST_ROWS); row++) {
    const line = names.map((_, column) => {
      const { kind, text } = rows.line(row, column);
      return [KINDS[kind], kept(text)];
    });
    length += JSON.stringify(line).length;
    if (length > LONGEST) break;
    for (const [column, [kind]] of line.entries()) numbers[column] += "if".includes(kind);
    lines.push(line);
  }
  const sides = numbers.map((count) => (count > lines.length / 2 ? "number" : "words"));
  return { database, statement, at: Date.now(), count: rows.size, names, unnamed, sides, rows: lines };
};

/** Keeps what waits to be kept, in place of what was kept with this text, and of the oldest others. */
const flush = () => {
  const result = waiting;
  waiting = null;
  if (!result || own === null || recall(SETTING) === "no") return;
  const copy = JSON.stringify(copyOf(result));
  if (copy.length > LONGEST + 2000) return drop(); // names alone are too long
  const key = ROWS + own;
  const others = keys().filter((other) => other !== key);
  others.sort((one, other) => (parsed(other).at ?? 0) - (parsed(one).at ?? 0));
  let length = copy.length;
  for (const other of others) {
    length += recall(other).length;
    if (length > LONGEST_ALL) localStorage.removeItem(other);
  }
  if (!remember(key, copy)) forget((_, each) => each === key);
};

const later = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, PATIENCE / 4));
addEventListener("pagehide", flush);

/** Keeps the first rows of a result, a Rows (columns.mjs), soon; they are those of this tab's text. */
export const keep = (database, statement, rows, unnamed) => {
  if (!waiting) later(flush, { timeout: PATIENCE });
  waiting = { database, statement, rows, unnamed };
};

/** Removes what is kept with the text of this tab. */
const drop = () => {
  waiting = null;
  forget((_, key) => key === ROWS + own);
};

/** Is told of the text that this tab has taken up: shows the rows of its last visit, and no others. */
export const taken = (id, text) => {
  own = id;
  const last = shown();
  if (!last || last.isOver) return;
  if (last.id !== id) last.show(id);
  if (last.id !== null && !text?.includes(last.statement)) last.hide();
};

/** What Python does with the rows of the last visit (app/features/query/last_visit.py). */
export const lastRows = {
  /** Returns the name of the database whose rows are shown; "" without any. */
  database: () => shown()?.database ?? "",
  /** Shows them no longer, nor any others until the page is loaded again. */
  end: () => {
    const last = shown();
    if (!last) return;
    last.isOver = true;
    last.hide();
  },
  /** Removes what is kept with the text of this tab. */
  drop,
  /** Removes everything that is kept. */
  forget: () => {
    waiting = null;
    forget();
  },
  /** Removes what is of other databases than these (a JSON list). */
  forgetOthers: (names) => {
    const known = new Set(JSON.parse(names));
    forget(({ database }) => !known.has(database));
  },
};
