// JavaScript because the bytes of a value lie in the page's buffers, and a browser shows images and folds trees.

const LONGEST_TEXT = 100_000; // most bytes of a value that are shown as text
const LONGEST_HEX = 16_384; // most bytes that are shown as hex
const LONGEST_JSON = 500_000; // most bytes that are read as JSON
const IN_LINE = 8; // bytes of a line of hex
const AT_ONCE = 200; // members of an object or an array that are drawn before a person asks for more
const MOST_FIELDS = 1000; // columns of a row that are listed
const LONGEST_MEMBER = 300; // characters of a text in a tree

const IMAGES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 0],
  ["image/jpeg", [0xff, 0xd8, 0xff], 0],
  ["image/gif", [0x47, 0x49, 0x46, 0x38], 0],
  ["image/webp", [0x57, 0x45, 0x42, 0x50], 8],
];

/** Returns the MIME type of an image by its first bytes; "" for what is none. */
export const imageType = (bytes) =>
  IMAGES.find(([, magic, at]) => magic.every((byte, index) => bytes[at + index] === byte))?.[0] ?? "";

const decoder = new TextDecoder("utf-8", { fatal: true });

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Returns {value} of an object or array in JSON; null for what is none.
 *
 * A Number would lose digits of what is written, so a number is "n" and its text; a text and a name
 * are "s" and the text.
 */
