// JavaScript because a million cells become text on the page, which the clipboard takes only from there.

import { nextTask, Slices } from "./tasks.mjs";

const SLICE = 8; // ms of a task
const TEXT_PART = 4e6; // characters that become bytes in one step
const MARKUP_CELLS = 10_000; // most cells that are copied as HTML too: a browser checks markup in one task

/** Most cells, and bytes of them, that one copy takes, in whole rows. */
export const MOST_CELLS = 2_000_000;
export const MOST_BYTES = 64e6;

/** Whether so many cells are copied as HTML too. */
export const hasMarkup = (count, columns) => count * columns.length <= MARKUP_CELLS;

/** Returns a field of tab-separated text: with tabs, quotes or line breaks it is quoted as spreadsheets expect. */
const field = (text) => (/["\t\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => text.replace(/[&<>"]/g, (each) => ENTITIES[each]);
const LINE = /\r\n?|\n/g;

/** Returns a cell of a table in HTML; the style tells Excel that a text is one, and that a line break is within the cell. */
const markupOf = (kind, text) => {
  if (kind === "int" || kind === "float") return `<td>${text}</td>`;
  if (kind === "null") return "<td></td>";
  const lines = escaped(text).replace(LINE, '<br style="mso-data-placement:same-cell">');
  return `<td style="mso-number-format:'\\@';white-space:pre-wrap">${lines}</td>`;
};

/** Returns how many rows of a range one copy takes, of about so many bytes at most. */
export const rowsToCopy = (rows, { from, to, columns }, mostBytes = MOST_BYTES) => {
  const most = Math.max(1, Math.floor(MOST_CELLS / Math.max(1, columns.length)));
  const end = Math.min(to, from + most);
  let taken = 0;
  let bytes = 0;
  for (const [piece, first, last] of rows.within(from, end)) {
    const size = columns.reduce((sum, index) => sum + bytesOf(piece.columns[index], first, last), 0);
    if (bytes + size > mostBytes) return Math.max(1, taken + Math.floor(((last - first) * (mostBytes - bytes)) / size));
    bytes += size;
    taken += last - first;
  }
  return taken;
};

/** Returns the bytes of a column's values in some rows of a piece, 8 for a number. */
const bytesOf = ({ kind, ends }, first, last) => {
  const numbers = kind === "null" || kind === "text" || kind === "blob" ? 0 : 8 * (last - first);
  return numbers + (ends && last > first ? ends[last - 1] - (first ? ends[first - 1] : 0) : 0);
};

/**
 * Returns a promise of {text, markup}: cells for a spreadsheet as Blobs, tab-separated text and, of
 * not too many cells, HTML. NULL is an empty field, a REAL has the digits that read back.
 * `isNamed`: the first line has the names of the columns.
 */
export const sheetOf = async (rows, { from, columns }, count, isNamed) => {
  const withMarkup = hasMarkup(count, columns);
  const markup = ["<table>"];
  const parts = [];
  let lines = [];
  let size = 0;
  if (isNamed) {
    const names = columns.map((index) => rows.names[index]);
    lines.push(names.map(field).join("\t"));
    if (withMarkup) markup.push(`<tr>${names.map((name) => `<th>${escaped(name)}</th>`).join("")}</tr>`);
  }
  const slices = new Slices(SLICE);
  for (let row = from; row < from + count; row++) {
    const fields = [];
    let cells = "";
    for (const index of columns) {
      const { kind, text } = rows.text(row, index);
      fields.push(kind === "null" ? "" : field(text));
      if (withMarkup) cells += markupOf(kind, text);
    }
    const line = fields.join("\t");
    lines.push(line);
    size += line.length;
    if (withMarkup) markup.push(`<tr>${cells}</tr>`);
    if (size > TEXT_PART) {
      parts.push(new Blob([`${lines.join("\n")}\n`]));
      [lines, size] = [[], 0];
    }
    if (slices.isOver) await slices.rest();
  }
  parts.push(lines.join("\n"));
  markup.push("</table>");
  return {
    text: new Blob(parts, { type: "text/plain" }),
    markup: withMarkup ? new Blob([markup.join("")], { type: "text/html" }) : null,
  };
};

/** Where the sections of a column of a piece lie, and how many bytes a row has in each. */
const SECTIONS = { tags: 1, ints: 8, floats: 8 };

/** Returns {description, buffer}: some rows and columns of a piece as a piece of their own. */
export const cutPiece = (piece, first, last, columns) => {
  const { buffer, description } = piece;
  const count = last - first;
  const sections = [];
  let size = 0;
  const keep = (bytes) => {
    const start = size;
    sections.push([start, bytes]);
    size = Math.ceil((start + bytes.length) / 8) * 8;
    return start;
  };
  const slice = (start, width) => new Uint8Array(buffer, start + first * width, count * width);
  const there = (value) => value !== undefined && value !== null;
  const cut = columns.map((index) => {
    const column = description.columns[index];
    const described = { kind: column.kind };
    for (const [name, width] of Object.entries(SECTIONS))
      if (there(column[name])) described[name] = keep(slice(column[name], width));
    if (column.kind === "int" || column.kind === "float") described.data = keep(slice(column.data, 8));
    if (there(column.ends)) {
      const ends = new Uint32Array(buffer, column.ends, last);
      const begin = first ? ends[first - 1] : 0;
      const end = last ? ends[last - 1] : 0;
      described.ends = keep(new Uint8Array(ends.slice(first).map((each) => each - begin).buffer));
      described.data = keep(new Uint8Array(buffer, column.data + begin, end - begin));
    }
    return described;
  });
  const bytes = new Uint8Array(size);
  for (const [start, section] of sections) bytes.set(section, start);
  return { description: { rows: count, columns: cut }, buffer: bytes.buffer };
};

/** Returns a promise of a range as columns.mjs gives the rows of a whole result: {file, described, names}. */
export const partOf = async (rows, { from, columns }, count) => {
  const pieces = [];
  const parts = [];
  let start = 0;
  for (const [piece, first, last] of rows.within(from, from + count)) {
    const { description, buffer } = cutPiece(piece, first, last, columns);
    pieces.push({ ...description, start, size: buffer.byteLength });
    parts.push(new Blob([buffer]));
    start += buffer.byteLength;
    await nextTask();
  }
  const head = new Blob([JSON.stringify(pieces)]);
  return {
    file: new File([head, ...parts], "rows"),
    described: head.size,
    names: JSON.stringify(columns.map((index) => rows.names[index])),
  };
};

/**
 * Puts what a promise gives, {text, markup}, on the clipboard: at once, for a browser asks for a click
 * just before. Returns a promise of whether the browser allowed it.
 */
export const putLater = async (promise, withMarkup) => {
  try {
    const text = promise.then((made) => made.text);
    if (!globalThis.ClipboardItem) {
      await navigator.clipboard.writeText(await (await text).text());
      return true;
    }
    const items = { "text/plain": text };
    if (withMarkup) items["text/html"] = promise.then(({ markup }) => markup);
    for (const each of Object.values(items)) each.catch(() => {}); // write() reports it
    await navigator.clipboard.write([new ClipboardItem(items)]);
    return true;
  } catch {
    return false;
  }
};
