// JavaScript because CodeMirror is: it calls back on every key, and Python is told only of what matters.

import { basicSetup } from "codemirror";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { Compartment, EditorState, Prec, Text } from "@codemirror/state";
import { HighlightStyle, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import { SQLDialect, SQLite } from "@codemirror/lang-sql";
import {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  completionStatus,
  selectedCompletionIndex,
  setSelectedCompletion,
} from "@codemirror/autocomplete";
import { setDiagnostics } from "@codemirror/lint";
import { tags } from "@lezer/highlight";
import { guarded, report } from "./browser.mjs";
import { Names, sourceOf } from "./completion.mjs";
import { languageOf } from "./long_sql.mjs";
import { Script } from "./script.mjs";
import { Statements } from "./statements.mjs";
import { statements, target } from "./statement_view.mjs";
import { KeptText } from "./texts.mjs";

const CHANGE_DELAY = 400; // ms without a key before the text is kept
const LONGEST_DELAY = 2000; // ms that keys may go on before it is kept all the same
const FORMATTING = 25; // ms that formatting may take at a time
const COMPLETION_DELAY = 200; // ms that a completion asked for by the last key may still take

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "transparent", color: "var(--text)", fontSize: "14px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--accent)", padding: "10px 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 6px 0 14px", minWidth: "34px" },
  ".cm-runs .cm-gutterElement": { padding: "0 2px 0 6px", color: "var(--accent)", fontSize: "9px", cursor: "pointer" },
  ".cm-runs span": { opacity: "0.55" },
  ".cm-runs span:hover": { opacity: "1" },
  ".cm-at-cursor": { backgroundColor: "var(--line-active)" },
  ".cm-activeLine": { backgroundColor: "var(--line-active)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--selection)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--match)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--match)", outline: "none" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--border)",
    borderRadius: "8px",
    boxShadow: "var(--shadow)",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "14em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px 3px 4px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    background: "var(--accent)",
    color: "var(--on-accent)",
  },
  ".cm-completionDetail": { color: "inherit", opacity: "0.75", fontStyle: "normal" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--danger)", fontFamily: "var(--sans)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--danger)",
    textUnderlineOffset: "4px",
    backgroundColor: "var(--danger-soft)",
  },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--danger)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--border)" },
  ".cm-textfield, .cm-button": {
    background: "var(--surface)",
    color: "var(--text)",
    border: "1px solid var(--border)",
    borderRadius: "6px",
  },
  ".cm-searchMatch": { backgroundColor: "var(--match)" },
  ".cm-foldPlaceholder": { background: "var(--surface)", color: "var(--muted)", border: "none" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--sql-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--sql-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--sql-number)" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--sql-function)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);

/** Returns SQLite's dialect with this engine's keywords and functions: the built-in list is older. */
const dialectOf = (keywords, functions) =>
  SQLDialect.define({
    ...SQLite.spec,
    keywords: keywords.join(" ").toLowerCase() || SQLite.spec.keywords,
    builtin: functions.join(" ").toLowerCase(),
  });

/** Takes what was chosen with the arrows, else the first; while there is no list, Tab leaves the editor. */
const acceptFirst = (view) => {
  if (completionStatus(view.state) !== "active") return false;
  const index = selectedCompletionIndex(view.state);
  if (index === null || index < 0) view.dispatch({ effects: setSelectedCompletion(0) });
  acceptCompletion(view);
  return true;
};

/** Read from the browser while the page's Python still starts. */
const kept = new KeptText();

class Editor {
  #language = new Compartment();
  #dialect = SQLite;
  #schema = [];
  #words = { keywords: [], functions: [] };
  #names = null; // of the schema and the words, once they are asked for
  #handlers;
  #texts;
  #view;
  #generated = null; // a text that the page has put there
  #timer = 0;
  #isToldOfLoss = false;
  #changed = 0; // when the first change was made that is not kept yet, in ms; 0 if all is kept

