// JavaScript because a grid asks for thousands of cells a second: Python must not be called per cell.

/**
 * Rows of a result, kept as the typed buffers in which the worker sent them.
 *
 * A piece is one ArrayBuffer and a description of where its columns lie (worker/sahpool_console/protocol.py and
 * worker/sahpool_console/session/sql/results.py); nothing is decoded before a cell is asked for.
 *
 * A cell is {kind, value}: kind "null" | "int" | "float" | "text" | "blob", value null, BigInt,
 * Number, Uint8Array (text: SQLite's UTF-8 bytes) or Uint8Array (blob).
 */

const NULL = Object.freeze({ kind: "null", value: null });
const TAGS = ["null", "int", "float", "text", "blob"];
const decoder = new TextDecoder();

/** Most bytes of a value that are read for one line of a grid, so that long text costs no time. */
const LINE_BYTES = 1024;
const LINE_BLOB_BYTES = 24;

/** Bytes that are copied into a Blob in one step. */
const BLOB_BYTES = 16e6;

const hex = (bytes) => {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
};

/** Returns the characters that are whole in the first `most` bytes of a text. */
const beginning = (bytes, most) =>
  // stream: a character cut in half at the end is left out instead of shown as U+FFFD.
  new TextDecoder().decode(bytes.subarray(0, most), { stream: true });

/** Returns a whole number with a comma before every three digits; not by Intl, whose first use takes 16 ms. */
export const grouped = (number) => String(number).replace(/\B(?=(?:\d{3})+$)/g, ",");

/** Returns a blob's bytes as x'0102'; of more than 24, `long` with the first ones and their number. */
const blobLine = (bytes, long) => {
  if (bytes.length <= LINE_BLOB_BYTES) return `x'${hex(bytes)}'`;
  const start = `x'${hex(bytes.subarray(0, LINE_BLOB_BYTES))}…'`;
  return long.replace("{start}", start).replace("{count}", grouped(bytes.length));
};

/**
 * Returns a REAL as SQLite turns it into text: printf("%!.15g"), https://sqlite.org/printf.html.
 * 15 significant digits, always a decimal point, an exponent from 1e15 and below 1e-4.
 */
export const floatText = (value) => {
  if (!Number.isFinite(value)) return value > 0 ? "Inf" : value < 0 ? "-Inf" : "NaN";
  return value === 0 ? "0.0" : layOut(value, Math.abs(value).toExponential(14));
};

/** Returns a number as the grid shows it, with a comma before every three digits of its whole part. */
export const numberText = (value) => {
  const text = typeof value === "bigint" ? String(value) : floatText(value);
  const [, sign, whole, rest] = /^(-?)(\d*)(.*)$/.exec(text);
  return sign + grouped(whole) + rest;
};

/** Returns a REAL with the fewest digits that read back as the same number, laid out as SQLite does. */
export const exactText = (value) =>
  Number.isFinite(value) ? layOut(value, Math.abs(value).toExponential()) : floatText(value);

const layOut = (value, exponential) => {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa, power] = exponential.split("e");
  const exponent = Number(power);
  const digits = mantissa.replace(".", "").replace(/0+$/, "") || "0";
  const sign = value < 0 ? "-" : "";
  if (exponent < -4 || exponent > 14) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${digits[0]}.${digits.slice(1) || "0"}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
};

/** One piece of a result: typed views of its buffer, made once. */
class Piece {
  constructor(description, buffer) {
    const rows = description.rows;
    this.description = description;
    this.buffer = buffer;
    this.rows = rows;
    this.bytes = buffer.byteLength;
    const view = (View, offset, length) =>
      offset === undefined || offset === null ? null : new View(buffer, offset, length);
    this.columns = description.columns.map((column) => {
      switch (column.kind) {
        case "null":
          return { kind: "null" };
        case "int":
          return { kind: "int", ints: view(BigInt64Array, column.data, rows) };
        case "float":
          return { kind: "float", floats: view(Float64Array, column.data, rows) };
        case "text":
        case "blob":
          return {
            kind: column.kind,
            ends: view(Uint32Array, column.ends, rows),
            data: view(Uint8Array, column.data),
          };
        case "mixed":
          return {
            kind: "mixed",
            tags: view(Uint8Array, column.tags, rows),
            ints: view(BigInt64Array, column.ints, rows),
            floats: view(Float64Array, column.floats, rows),
            ends: view(Uint32Array, column.ends, rows),
            data: view(Uint8Array, column.data),
          };
        default:
          throw new TypeError(`unknown column kind ${column.kind}`);
      }
    });
  }

