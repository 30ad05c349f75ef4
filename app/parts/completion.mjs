// JavaScript because the editor asks at every key, and MicroPython would answer too late.

/**
 * What the editor offers as the next word of a statement.
 *
 * Columns of the tables that the statement reads come first. Below four letters a name is offered
 * when it, or a word in it, begins with them. Nothing is offered after AS; where an alias may stand
 * as well, only the keywords that can follow, from two letters on.
 */

const REACH = 20_000; // characters of the statement that are looked at, before and behind the cursor
const MOST = 100; // options
const FUZZY_FROM = 4; // letters from which on the middle of a name counts, too

const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[\p{L}_][\p{L}\p{N}_$]*|[\d.]*\d[\w.]*|\S/gu;

const TABLES_FOLLOW = new Set(["from", "join", "into", "update", "table", "references", "view", "exists", "truncate"]);
const READS = new Set(["from", "join", "into", "update"]);
const FROM_ENDS = new Set(["where", "group", "order", "having", "limit", "union", "except", "intersect", "set", "values", "returning", "window", "select", "on", "using"]);

/** Keywords that can follow a name, a value or a closing parenthesis, where an alias may stand as well. */
const FOLLOWERS =
  "and as asc between case collate cross desc do else end escape except exists filter from full glob group by having in " +
  "indexed inner intersect is isnull join left like limit match natural not notnull nulls offset on or order by outer over " +
  "regexp returning right set then union using values when where window with";

/** Words after which a name or a value begins, so that no alias can stand there. */
const OPENERS = new Set(
  ("select distinct all from join where and or not on having by set when then else case in like glob regexp match between is " +
    "limit offset returning values into update table using over filter exists union except intersect explain pragma delete insert " +
    "with recursive escape collate if index view trigger drop alter create attach detach begin column to add rename replace").split(" "),
);

const unquoted = (token) => {
  const quote = token[0];
  if (quote === "[") return token.slice(1, token.endsWith("]") ? -1 : undefined);
  if (quote !== '"' && quote !== "`") return token;
  const inner = token.length > 1 && token.endsWith(quote) ? token.slice(1, -1) : token.slice(1);
  return inner.replaceAll(quote + quote, quote);
};