  constructor(parent, handlers, texts) {
    this.#handlers = handlers;
    this.#texts = JSON.parse(texts);
    this.#view = new EditorView({ parent, state: this.#state("") });
    addEventListener("pagehide", () => this.#changed && kept.leave(this.text()));
    // A page in the background may be ended without another word.
    document.addEventListener("visibilitychange", () => document.hidden && this.#changed && this.#keep());
  }

  /** Returns a new state with a text, and with no step to undo. */
  #state(doc) {
    const { label, placeholder: hint, runThis } = this.#texts;
    const { onKey, onRun, onTarget } = this.#handlers;
    const press = (key) => (view) => {
      closeCompletion(view);
      onKey(key);
      return true;
    };
    return EditorState.create({
      doc,
      extensions: [
        // Before basicSetup, which binds Mod-Enter to another command.
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: press("Mod-Enter"), shift: press("Mod-Shift-Enter") }])),
        Prec.high(keymap.of([{ key: "Tab", run: acceptFirst }])),
        basicSetup,
        statements(runThis, ({ from, to }) => onRun(this.#script(from, to)), onTarget),
        // Enter is a new line unless the arrows have chosen: nothing is written that nobody asked for.
        autocompletion({ override: [sourceOf(() => this.#known())], selectOnOpen: false, interactionDelay: 0, maxRenderedOptions: 30 }),
        this.#language.of(this.#sql()),
        theme,
        syntaxHighlighting(colours),
        placeholder(hint),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": label,
          // It can be reached by Tab without this; axe-core looks for it in what can be scrolled.
          tabindex: "0",
          autocapitalize: "off",
          autocorrect: "off",
          spellcheck: "false",
        }),
        EditorView.domEventHandlers({
          // Dropped files are for the window's listener: the editor would insert their text.
          drop: ({ dataTransfer }) => Boolean(dataTransfer?.files.length),
          // A completion list that opens after the editor has lost the focus would stay open.
          blur: (_, view) => void setTimeout(() => view.hasFocus || closeCompletion(view), COMPLETION_DELAY),
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.#keepSoon();
        }),
      ],
    });
  }

  #keepSoon() {
    const now = performance.now();
    this.#changed ||= now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), Math.min(CHANGE_DELAY, this.#changed + LONGEST_DELAY - now));
  }

