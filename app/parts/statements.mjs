// JavaScript because it is asked at every key: which statements a text has, and which one the cursor is in.

/**
 * Where statements begin and end, by SQLite's own rule: the states of sqlite3_complete()
 * (https://sqlite.org/c3ref/complete.html), so that triggers, strings and comments come out as in the
 * worker (session/sql/statements.py). Positions are indexes in UTF-16 units, as CodeMirror has them.
 */

const WINDOW = 1 << 16; // characters that are taken out of a document at a time
const TOKENS = 512; // read before the clock is looked at again

const SEMI = 0;
const OTHER = 1;
const WORDS = { explain: 2, create: 3, temp: 4, temporary: 4, trigger: 5, end: 6 };
const BEFORE = 0; // no statement has begun
const START = 1;
const NORMAL = 2;
const TRIGGER = 5;
const NUL = 8;
// State → token (SEMI, OTHER, EXPLAIN, CREATE, TEMP, TRIGGER, END) → state; blanks change none.
const NEXT = [
  [0, 2, 3, 4, 2, 2, 2], // before: an empty statement is none
  [1, 2, 3, 4, 2, 2, 2],
  [1, 2, 2, 2, 2, 2, 2],
  [1, 3, 2, 4, 2, 2, 2], // after EXPLAIN, which "QUERY PLAN" may follow
  [1, 2, 2, 2, 4, 5, 2],
  [6, 5, 5, 5, 5, 5, 5],
  [6, 5, 5, 5, 5, 5, 7],
  [1, 5, 5, 5, 5, 5, 5],
  [1, 2, 3, 4, 2, 2, 2], // after nothing but a NUL
];

const isBlank = (code) => code === 32 || (code >= 9 && code <= 13 && code !== 11);
const isOfWord = (code) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) ||
  code === 95 || code === 36 || code >= 128; // prettier-ignore

/** Whether a character may change the state of a statement whose kind is known, or begins what may hide one. */
const isOfInterest = (code) =>
  code === 59 || code === 39 || code === 34 || code === 96 || code === 91 || code === 45 || code === 47; // ; ' " ` [ - /

const QUOTES = { 39: "'", 34: '"', 96: "`", 91: "]" };

/** Returns the index behind what begins at `at` and ends with `close`; -1: it does not end. */
const behind = (text, at, close) => {
  const found = text.indexOf(close, at);
  return found < 0 ? -1 : found + close.length;
};

/** Returns the index behind a comment that begins at `at`; `at`: none does; -1: it does not end. */
const behindComment = (text, at) => {
  const next = text.charCodeAt(at + 1);
  if (text.charCodeAt(at) === 45) return next === 45 ? behind(text, at + 2, "\n") : at;
  return next === 42 ? behind(text, at + 2, "*/") : at;
};

/** The state to which `step` has led. */
let after = BEFORE;

/** Returns the index behind the token at `at`, and behind what cannot change the state; -1: it does not end. */
const step = (text, at, state) => {
  const code = text.charCodeAt(at);
  after = state;
  if (code === 59) {
    after = NEXT[state][SEMI];
    return at + 1;
  }
  if (isBlank(code) || (state === BEFORE && code === 0xfeff)) return at + 1;
  if (code === 0) {
    if (state === BEFORE) after = NUL; // a statement begins; the worker takes the NUL for a blank
    return at + 1;
  }
  const comment = code === 45 || code === 47 ? behindComment(text, at) : at;
  if (comment !== at) return comment;
  let word = OTHER;
  let next = at + 1;
  if (QUOTES[code]) next = behind(text, next, QUOTES[code]);
  else if (isOfWord(code)) {
    while (isOfWord(text.charCodeAt(next))) next++;
    const name = next - at < 10 ? text.slice(at, next).toLowerCase() : "";
    if (Object.hasOwn(WORDS, name)) word = WORDS[name];
  }
  after = NEXT[state][word];
  if (next > 0 && (after === NORMAL || after === TRIGGER)) {
    while (next < text.length && !isOfInterest(text.charCodeAt(next))) next++;
  }
  return next;
};

/** How far a document was read: up to `at`; the statement that is open there, if one is, and its state. */
const NOWHERE = { at: 0, state: BEFORE, from: 0 };

/** The statements of a document; never changed, but `changed` and `more` return others. */
export class Statements {
  /**
   * @param {number[]} bounds where each statement begins and ends, in ascending order
   * @param {{at: number, state: number, from: number} | null} rest how far it was read; null: wholly
   * @param {boolean} isOpen whether the last statement ends without a semicolon
   */
  constructor(bounds = [], rest = NOWHERE, isOpen = false) {
    this.bounds = bounds;
    this.rest = rest;
    this.isOpen = isOpen;
  }

