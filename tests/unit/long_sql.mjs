// JavaScript because what it tries is: app/parts/long_sql.mjs.
// Standard input is JSON, a list of {text, at, insert}. For each: whether the text has the colours that
// the parser of lang-sql gives it, where its parts end, and, once `insert` was put in at `at`, whether
// its colours are those of a text that was always so, and how many of its parts are those of before.

import { readFileSync } from "node:fs";
import { EditorState } from "@codemirror/state";
import { SQLite } from "@codemirror/lang-sql";
import { ensureSyntaxTree } from "@codemirror/language";
import { classHighlighter, highlightTree } from "@lezer/highlight";
import { endOfPart, languageOf } from "../../app/parts/long_sql.mjs";

const PATIENCE = 60_000; // ms

const coloursOf = (tree) => {
  const colours = [];
  highlightTree(tree, classHighlighter, (from, to, classes) => {
    const last = colours.at(-1);
    // A part may end within what the other parser takes as one.
    if (last && last[1] === from && last[2] === classes) last[1] = to;
    else colours.push([from, to, classes]);
  });
  return colours;
};

const inputOf = (text) => ({ read: (from, to) => text.slice(from, to) });

const partsOf = (text) => {
  const ends = [];
  for (let at = 0; at < text.length; at = ends.at(-1)) ends.push(endOfPart(inputOf(text), at, text.length));
  return ends;
};

const stateOf = (doc) => EditorState.create({ doc, extensions: [languageOf(SQLite).extension] });
const treeOf = (state) => ensureSyntaxTree(state, state.doc.length, PATIENCE);
const areSame = (one, other) => JSON.stringify(coloursOf(one)) === JSON.stringify(coloursOf(other));

const told = JSON.parse(readFileSync(0, "utf8")).map(({ text, at, insert }) => {
  const before = stateOf(text);
  const earlier = new Set(treeOf(before).children);
  const after = before.update({ changes: { from: at, insert } }).state;
  const tree = treeOf(after);
  return {
    same: areSame(SQLite.language.parser.parse(text), languageOf(SQLite).parser.parse(text)),
    sameAfterwards: areSame(tree, treeOf(stateOf(after.doc))),
    ends: partsOf(text),
    parts: tree.children.length,
    kept: tree.children.filter((part) => earlier.has(part)).length,
  };
});
process.stdout.write(JSON.stringify(told));
