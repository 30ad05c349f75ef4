// JavaScript because the grid writes thousands of cells a second, and regular expressions with Unicode properties are the browser's.

/**
 * Characters that a person would not see, or would take for others: control and format characters,
 * every space but U+0020, line and paragraph separators, fillers.
 *
 * Source: Unicode 16, general categories Cc, Cf, Zl, Zp, Zs and Default_Ignorable_Code_Point.
 */
const UNSEEN = "[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\u115f\\u1160\\u17b4\\u17b5\\u3164\\uffa0]|(?! )\\p{Zs}";

/** Joiners, variation selectors and tags belong to the emoji or the letters of other scripts that they stand between. */
const JOINS = /^[\u200c\u200d\u{e0020}-\u{e007f}]$/u;
const JOINED_BEFORE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u{e0020}-\u{e007f}]$|(?!\p{Script=Latin})[\p{L}\p{M}]$/u;
const JOINED_AFTER = /^[\p{Extended_Pictographic}\u{e0020}-\u{e007f}]|^(?!\p{Script=Latin})[\p{L}\p{M}]/u;

const SUSPECT = new RegExp(`^ | $|${UNSEEN}`, "u");
const MARKED = new RegExp(`^ +| +$|${UNSEEN}`, "gu");

const SYMBOLS = new Map([
  ["\t", "⇥"],
  ["\n", "⏎"],
  ["\r", "␍"],
  ["\u007f", "␡"],
  ["\u00a0", "⍽"],
]);

/** Returns what is shown for an unseen character. */
const symbolOf = (character) => {
  const code = character.codePointAt(0);
  if (character[0] === " ") return "·".repeat(character.length);
  if (SYMBOLS.has(character)) return SYMBOLS.get(character);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
};

/** Whether a character at an index of a text is a part of an emoji, or of a word that needs it. */
const isJoint = (text, at, character) => {
  if (!JOINS.test(character)) return false;
  const after = text.slice(at + character.length);
  return JOINED_BEFORE.test(text.slice(Math.max(0, at - 2), at)) && (JOINED_AFTER.test(after) || character > "\u200d");
};

/** Returns a text in pieces, {text, symbol}; `symbol` is what stands for a piece that is not seen, or "". */
export const pieces = (text) => {
  if (!SUSPECT.test(text)) return [{ text, symbol: "" }];
  const found = [];
  let end = 0;
  for (const match of text.matchAll(MARKED)) {
    if (isJoint(text, match.index, match[0])) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index), symbol: "" });
    found.push({ text: match[0], symbol: symbolOf(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end), symbol: "" });
  return found;
};

/**
 * Writes a text into an element so that blanks at its ends, line breaks, control and zero-width
 * characters can be seen. The element's text stays exactly `text`: the symbols are drawn by the style
 * sheet, so that a selection copies what is there.
 */
export const write = (element, text) => {
  const found = pieces(text);
  if (found.length <= 1 && !found[0]?.symbol) {
    element.textContent = text;
    return;
  }
  element.replaceChildren(
    ...found.map(({ text: part, symbol }) => {
      if (!symbol) return part;
      const mark = document.createElement("span");
      mark.className = "unseen";
      mark.dataset.symbol = symbol;
      mark.textContent = part;
      return mark;
    }),
  );
};

/** Writes a name as `write` does; for an empty one the style sheet shows `unnamed`. */
export const writeName = (element, name, unnamed) => {
  write(element, name);
  element.classList.toggle("nameless", name === "");
  if (name === "") element.dataset.unnamed = unnamed;
};
