// JavaScript because a script of megabytes would take MicroPython seconds to copy, to encode and to cut.

const LONGEST_TITLE = 1000; // characters of a statement that are shown as the title of its result
const FIELDS = 5; // numbers of an outcome in a buffer: start, end, line, seconds, changes

let last = 0;

/** A text that is run, as it was when Run was pressed. The worker counts its bytes in UTF-8 from 0. */
export class Script {
  /** The number by which the worker knows the text after it was sent once. */
  key = ++last;
  /** Whether the page has made it, and it stands nowhere in the editor. */
  isApart = false;
  #editor;
  #doc;
  #isAscii;
  #bytes = 0;
  #units = 0;

  /** @param {string} text @param {number} from where it begins @param {object} doc of the editor */
  constructor(text, from, doc, editor) {
    this.text = text;
    this.from = from;
    this.#doc = doc;
    this.#editor = editor;
    this.line = doc.lineAt(from).number;
  }

  get length() {
    return this.text.length;
  }

  /** Returns the index of a byte in UTF-16 units; quick for bytes that come in ascending order. */
  unitsAt(offset) {
    this.#isAscii ??= /^[\x00-\x7f]*$/.test(this.text); // eslint-disable-line no-control-regex
    if (this.#isAscii) return Math.min(offset, this.text.length);
    if (offset < this.#bytes) this.#bytes = this.#units = 0;
    while (this.#units < this.text.length) {
      const code = this.text.codePointAt(this.#units);
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (this.#bytes + size > offset) break;
      this.#bytes += size;
      this.#units += code < 0x10000 ? 1 : 2;
    }
    return this.#units;
  }

  /** Returns the beginning of the statement from byte `start` to `end`. */
  title(start, end) {
    const from = this.unitsAt(start);
    const text = this.text.slice(from, from + Math.min(end - start, LONGEST_TITLE));
    const units = end - start <= LONGEST_TITLE ? this.unitsAt(end) - from : LONGEST_TITLE;
    // Not half a character at the end.
    return text.slice(0, units).replace(/[\ud800-\udbff]$/, "");
  }

  /** Returns {text}: the whole statement from byte `start` to `end`, which Python only passes on. */
  statement(start, end) {
    return { text: this.text.slice(this.unitsAt(start), this.unitsAt(end)) };
  }

  /** Returns one outcome of a buffer of many as JSON {start, end, line, elapsed, changes}. */
  outcome(buffer, index) {
    const [start, end, line, elapsed, changes] = new Float64Array(buffer, index * FIELDS * 8, FIELDS);
    return JSON.stringify({ start, end, line, elapsed, changes: changes < 0 ? null : changes });
  }

  /**
   * Replaces parts of the text in the editor, as one step of undo; not if the text has changed.
   *
   * @param {string} replacements JSON [[byte, bytes, text], …], in ascending order
   * @returns {boolean} whether it did
   */
  replace(replacements) {
    const changes = JSON.parse(replacements).map(([start, length, insert]) => ({
      from: this.from + this.unitsAt(start),
      to: this.from + this.unitsAt(start + length),
      insert,
    }));
    return this.#editor.change(this.from, this.text, changes, this.#doc);
  }

  /** Underlines the error at byte `offset`. Returns "line:column", both from 1, or "" if the text has changed. */
  mark(offset, message) {
    return this.#editor.mark(this.from, this.text, this.unitsAt(offset), message, this.#doc);
  }
}
