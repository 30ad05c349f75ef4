// JavaScript because CodeMirror's highlighting is: it colours what comes into view.

import { NodeType, Parser, Tree } from "@lezer/common";
import { Language, ParseContext } from "@codemirror/language";

/**
 * SQL of any length is coloured without a long task. CodeMirror makes the syntax tree of a text as a
 * whole, which takes a tenth of a second for 5 MB. So a text from LONG on is parsed in parts, each
 * with a tree of its own, and only those near what is in view.
 */

const LONG = 300_000; // characters from which on a text is parsed in parts
const PART = 30_000; // characters of a part, at least
const AROUND = 30_000; // characters before and behind what is in view that are parsed as well

// What is quoted, a comment, what may stand between two parts, a bracket, anything else.
const TOKEN =
  /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?\*\/|[;,\s]+|[()]|[^'"`[\-/();,\s]+|[^]/y;
const BETWEEN = /[;,\s]/;
const isOpening = (text, at) => "'\"`[".includes(text[at]) || (text[at] === "/" && text[at + 1] === "*");

/**
 * Returns where the part of a text ends that begins at `from`, between two tokens: not within
 * brackets, unless they hold very much, and best at one of `places`.
 */
export const endOfPart = (input, from, to, places = []) => {
  const near = places.filter((place) => place >= from + PART / 2 && place <= from + 2 * PART);
  const wanted = near.length ? Math.min(...near) - from : PART;
  for (let size = 4 * PART; ; size *= 4) {
    const text = input.read(from, Math.min(to, from + size));
    const isAll = from + text.length >= to;
    let depth = 0;
    let at = 0;
    while (at < text.length) {
      TOKEN.lastIndex = at;
      TOKEN.test(text);
      const next = TOKEN.lastIndex;
      const first = text[at];
      if (next === at + 1 && isOpening(text, at)) break; // what is quoted ends further on
      if (first === "(") depth++;
      else if (first === ")") depth--;
      else if (next >= wanted && next < text.length && BETWEEN.test(first)) {
        if (depth <= 0 || next >= 2 * PART || near.includes(from + next)) return from + next;
      }
      at = next;
    }
    if (isAll) return to;
  }
};

/** The trees of whole parts: where the text is as it was they are taken again. */
const parts = new WeakSet();

/** Returns the trees of parts by where they begin now, from CodeMirror's fragments of earlier trees. */
const earlierParts = (fragments) => {
  const found = new Map();
  for (const { from, to, offset, tree } of fragments) {
    tree.children.forEach((part, index) => {
      const begin = tree.positions[index] - offset;
      if (begin >= from && begin + part.length <= to && parts.has(part)) found.set(begin, part);
    });
  }
  return found;
};

/** The parsing of one text; see PartialParse of @lezer/common. */
class LongParse {
  #parser;
  #input;
  #earlier;
  #from;
  #to;
  #at;
  #context = ParseContext.get();
  #part = null; // the parsing of the part from #at on
  #end = 0; // where that ends
  #trees = [];
  #positions = [];
  stoppedAt = null;

  constructor(parser, input, fragments, from, to) {
    this.#parser = parser;
    this.#input = input;
    this.#earlier = earlierParts(fragments);
    this.#from = this.#at = from;
    this.#to = to;
  }

  get parsedPos() {
    return this.#part ? this.#part.parsedPos : this.#at;
  }

  stopAt(position) {
    this.stoppedAt = position;
    this.#part?.stopAt(Math.min(position, this.#end));
  }

  advance() {
    const to = Math.min(this.#to, this.stoppedAt ?? Infinity);
    if (this.#at >= to) return new Tree(this.#parser.topNode, this.#trees, this.#positions, to - this.#from);
    if (!this.#part) {
      const earlier = this.#earlier.get(this.#at);
      if (earlier) return this.#take(earlier);
      this.#end = endOfPart(this.#input, this.#at, this.#to, [...this.#earlier.keys()]);
      if (!this.#isNear()) {
        this.#context.skipUntilInView(this.#at, this.#end);
        return this.#take(this.#whole([], [], this.#end - this.#at));
      }
      this.#part = this.#parser.createParse(this.#input, [], [{ from: this.#at, to: this.#end }]);
      if (to < this.#end) this.#part.stopAt(to);
    }
    const tree = this.#part.advance();
    if (!tree) return null;
    this.#part = null;
    if (to < this.#end) return this.#take(new Tree(NodeType.none, tree.children, tree.positions, to - this.#at));
    return this.#take(this.#whole(tree.children, tree.positions, this.#end - this.#at));
  }

  #isNear() {
    if (!this.#context) return true;
    const { from, to } = this.#context.viewport;
    return this.#at < to + AROUND && this.#end > from - AROUND;
  }

  #whole(children, positions, length) {
    const tree = new Tree(NodeType.none, children, positions, length);
    parts.add(tree);
    return tree;
  }

  #take(tree) {
    this.#trees.push(tree);
    this.#positions.push(this.#at - this.#from);
    this.#at += tree.length;
    return null;
  }
}

class LongParser extends Parser {
  #parser;

  constructor(parser) {
    super();
    this.#parser = parser;
  }

  createParse(input, fragments, ranges) {
    const { from } = ranges[0];
    const { to } = ranges.at(-1);
    if (to - from < LONG || ranges.length > 1) return this.#parser.createParse(input, fragments, ranges);
    return new LongParse(this.#parser, input, fragments, from, to);
  }
}

/** Returns the language of a dialect, for texts of any length. */
export const languageOf = ({ language }) => new Language(language.data, new LongParser(language.parser), [], "sql");
