// JavaScript because CodeMirror's extensions are: the statement at the cursor is tinted, each has a ▶ in the gutter.

import { Decoration, EditorView, GutterMarker, ViewPlugin, gutter } from "@codemirror/view";
import { StateEffect, StateField } from "@codemirror/state";
import { Statements } from "./statements.mjs";

const MS_AT_ONCE = 8; // that reading may take; the rest of a long text follows in tasks of their own
const readOn = StateEffect.define();

/** The statements of the text, as far as they are read. */
const field = StateField.define({
  create: ({ doc }) => new Statements().more(doc, MS_AT_ONCE),
  update: (found, { changes, docChanged, effects, newDoc }) => {
    if (docChanged) return found.changed(changes, newDoc, MS_AT_ONCE);
    return effects.some((effect) => effect.is(readOn)) ? found.more(newDoc, MS_AT_ONCE) : found;
  },
});

/**
 * Returns what Run would run: {what: "selection" | "statement" | "all", from, to}; of a statement also its
 * `number`, from 1, and the `count` of those that are read.
 */
export const target = (state) => {
  const { from, to, head } = state.selection.main;
  if (from < to && /\S/.test(state.sliceDoc(from, to))) return { what: "selection", from, to };
  let found = state.field(field);
  // The statement around the cursor must be known, however long the text before it is.
  if (!found.isComplete) found = found.more(state.doc, Infinity, head);
  const number = found.around(head, state.doc);
  if (number < 0 || (found.isComplete && found.count === 1)) return { what: "all", from: 0, to: state.doc.length };
  return { what: "statement", number: number + 1, count: found.count, ...found.at(number) };
};

/** Returns the first statement that begins in a line, as {from, to}, or null. */
const begunIn = (state, { from, to }) => {
  const found = state.field(field);
  const number = found.begunBy(from - 1);
  return number < found.count && found.at(number).from <= to ? found.at(number) : null;
};

class RunMarker extends GutterMarker {
  constructor(title) {
    super();
    this.title = title;
  }

  toDOM() {
    const mark = document.createElement("span");
    mark.title = this.title;
    mark.textContent = "▶";
    return mark;
  }
}

const tinted = Decoration.line({ class: "cm-at-cursor" });

/** Draws the tint of the lines in view, and reads on where a text is long. */
const view = ViewPlugin.fromClass(
  class {
    #timer = 0;

    constructor(editor) {
      this.editor = editor;
      this.update();
    }

    update() {
      this.decorations = this.#tint();
      if (this.#timer || this.editor.state.field(field).isComplete) return;
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.editor.dispatch({ effects: readOn.of(null) });
      });
    }

    destroy() {
      clearTimeout(this.#timer);
    }

    #tint() {
      const { state, visibleRanges } = this.editor;
      const found = state.field(field);
      if (found.count < 2 || !state.selection.main.empty) return Decoration.none;
      const number = found.around(state.selection.main.head, state.doc);
      const { from, to } = found.at(number);
      const lines = [];
      for (const range of visibleRanges) {
        const last = Math.min(range.to, to);
        for (let at = Math.max(range.from, from); at <= last; ) {
          const line = state.doc.lineAt(at);
          if (line.from !== lines.at(-1)?.from) lines.push(tinted.range(line.from));
          at = line.to + 1;
        }
      }
      return Decoration.set(lines);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/**
 * Returns the extension. `onRun({from, to})` is called for a ▶ that was pressed, `onTarget(what, number, count)`
 * (see target) when what Run would run has become another.
 */
export const statements = (title, onRun, onTarget) => {
  const marker = new RunMarker(title);
  let told = "";
  return [
    field,
    view,
    gutter({
      class: "cm-runs",
      lineMarker: ({ state }, line) => (begunIn(state, line) ? marker : null),
      lineMarkerChange: ({ startState, state }) => startState.field(field) !== state.field(field),
      initialSpacer: () => marker,
      domEventHandlers: {
        mousedown: ({ state }, line, event) => {
          const found = event.button === 0 && begunIn(state, line);
          if (!found) return false;
          event.preventDefault();
          onRun(found);
          return true;
        },
      },
    }),
    EditorView.updateListener.of(({ startState, state, selectionSet }) => {
      const found = state.field(field);
      if (!selectionSet && found === startState.field(field)) return;
      if (!found.isComplete) return; // it is told once the text is read
      const { what, number = 0, count = 0 } = target(state);
      const now = `${what} ${number} ${count}`;
      if (now === told) return;
      told = now;
      onTarget(what, number, count);
    }),
  ];
};