export const readJson = (bytes) => {
  if (bytes.length > LONGEST_JSON) return null;
  try {
    const text = decoder.decode(bytes).trim();
    if (!/^[[{]/.test(text)) return null;
    JSON.parse(text);
    const tag = (token) => (token[0] === '"' ? `"s${token.slice(1)}` : `"n${token}"`);
    return { value: JSON.parse(text.replace(TOKENS, tag)) };
  } catch {
    return null; // no JSON, or no UTF-8
  }
};

const DAY = 86_400_000; // ms
const EPOCH = 2_440_587.5; // 1970-01-01 as a Julian day

/** Returns what a number or a text may be as a time: pairs of the key of a guess and ms since 1970. */
export const timesOf = (kind, value, text) => {
  if (kind === "text") {
    const found = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text.trim());
    // SQLite takes a time without a zone for UTC.
    const time = found ? Date.parse(`${found[1]}T${found[2] ?? "00:00"}${found[3] ?? "Z"}`) : NaN;
    return Number.isNaN(time) ? [] : [["iso", time]];
  }
  if (kind !== "int" && kind !== "float") return [];
  const number = Number(value);
  const size = Math.abs(number);
  const guesses = [];
  if (size >= 1e8 && size < 1e11) guesses.push(["seconds", number * 1000]);
  if (kind === "int" && size >= 1e11 && size < 1e14) guesses.push(["milliseconds", number]);
  if (kind === "int" && size >= 1e14 && size < 1e17) guesses.push(["microseconds", number / 1000]);
  if (number >= 2_300_000 && number < 2_600_000) guesses.push(["julian", (number - EPOCH) * DAY]);
  return guesses;
};

/** Returns a time in UTC: 2024-05-06 07:08:09.123 UTC, Monday. */
const timeText = (time, weekdays) => {
  const date = new Date(Math.round(time));
  const text = date.toISOString().replace("T", " ").replace(/\.000Z$|Z$/, "");
  return `${text} UTC, ${weekdays[date.getUTCDay()]}`;
};

/** Returns bytes as lines of hex, each with its offset and its characters in ASCII. */
export const hexLines = (bytes) => {
  const lines = [];
  for (let at = 0; at < bytes.length; at += IN_LINE) {
    const part = [...bytes.subarray(at, at + IN_LINE)];
    const pairs = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const shown = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${pairs.padEnd(3 * IN_LINE - 1)}  ${shown}`);
  }
  return lines.join("\n");
};

/** A value as people read it, in each form that suits it. */
export class Inspected {
  #rows;
  #row;
  #index;
  #texts;
  #cell;
  #json = null;
  #times;
  #visible;

  /**
   * @param visible visible.mjs, which is a part of another bundle
   * @param texts {more, members, weekdays (with commas between), unnamed, and one for each guess of timesOf}
   */
  constructor(rows, row, index, texts, visible) {
    this.#visible = visible;
    this.#rows = rows;
    this.#row = row;
    this.#index = index;
    this.#texts = texts;
    this.#cell = rows.text(row, index, LONGEST_TEXT);
    const { kind, value, text } = this.#cell;
    if (kind === "text" || kind === "blob") this.#json = readJson(value);
    this.#times = timesOf(kind, value, text);
  }

  /** {name, row, kind, bytes, cut, views}: the column, the row from 1 on, and the forms, the best one first. */
  get about() {
    const { kind, bytes, cut, value } = this.#cell;
    const isBytes = kind === "text" || kind === "blob";
    const views = [
      kind === "blob" && imageType(value) && "image",
      this.#json && "json",
      kind === "blob" ? "hex" : "text",
      this.#times.length > 0 && "date",
      isBytes && kind !== "blob" && value.length > 0 && "hex",
    ];
    const name = this.#rows.names[this.#index];
    return { name, row: this.#row + 1, kind, bytes, cut, views: views.filter(Boolean) };
  }

  /** Draws one of the forms; returns whether the whole value is shown. */
  draw(element, view) {
    element.replaceChildren();
    const { kind, text, cut, value } = this.#cell;
    if (view === "json") {
      element.append(this.#branch("", this.#json.value, true));
      return true;
    }
    if (view === "image") {
      const image = document.createElement("img");
      image.alt = this.#rows.names[this.#index] || this.#texts.unnamed;
      const address = URL.createObjectURL(new Blob([value], { type: imageType(value) }));
      image.onload = image.onerror = () => URL.revokeObjectURL(address);
      image.src = address;
      element.append(image);
      return true;
    }
    if (view === "date") {
      const weekdays = this.#texts.weekdays.split(",");
      element.append(this.#list(this.#times.map(([guess, time]) => [this.#texts[guess], timeText(time, weekdays)])));
      return true;
    }
    const lines = document.createElement("pre");
    lines.tabIndex = 0;
    lines.setAttribute("aria-label", this.#texts.value);
    const isCut = view === "hex" ? value.length > LONGEST_HEX : cut;
    if (view === "hex") lines.textContent = hexLines(value.subarray(0, LONGEST_HEX));
    else lines.textContent = text;
    if (kind === "null") lines.className = "cell-null";
    element.append(lines);
    return !isCut;
  }

  /** Draws the row as a list of names and values. */
  drawRow(element) {
    const names = this.#rows.names.slice(0, MOST_FIELDS);
    element.replaceChildren(this.#list(names.map((name, index) => [name, this.#rows.line(this.#row, index), index])));
    element.querySelector(".here")?.scrollIntoView({ block: "nearest" });
  }

  /** Returns a list of names and values, {kind, text} or texts. */
  #list(fields) {
    const list = document.createElement("dl");
    for (const [name, value, index] of fields) {
      const term = document.createElement("dt");
      this.#visible.writeName(term, name, this.#texts.unnamed);
      const shown = document.createElement("dd");
      this.#visible.write(shown, value.text ?? value);
      if (value.kind) shown.className = `cell-${value.kind}`;
      if (index === this.#index) term.classList.add("here");
      list.append(term, shown);
    }
    return list;
  }

  /** Returns the element of a member of a tree; its own members are drawn when it is unfolded. */
  #branch(key, value, isOpen = false) {
    const name = document.createElement("span");
    name.className = "json-key";
    name.textContent = key === "" ? "" : `${key}: `;
    if (value === null || typeof value !== "object") {
      const leaf = document.createElement("div");
      leaf.className = "json-leaf";
      const shown = document.createElement("span");
      const isText = typeof value === "string" && value[0] === "s";
      shown.className = isText ? "json-text" : "json-word";
      const plain = typeof value === "string" ? value.slice(1) : String(value);
      const text = isText ? JSON.stringify(plain) : plain;
      shown.textContent = text.length > LONGEST_MEMBER ? `${text.slice(0, LONGEST_MEMBER)}…` : text;
      leaf.append(name, shown);
      return leaf;
    }
    const isList = Array.isArray(value);
    const keys = isList ? null : Object.keys(value);
    const count = isList ? value.length : keys.length;
    const branch = document.createElement("details");
    const head = document.createElement("summary");
    const size = document.createElement("span");
    size.className = "note";
    size.textContent = (isList ? "[…] " : "{…} ") + this.#texts.members.replace("{count}", String(count));
    head.append(name, size);
    branch.append(head);
    let drawn = 0;
    const drawMore = () => {
      const end = Math.min(count, drawn + AT_ONCE);
      for (; drawn < end; drawn++) {
        const member = isList ? String(drawn) : JSON.stringify(keys[drawn].slice(1));
        branch.append(this.#branch(member, isList ? value[drawn] : value[keys[drawn]]));
      }
      if (drawn === count) return;
      const more = document.createElement("button");
      more.type = "button";
      more.className = "quiet";
      more.textContent = this.#texts.more.replace("{count}", String(count - drawn));
      more.addEventListener("click", () => {
        more.remove();
        drawMore();
      });
      branch.append(more);
    };
    const open = () => drawn === 0 && drawMore();
    branch.addEventListener("toggle", () => branch.open && open());
    if (isOpen) {
      branch.open = true;
      open();
    }
    return branch;
  }
}