  get count() {
    return this.bounds.length / 2;
  }

  /** Whether the whole document was read. */
  get isComplete() {
    return this.rest === null;
  }

  /** Returns {from, to} of a statement by its number, from 0. */
  at(number) {
    return { from: this.bounds[2 * number], to: this.bounds[2 * number + 1] };
  }

  /** Returns how many statements begin at or before a position. */
  begunBy(position) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.bounds[2 * middle] <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Returns the number, from 0, of the statement that a person means by a position: the one around
   * it; else the one that ends in the same line before it; else the next, else the last; -1 if there
   * is none.
   */
  around(position, doc) {
    const before = this.begunBy(position) - 1;
    if (before >= 0) {
      const { to } = this.at(before);
      if (to >= position || doc.lineAt(position).from <= to) return before;
    }
    return Math.min(before + 1, this.count - 1);
  }

  /** Returns what is known after reading on for some ms, or until the statement behind `upTo` has ended. */
  more(doc, ms, upTo = Infinity) {
    return this.isComplete ? this : read(doc, [...this.bounds], this.rest, ms, upTo);
  }

  /** Returns the statements of the document that changes have led to; `ms` as of `more`. */
  changed(changes, doc, ms) {
    let first = Infinity;
    let last = 0;
    let shift = 0;
    changes.iterChangedRanges((fromA, toA, fromB, toB) => {
      first = Math.min(first, fromA);
      last = Math.max(last, toA);
      shift += toB - fromB - (toA - fromA);
    });
    if (first === Infinity || (this.rest && this.rest.at < first)) return this;
    // What ended with a semicolon before the first change is as it was.
    let kept = this.begunBy(first);
    while (kept && (this.bounds[2 * kept - 1] > first || (this.isOpen && kept === this.count))) kept--;
    const bounds = this.bounds.slice(0, 2 * kept);
    const from = kept ? bounds[2 * kept - 1] : 0;
    // Where a statement ends behind the last change as one did before, the rest is as it was.
    return read(doc, bounds, { at: from, state: BEFORE, from }, ms, Infinity, { of: this, last, shift });
  }
}

/** Returns the end of the text of a statement that begins at `from` and has no semicolon. */
const endOfText = (doc, from) => {
  for (let to = doc.length; to > from; to -= 1000) {
    const text = doc.sliceString(Math.max(from, to - 1000), to);
    const length = text.replace(/[ \t\n\f\r]+$/, "").length;
    if (length) return Math.max(from, to - 1000) + length;
  }
  return from;
};

/** Reads a document on from `rest`; see Statements.changed for `old`. */
const read = (doc, bounds, rest, ms, upTo, old = null) => {
  const until = performance.now() + ms;
  let { at: base, state, from } = rest;
  let text = doc.sliceString(base, base + WINDOW);
  let at = 0;
  for (let count = 1; ; count++) {
    const isLast = base + text.length >= doc.length;
    if (at === text.length && isLast) {
      if (state !== BEFORE) bounds.push(from, endOfText(doc, from));
      return new Statements(bounds, null, state !== BEFORE);
    }
    if (count % TOKENS === 0 && performance.now() > until) return new Statements(bounds, { at: base + at, state, from });
    const next = at === text.length ? -1 : step(text, at, state);
    if (!isLast && (next < 0 || (next === text.length && at > 0))) {
      // The token may go on: take it with what follows it.
      const size = at === 0 ? text.length * 4 : WINDOW;
      base += at;
      at = 0;
      text = doc.sliceString(base, base + size);
      continue;
    }
    if (state === BEFORE && after !== BEFORE) from = base + at;
    at = next < 0 ? text.length : next;
    state = after;
    if (state !== START) continue;
    state = BEFORE;
    bounds.push(from, base + at);
    const tail = old && restOf(old, bounds, base + at);
    if (tail) return tail;
    if (base + at > upTo) return new Statements(bounds, { at: base + at, state, from });
  }
};

/** Returns all statements, if behind one that ends at `position` everything is as it was. */
const restOf = ({ of, last, shift }, bounds, position) => {
  const was = position - shift;
  if (was < last) return null;
  const number = of.begunBy(was) - 1;
  if (number < 0 || of.at(number).to !== was || (of.isOpen && number === of.count - 1)) return null;
  for (let at = 2 * number + 2; at < of.bounds.length; at++) bounds.push(of.bounds[at] + shift);
  const rest = of.rest && { ...of.rest, at: of.rest.at + shift, from: of.rest.from + shift };
  return new Statements(bounds, rest, of.isOpen);
};