  #keep() {
    clearTimeout(this.#timer);
    this.#changed = 0;
    kept.keep(this.text()).catch((cause) => {
      if (this.#isToldOfLoss) return;
      this.#isToldOfLoss = true;
      report(new Error(`${this.#texts.unkept} (${cause.message})`));
    });
  }

  /** Shows the text of the last visit, or `starter` when there is none; that is no step to undo. */
  restore(starter) {
    kept.taken.then((text) => {
      if (!this.text()) {
        const known = text !== null && /\S/.test(text);
        this.#begin(known ? text : starter);
        if (!known || text === starter) this.#generated = starter;
      }
      // Whoever has typed by then keeps that, and the earlier text stays for another tab.
      else if (text !== null) kept.renew().then(() => this.#keep());
    });
  }

  #begin(text) {
    const { hasFocus } = this.#view;
    this.#view.setState(this.#state(text));
    this.#view.dispatch({ selection: this.#view.state.selection }); // so that Run says what it runs
    if (hasFocus) this.#view.focus();
  }

  #sql() {
    return new LanguageSupport(languageOf(this.#dialect));
  }

  #known() {
    const { keywords, functions } = this.#words;
    this.#names ??= new Names(this.#schema, keywords.length ? keywords : SQLite.spec.keywords.trim().split(" "), functions);
    return this.#names;
  }

  /** Highlights and completes by these words. @param {string} words JSON {keywords, functions} */
  speak(words) {
    this.#words = JSON.parse(words);
    this.#names = null;
    this.#dialect = dialectOf(this.#words.keywords, this.#words.functions);
    this.#view.dispatch({ effects: this.#language.reconfigure(this.#sql()) });
  }

  /** Completes by the schema of a reply. @param {string} head JSON of the reply */
  know(head) {
    this.#schema = JSON.parse(head).schema;
    this.#names = null;
  }

  text() {
    return this.#view.state.doc.toString();
  }

  /**
   * Returns a statement of the page's own as a Script. It takes the place of a text that the page put
   * into the editor and nobody edited; what a person has written stays as it is.
   */
  offer(text) {
    if (!this.#isFree()) return this.apart(text);
    this.#replace(text);
    this.#generated = text;
    return this.whole();
  }

  /** Puts the text of a Script where a person can edit it: below what they have written. */
  edit(script) {
    if (this.#isFree()) this.#replace(script.text);
    else this.#append(script.text);
    this.#generated = null;
    script.isApart = false;
    this.#view.focus();
  }

  /** Whether the editor has nothing in it that a person has written. */
  #isFree() {
    const { doc } = this.#view.state;
    const isOurs = doc.length === this.#generated?.length && doc.toString() === this.#generated;
    return isOurs || !/\S/.test(doc.toString());
  }

  /** Replaces the whole text, as one step of undo. */
  #replace(text) {
    const changes = { from: 0, to: this.#view.state.doc.length, insert: text };
    this.#view.dispatch({ changes, userEvent: "input" });
  }

  /** Appends text as a paragraph of its own and selects it, likewise. */
  #append(text) {
    const { doc } = this.#view.state;
    const gap = doc.toString().trimEnd();
    const insert = `${gap ? "\n\n" : ""}${text}`;
    const from = gap.length;
    this.#view.dispatch({
      changes: { from, to: doc.length, insert },
      selection: { anchor: from + insert.length - text.length, head: from + insert.length },
      scrollIntoView: true,
      userEvent: "input", // else what was typed just before would be undone with it
    });
  }

  /** Returns what Run runs, as a Script: the selection, or the statement at the cursor. */
  chosen() {
    const { from, to } = target(this.#view.state);
    return this.#script(from, to);
  }

  /** Returns the whole text as a Script. */
  whole() {
    return this.#script(0, this.#view.state.doc.length);
  }

  #script(from, to) {
    const { doc } = this.#view.state;
    return guarded(new Script(doc.sliceString(from, to), from, doc, this));
  }

  /** Returns SQL of the page's own as a Script, which stands nowhere in the editor. */
  apart(text) {
    const script = new Script(text, 0, Text.of(text.split("\n")), this);
    script.isApart = true;
    return guarded(script);
  }

  /**
   * Underlines the error at index `at` of `ran`, which was at position `from` of the document `then`.
   * Returns "line:column", both from 1, or "" if the text has changed since.
   */
  mark(from, ran, at, message, then) {
    const { doc } = this.#view.state;
    if (!this.#isThere(from, ran, then)) return "";
    const position = from + at;
    const word = /^(?:[\p{L}\p{N}_$]+|.)/u.exec(doc.sliceString(position, position + 200));
    let start = position;
    let end = position + (word ? word[0].length : 0);
    // At the end of the text there is nothing to underline: take the last character that is not space.
    if (start === end) {
      end = from + ran.slice(0, position - from).trimEnd().length;
      start = Math.max(from, end - 1);
    }
    this.#view.dispatch(
      setDiagnostics(this.#view.state, [{ from: start, to: end, severity: "error", message }]),
      { effects: EditorView.scrollIntoView(start) },
    );
    return this.#place(position);
  }

  /** Changes the text of a script where it still is what has run; returns whether it is. */
  change(from, ran, changes, then) {
    if (!this.#isThere(from, ran, then)) return false;
    this.#view.dispatch({ changes, scrollIntoView: true });
    this.clearMarks();
    this.#view.focus();
    return true;
  }

  /** Whether `ran` is still at `from`, where it was in the document `then`. */
  #isThere(from, ran, then) {
    const { doc } = this.#view.state;
    return doc.eq(then) || doc.sliceString(from, from + ran.length) === ran;
  }

  /**
   * Formats the selection, else the whole text, as one step of undo; nothing if it changes meanwhile.
   * Returns a promise of JSON {changed, same, refused}, numbers of statements; of "" if the code of the
   * formatter cannot be loaded, which is reported.
   */
  async format() {
    const { doc, selection } = this.#view.state;
    const { from, to } = selection.main.empty ? { from: 0, to: doc.length } : selection.main;
    const text = doc.slice(from, to);
    const found = new Statements().more(text, Infinity);
    const told = { changed: 0, same: 0, refused: 0 };
    const changes = [];
    try {
      const { formatted } = await import("./formatter.mjs");
      for (let number = 0, last = 0, rest = performance.now(); number < found.count; number++) {
        const bounds = found.at(number);
        const before = text.sliceString(bounds.from, bounds.to);
        const insert = formatted(before);
        told[insert === null ? "refused" : insert === before ? "same" : "changed"]++;
        if (number && /^[ \t]*$/.test(text.sliceString(last, bounds.from))) {
          changes.push({ from: from + last, to: from + bounds.from, insert: "\n" });
        }
        if (insert !== null) changes.push({ from: from + bounds.from, to: from + bounds.to, insert });
        last = bounds.to;
        if (performance.now() - rest < FORMATTING) continue;
        await new Promise((resolve) => setTimeout(resolve));
        rest = performance.now();
      }
    } catch (error) {
      report(error);
      return "";
    }
    const isSame = this.#view.state.doc === doc;
    if (isSame && told.changed) this.#view.dispatch({ changes, userEvent: "input.format" });
    return JSON.stringify(isSame ? told : { changed: 0, same: 0, refused: found.count });
  }

  clearMarks() {
    this.#view.dispatch(setDiagnostics(this.#view.state, []));
  }

  focus() {
    this.#view.focus();
  }

  #place(position) {
    const line = this.#view.state.doc.lineAt(position);
    return `${line.number}:${[...line.text.slice(0, position - line.from)].length + 1}`;
  }
}

/**
 * @param {Element} parent
 * @param {(key: string) => void} onKey called for a key of a command, as Commands.keys() has it
 * @param {(script: Script) => void} onRun called for a statement whose ▶ was pressed
 * @param {(what: string, number: number, count: number) => void} onTarget called when what Run would
 *   run has become another (target in statement_view.mjs)
 * @param {string} texts JSON {label, placeholder, runThis, unkept}, from app/messages
 */
export const createEditor = (parent, onKey, onRun, onTarget, texts) =>
  new Editor(parent, { onKey, onRun, onTarget }, texts);