  cell(row, index) {
    const column = this.columns[index];
    const kind = column.kind === "mixed" ? TAGS[column.tags[row]] : column.kind;
    switch (kind) {
      case "null":
        return NULL;
      case "int":
        return { kind, value: column.ints[row] };
      case "float":
        return { kind, value: column.floats[row] };
      default: {
        const start = row === 0 ? 0 : column.ends[row - 1];
        return { kind, value: column.data.subarray(start, column.ends[row]) };
      }
    }
  }
}

/** The rows of one result that have come so far, in pieces. */
export class Rows {
  #longBlob;

  /**
   * @param {string[]} names column names as SQLite gives them: duplicates and "" included
   * @param {string} longBlob the line of a long blob, with {start} and {count}
   */
  constructor(names, longBlob) {
    this.names = names;
    this.#longBlob = longBlob;
    this.size = 0;
    this.bytes = 0;
    this.pieces = [];
    this.starts = [];
  }

  /** @param {object} description the piece as the protocol describes it @param {ArrayBuffer} buffer */
  add(description, buffer) {
    const piece = new Piece(description, buffer);
    if (piece.rows === 0 && this.pieces.length > 0) return;
    this.starts.push(this.size);
    this.pieces.push(piece);
    this.size += piece.rows;
    this.bytes += piece.bytes;
  }

  /** Returns the exact value of a cell; row and column count from 0. Throws RangeError outside. */
  cell(row, column) {
    if (!(row >= 0 && row < this.size && column >= 0 && column < this.names.length))
      throw new RangeError(`no cell at row ${row}, column ${column}`);
    const at = this.#pieceOf(row);
    return this.pieces[at].cell(row - this.starts[at], column);
  }

  /** Yields [piece, first, last] for each piece with rows from `from` to before `to`; the two count in the piece. */
  *within(from, to) {
    for (let at = from < to ? this.#pieceOf(from) : this.pieces.length; at < this.pieces.length; at++) {
      const start = this.starts[at];
      if (start >= to) return;
      const piece = this.pieces[at];
      yield [piece, Math.max(0, from - start), Math.min(piece.rows, to - start)];
    }
  }

  /** Returns a cell's text for one line of a grid: {kind, text, cut}; cut if the value is longer. */
  line(row, column) {
    const { kind, value } = this.cell(row, column);
    if (kind === "text" && value.length > LINE_BYTES) {
      return { kind, text: `${beginning(value, LINE_BYTES)}…`, cut: true };
    }
    if (kind === "blob") return { kind, text: blobLine(value, this.#longBlob), cut: value.length > LINE_BLOB_BYTES };
    return { kind, text: this.#text(kind, value), cut: false };
  }

  /** Returns a value as text: NULL, 1, 1.5 with all its digits, text or, for a blob, x'…'; of text and of a blob the first
   *  `most` bytes. {kind, text, bytes, cut, value}: `bytes` is the length of the whole value. */
  text(row, column, most = Infinity) {
    const { kind, value } = this.cell(row, column);
    const bytes = value?.length ?? 0;
    const cut = bytes > most;
    let text;
    if (cut) text = kind === "text" ? beginning(value, most) : `x'${hex(value.subarray(0, most))}`;
    else text = kind === "float" ? exactText(value) : this.#text(kind, value);
    return { kind, text, bytes, cut, value };
  }

  /**
   * Returns a promise of {file, described, names}: the rows as one Blob, for the request write_rows.
   *
   * It begins with `described` bytes of JSON, a list of the pieces with the place of their bytes. A browser copies
   * what a Blob is made of at once, so it is made in steps.
   */
  async held() {
    let start = 0;
    const parts = [];
    const pieces = [];
    let pending = [];
    let pendingBytes = 0;
    for (const { description, buffer } of this.pieces) {
      pieces.push({ ...description, start, size: buffer.byteLength });
      start += buffer.byteLength;
      pending.push(buffer);
      pendingBytes += buffer.byteLength;
      if (pendingBytes < BLOB_BYTES) continue;
      parts.push(new Blob(pending));
      pending = [];
      pendingBytes = 0;
      await new Promise((resolve) => setTimeout(resolve));
    }
    const head = new Blob([JSON.stringify(pieces)]);
    return {
      file: new File([head, ...parts, ...pending], "rows"),
      described: head.size,
      names: JSON.stringify(this.names),
    };
  }

  #text(kind, value) {
    switch (kind) {
      case "null":
        return "NULL";
      case "int":
        return value.toString();
      case "float":
        return floatText(value);
      case "text":
        return decoder.decode(value);
      default:
        return `x'${hex(value)}'`;
    }
  }

  #pieceOf(row) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
