// JavaScript because sql-formatter is; loaded when a text is formatted first.

import { formatDialect, sqlite } from "sql-formatter";

const LONGEST = 50_000; // characters of a statement that is formatted: more would hold the page up
const STYLE = { dialect: sqlite, tabWidth: 2, keywordCase: "preserve", expressionWidth: 72 };

// Everything but blanks; what may not be torn apart is one token (https://sqlite.org/lang_expr.html).
const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|[xX]?'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|\d[\w.]*(?:(?<=[eE])[+-]\d+)?|[?:@#$]*[\p{L}_$][\p{L}\p{N}_$:]*|\?\d*|->>|->|<=|>=|<>|<<|>>|!=|==|\|\||[^\s]/gu;

const isLine = (token) => token.startsWith("--");

/** Returns the tokens of a statement; a comment of one line without the blanks at its end. */
const tokensOf = (text) => (text.match(TOKEN) ?? []).map((token) => (isLine(token) ? token.trimEnd() : token));

/** Whether two statements say the same to SQLite. */
const areSame = (one, other) => {
  const [tokens, others] = [tokensOf(one), tokensOf(other)];
  return tokens.length === others.length && tokens.every((token, index) => token === others[index]);
};

/** Returns a statement well spaced; null: it is too long, or cannot be without becoming another one. */
export const formatted = (statement) => {
  if (statement.length > LONGEST) return null;
  try {
    const text = formatDialect(statement, STYLE);
    return areSame(statement, text) ? text : null;
  } catch {
    return null; // what the formatter cannot read stays as it is
  }
};