const isComment = (token) => token.startsWith("--") || token.startsWith("/*");
const isWord = (token) => /^[\p{L}_]/u.test(token);
const isName = (token) => token !== undefined && (isWord(token) || /^["`[]/.test(token));

/** Returns the tokens behind the last semicolon, without comments. */
const lastStatement = (tokens) => tokens.slice(tokens.lastIndexOf(";") + 1).filter((token) => !isComment(token));

/** Returns the tokens before the first semicolon, without comments. */
const firstStatement = (text) => {
  const tokens = text.match(TOKEN) ?? [];
  const end = tokens.indexOf(";");
  return tokens.slice(0, end < 0 ? undefined : end).filter((token) => !isComment(token));
};

/** Returns the common table expressions that a statement begins with (sqlite.org/lang_with.html). */
const commonTables = (tokens) => {
  if (tokens[0]?.toLowerCase() !== "with") return [];
  return tokens
    .filter((token, at) => isName(token) && /^(?:with|recursive|,)$/i.test(tokens[at - 1] ?? "") && /^(?:as|\()$/i.test(tokens[at + 1] ?? ""))
    .filter((token) => token.toLowerCase() !== "recursive")
    .map((token) => ({ label: unquoted(token), type: "class", detail: "with" }));
};

/** What can be offered, made once for each schema and each list of words. */
export class Names {
  #tables = new Map(); // by lower-case name
  #schemas = new Map();
  #columns;
  #keywords;
  #functions;
  #reserved;
  #followers;

  /** @param {object[]} schema of a reply @param {string[]} keywords @param {string[]} functions */
  constructor(schema, keywords, functions) {
    for (const table of schema) {
      const columns = table.columns
        .filter(({ hidden }) => hidden !== 1)
        .map(({ name, type }) => ({ label: name, type: "property", detail: type || undefined }));
      const entry = { option: { label: table.name, type: "class", detail: table.type }, columns };
      const key = table.name.toLowerCase();
      if (!this.#tables.has(key) || table.schema === "main") this.#tables.set(key, entry);
      const inner = this.#schemas.get(table.schema.toLowerCase()) ?? new Map();
      this.#schemas.set(table.schema.toLowerCase(), inner.set(key, entry));
    }
    this.#columns = [...this.#tables.values()].flatMap((table) => table.columns);
    this.#reserved = new Set(keywords.map((word) => word.toLowerCase()));
    this.#keywords = keywords.map((word) => ({ label: word.toUpperCase(), type: "keyword" }));
    this.#functions = functions.map((name) => ({ label: name.toLowerCase(), type: "function" }));
    this.#followers = FOLLOWERS.split(" ").map((word) => ({ label: word.toUpperCase(), type: "keyword" }));
  }

  /** Returns the tables that a statement reads, and its names for them: Map of lower-case name → columns. */
  #sources(tokens) {
    const found = new Map();
    for (let at = 0; at < tokens.length; at++) {
      if (!READS.has(tokens[at].toLowerCase())) continue;
      let next = at + 1;
      for (;;) {
        if (!isName(tokens[next])) break;
        let name = unquoted(tokens[next]).toLowerCase();
        let entry = this.#tables.get(name);
        if (tokens[next + 1] === "." && isName(tokens[next + 2])) {
          const table = unquoted(tokens[next + 2]).toLowerCase();
          entry = this.#schemas.get(name)?.get(table);
          name = table;
          next += 2;
        }
        next += 1;
        if (tokens[next]?.toLowerCase() === "as") next += 1;
        const alias = tokens[next];
        if (entry) found.set(name, { option: entry.option, columns: entry.columns });
        if (entry && isName(alias) && !(isWord(alias) && this.#reserved.has(alias.toLowerCase()))) {
          const label = unquoted(alias);
          found.set(label.toLowerCase(), { option: { label, type: "constant", detail: entry.option.label }, columns: entry.columns });
          next += 1;
        }
        if (tokens[next] !== ",") break;
        next += 1;
      }
    }
    return found;
  }

  /**
   * Returns what to offer, or null for nothing.
   *
   * @param {string} text before the cursor, or its end
   * @param {string} after the text behind it, or its beginning
   * @param {boolean} explicit whether a person asked for it
   * @returns {{length: number, options: object[]} | null} `length` of the word before the cursor, in UTF-16 units
   */
  offer(text, after, explicit) {
    const partial = /(?:"(?:[^"]|"")*|`[^`]*|\[[^\]]*|[\p{L}_][\p{L}\p{N}_$]*)$/u.exec(text)?.[0] ?? "";
    const behind = /^[\p{L}\p{N}_$]*/u.exec(after)[0];
    const quote = /^["`[]/.test(partial) ? partial[0] : "";
    const head = text.slice(0, text.length - partial.length);
    const tokens = head.match(TOKEN) ?? [];
    // Within a string or a comment there is nothing to complete, nor behind the mark that closes a name.
    const last = tokens.at(-1) ?? "";
    if (/^(?:['"`[]|--|\/\*)/.test(last) && head.endsWith(last) && !isClosed(last)) return null;
    const earlier = lastStatement(tokens);
    const later = firstStatement(after.slice(behind.length));
    const typed = quote ? partial.slice(1) : partial;
    if (!typed && !explicit && !quote && earlier.at(-1) !== ".") return null;
    const options = this.#place(earlier, later, typed, quote);
    if (!options) return null;
    const offered = ranked(options, typed).map((option) => this.#applied(option, quote, after));
    return offered.length ? { length: partial.length, options: offered } : null;
  }

  #place(earlier, later, typed, quote) {
    const before = earlier.at(-1);
    const word = before !== undefined && isWord(before) ? before.toLowerCase() : "";
    if (word === "as") return null;
    const sources = this.#sources([...earlier, ";", ...later]);
    const own = [...sources.values()];
    if (before === ".") {
      if (!isName(earlier.at(-2))) return null;
      const owner = unquoted(earlier.at(-2)).toLowerCase();
      const inner = this.#schemas.get(owner);
      return sources.get(owner)?.columns ?? this.#tables.get(owner)?.columns ?? (inner ? [...inner.values()].map(({ option }) => option) : null);
    }
    const tables = () => [...commonTables(earlier), ...[...this.#tables.values()].map(({ option }) => option)];
    if (TABLES_FOLLOW.has(word) || (before === "," && this.#isInFrom(earlier))) return tables();
    if (this.#endsAValue(earlier, word)) return !quote && typed.length > 1 ? this.#followers : null;
    if (before === undefined) return quote ? null : this.#keywords;
    const columns = own.flatMap((source) => source.columns);
    const names = [columns.length ? columns : this.#columns, own.map(({ option }) => option), tables()];
    return (quote ? names : [...names, this.#functions, this.#keywords]).flat();
  }

  /** Whether the last token ends a name or a value, so that an alias may follow. */
  #endsAValue(earlier, word) {
    const before = earlier.at(-1) ?? "";
    if (word) return !OPENERS.has(word) && !this.#reserved.has(word);
    // SELECT * and t.* are values; in 2 * it is an operator.
    if (before === "*") return /^(?:select|distinct|all|[,.])$/i.test(earlier.at(-2) ?? "");
    return /^[)"`[\d']/.test(before);
  }

  /** Whether a comma separates tables: the last clause that began is FROM. */
  #isInFrom(earlier) {
    let depth = 0;
    for (let at = earlier.length - 1; at >= 0; at--) {
      const token = earlier[at];
      if (token === ")") depth += 1;
      if (token === "(") depth -= 1;
      if (depth < 0) return false;
      const word = token.toLowerCase();
      if (depth === 0 && word === "from") return true;
      if (depth === 0 && FROM_ENDS.has(word)) return false;
    }
    return false;
  }

  /** Returns an option with what it inserts: a name that needs quotation marks gets them. */
  #applied(option, quote, after) {
    if (option.type === "keyword" || option.type === "function") return option;
    const { label } = option;
    const closing = quote === "[" ? "]" : quote;
    if (quote) return { ...option, apply: `${quote}${label}${after.startsWith(closing) ? "" : closing}` };
    const isPlain = /^[A-Za-z_][A-Za-z0-9_]*$/.test(label) && !this.#reserved.has(label.toLowerCase());
    return isPlain ? option : { ...option, apply: `"${label.replaceAll('"', '""')}"` };
  }
}

const isClosed = (token) =>
  token.startsWith("/*")
    ? token.length > 3 && token.endsWith("*/")
    : !token.startsWith("--") && token.length > 1 && token.endsWith(token[0] === "[" ? "]" : token[0]);

/** Returns how well an option fits to what was typed, from 0; Infinity if it does not. */
const distance = (option, typed) => {
  const name = (option.lower ??= option.label.toLowerCase());
  if (name.startsWith(typed)) return name.length === typed.length ? 0 : 1;
  const found = name.indexOf(typed);
  if (found > 0 && wordStarts(option).some((start) => name.startsWith(typed, start))) return 2;
  if (typed.length < FUZZY_FROM) return Infinity;
  if (found > 0) return 3;
  let at = 0;
  for (const character of typed) {
    at = name.indexOf(character, at) + 1;
    if (at === 0) return Infinity;
  }
  return 4;
};

/** Returns where words begin in a name: after _, a blank, a dot, and at a capital letter behind a small one. */
const wordStarts = (option) =>
  (option.starts ??= [...option.label.matchAll(/(?<=[_\s.$-])[^_\s.$-]|(?<=\p{Ll})\p{Lu}/gu)].map(({ index }) => index));

/** Returns the options that fit, each name once; by how well they fit, then in the order given. */
const ranked = (options, typed) => {
  const wanted = typed.toLowerCase();
  const groups = [[], [], [], [], []];
  const seen = new Set();
  for (const option of options) {
    const group = wanted ? distance(option, wanted) : 1;
    if (group === Infinity || groups[group].length > MOST) continue;
    const key = `${option.type === "keyword" || option.type === "function" ? "word" : "name"} ${option.label}`;
    if (seen.has(key)) continue;
    seen.add(key);
    groups[group].push(option);
  }
  return groups.flat().slice(0, MOST);
};

/** Returns a CodeMirror completion source over `names()`, the Names of this moment. */
export const sourceOf = (names) => ({ state, pos, explicit }) => {
  const text = state.sliceDoc(Math.max(0, pos - REACH), pos);
  const offered = names().offer(text, state.sliceDoc(pos, pos + REACH), explicit);
  // The order is ours, and each key asks anew.
  return offered && { from: pos - offered.length, options: offered.options, filter: false };
};
